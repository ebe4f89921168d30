#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "riptide/json/document.hpp"
#include "riptide/pipeline/record.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/stages/auth.hpp"
#include "riptide/stages/host_limits.hpp"
#include "riptide/stages/http_message.hpp"

namespace riptide::stages {

/// What of one resource block of the mapping concerns the source.
struct SourceResource {
  std::uint32_t index = 0;  ///< Position in the mapping's `resources`.
  std::string kind;
  std::vector<std::pair<std::string, std::string>> selector;  ///< Fields beside `query`, values as JSON text.
};

/// A part of the source that is read to its end or not: some resources, and a partition of theirs. Deletes follow
/// closed scopes. Pages of one scope are fetched once and mapped by each of its resources.
struct ScopeSpec {
  std::vector<std::uint32_t> resources;  ///< Indexes of the mapping's resource blocks that the scope's records go to.
  /// Resources that stay incomplete if this scope fails, though its records are not theirs: a listing that others hang
  /// on (the spaces of a server). May be empty.
  std::vector<std::uint32_t> dependents;
  std::string partition = "*";
};
using ScopeRef = std::shared_ptr<const ScopeSpec>;

/// What to fetch next: owned and small. `Source::render` turns it into HTTP.
struct Request {
  ScopeRef scope;
  std::uint32_t step = 0;    ///< The source's own mark: which of its requests this is.
  std::uint64_t offset = 0;  ///< Position within the scope, in records; identifies the page together with `cursor`.
  std::string cursor;        ///< Opaque place in a token chain, else empty; with offset 0 another run may go on there.
  std::shared_ptr<const std::string> context;  ///< Parent's bytes for the joined record; null if none.
};

/// The pages of a scope whose total is known: offsets 0, step, 2 * step ... up to `last_offset`. They are fetched at
/// once, as far as tokens allow.
struct PageExtent {
  std::uint64_t step = 0;
  std::uint64_t last_offset = 0;
};

/// Digests of the identities of a page's first and last record. When the last of one page comes again as the first of
/// the next, the listing moved between the two answers, even if its total did not; when both come again, the server
/// sent the same page twice.
struct PageEdges {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  friend bool operator==(const PageEdges&, const PageEdges&) = default;
};

/// A place in a text: of a record in the file that it is of.
struct TextPlace {
  std::uint64_t byte = 0;             ///< From 0.
  std::optional<std::uint64_t> line;  ///< From 1; nothing if it is not known.
};

/// What a source learned from one answer.
struct PageStep {
  pipeline::RecordSet records;  ///< In server order.
  /// What the records' spans lie in, where that is not the answer's body: records that were
  /// joined from several answers, or made by an expression. Null otherwise.
  Page page;
  /// Which pages the scope has, as this page tells. Pages that nobody fetched yet are fetched. None: this page and the
  /// requests in `next` are all.
  std::optional<PageExtent> extent;
  /// Number of records in the scope, as this page tells. When it moves during the run, pages that were read before are
  /// read again (three rounds at most, then the scope stays open).
  std::optional<std::uint64_t> total;
  /// Where a listing that moves while it is read is an error at once: the message. What an unfinished run read of
  /// another listing is read again all the same. Empty: as above.
  std::string if_moved;
  /// Where the records have identities that are unique in their scope; none for an empty page.
  std::optional<PageEdges> edges;
  /// Requests for other scopes (children), or the next of a chain in this scope. A chain whose next request was asked
  /// before is going round in a circle: its scope stays open.
  std::vector<Request> next;
  /// Where the page begins in its file, if it is of one: faults of records say where they are.
  std::optional<TextPlace> begins;
  /// Something the user should know, once a scope (e.g. a capped listing). Empty if nothing.
  std::string notice;
};

/// A system to read, as a pure description: no socket, clock, thread, log or state. Called concurrently.
class Source {
 public:
  virtual ~Source() = default;

  /// The integration type, e.g. "octopus".
  [[nodiscard]] virtual std::string_view type() const noexcept = 0;

  /// What answers its requests: files (see `FileRequest`), or servers.
  [[nodiscard]] virtual bool reads_files() const noexcept { return false; }

  /// Returns the first requests for these resources. Errors: kConfig (an unknown kind, a bad selector field).
  [[nodiscard]] virtual Result<std::vector<Request>> start(std::span<const SourceResource> resources) const = 0;

  /// Returns what the user should know before anything is read, e.g. a kind that is left out for want of a setting.
  [[nodiscard]] virtual std::vector<std::string> notices(std::span<const SourceResource> /*resources*/) const {
    return {};
  }

  /// Writes one request as HTTP. Total: whatever `start` and `read` returned can be rendered.
  [[nodiscard]] virtual HttpRequest render(const Request& request) const = 0;

  /// Reads one answer and says what to fetch next.
  ///
  /// @param request  What was asked.
  /// @param response Any final status (retries are over), headers and padded body. Borrowed.
  /// @param document The calling thread's walker; nothing in it survives the call.
  /// @return Records (spans of the body) and what the page tells of its scope.
  ///         An Error fails the scope: it stays open and nothing is deleted. kMalformed is first asked for again.
  /// Pure: same request and answer, same result.
  [[nodiscard]] virtual Result<PageStep> read(const Request& request, const HttpResponse& response,
                                              json::Document& document) const = 0;

  /// How requests are signed; null if they are not.
  [[nodiscard]] virtual const Auth* auth() const noexcept { return nullptr; }

  /// Limits that the source's hosts are known to have; asked once, before the first request. Most need none: quotas
  /// that the answers tell are obeyed, and the number of requests in flight finds its level.
  [[nodiscard]] virtual std::vector<HostLimits> host_limits() const { return {}; }
};

}  // namespace riptide::stages
