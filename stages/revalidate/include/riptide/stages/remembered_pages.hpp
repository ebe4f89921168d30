#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "riptide/pipeline/entity.hpp"
#include "riptide/pipeline/page.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/stages/http_message.hpp"
#include "riptide/state/state_file.hpp"

namespace riptide::stages {

/// Pages of earlier runs that their server can be asked about: compressed, in a file of their own for its user's eyes
/// only (0600), bounded. One thread of its own reads and writes the file; nobody waits for the disk. A file that is
/// damaged, or a page in it, is nothing remembered. Any thread; the caller holds the state file's writer's lock.
class RememberedPages {
 public:
  /// Where pages are kept, and how many bytes of them.
  struct Options {
    std::string path;
    state::StateOwner owner;
    std::uint64_t most_bytes = 256u << 20;  ///< Of the file, about.
    std::size_t most_pages = 50'000;        ///< Each costs about 150 bytes of memory.
    /// Of copies of pages that wait to be compressed, while the source is faster than that; more are not remembered
    /// this time.
    std::size_t most_waiting_bytes = 4u << 20;
    std::function<void(std::string)> warn;  ///< Once, when nothing more is remembered. May be null.
  };
  /// A page whose like is remembered.
  struct Known {
    pipeline::Digest key;
    Header condition;            ///< `If-None-Match` or `If-Modified-Since`.
    std::size_t body_bytes = 0;  ///< Of the page.
  };

  /// Opens the file, or makes it (anew, if it is damaged or another's). Forgets what ten runs did not ask for. Errors:
  /// kTransport (its place cannot be written).
  [[nodiscard]] static pipeline::Result<std::unique_ptr<RememberedPages>> open(Options options);
  /// Ends with what waits written.
  ~RememberedPages();
  RememberedPages(const RememberedPages&) = delete;
  RememberedPages& operator=(const RememberedPages&) = delete;

  /// Removes a file and what SQLite keeps beside it. Only with the writer's lock held. Errors: kConfig.
  [[nodiscard]] static pipeline::Result<void> remove(const std::string& path);

  /// What an answer to this request would be remembered by: its URL and headers, digested. Nothing for what is never
  /// remembered: other methods than GET, requests with a condition or range of their own, or `no-store`.
  [[nodiscard]] static std::optional<pipeline::Digest> key_of(const HttpRequest& request);

  [[nodiscard]] std::optional<Known> find(const pipeline::Digest& key) const;
  /// Remembers an answer, if its server gave it an `ETag` or `Last-Modified` and does not forbid it (`no-store`,
  /// `Vary: *`; RFC 9111 section 3). Never blocks.
  void remember(const pipeline::Digest& key, const HttpResponse& response);
  /// Gets the page that a 304 stands for: the remembered one, with the 304's own headers over its headers, and the
  /// credit of the 304's body, which covers `known.body_bytes`.
  /// @param known        What is remembered of it.
  /// @param not_modified The 304.
  /// @param buffers  Where its body comes from; null allocates. Borrowed until `recalled` was called.
  /// @param recalled Called once, on the file's thread: nothing if it is not there any more, or damaged. It is
  ///                 forgotten then. Must not throw or block.
  void recall(const Known& known, HttpResponse not_modified, pipeline::PagePool* buffers,
              std::function<void(std::optional<HttpResponse>)> recalled);
  /// Blocks until all that was to be remembered or recalled by now is.
  void finish_work();

 private:
  class Keeper;
  explicit RememberedPages(std::unique_ptr<Keeper> keeper);
  std::unique_ptr<Keeper> keeper_;
};

}  // namespace riptide::stages
