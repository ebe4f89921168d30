#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/entity.hpp"
#include "riptide/pipeline/page.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/stages/http_message.hpp"
#include "riptide/state/state_file.hpp"

namespace riptide::stages {

/// How a server knows a version of a page again.
struct Validator {
  std::string text;
  bool by_date = false;  ///< A `Last-Modified`, else an `ETag`.
  friend bool operator==(const Validator&, const Validator&) = default;
};

/// The file of remembered pages. What this run asked for is not given up for something new: where not all pages fit,
/// the same ones are there run after run. One thread at a time. Errors of all calls are those of `state::Database`.
class PageArchive {
 public:
  struct Row {
    pipeline::Digest key;
    Validator validator;
    std::size_t body_bytes = 0;
  };
  struct Limits {
    std::uint64_t bytes = 0;
    std::size_t pages = 0;
  };
  struct Stored {
    std::vector<Header> headers;
    std::shared_ptr<pipeline::PageBuffer> body;
  };

  /// Opens the file; see `RememberedPages::open`. @param rows  Gets what is in it.
  static pipeline::Result<std::unique_ptr<PageArchive>> open(const std::string& path, const state::StateOwner& owner,
                                                             Limits limits, std::vector<Row>& rows);

  /// Stores a page, if there is room; gives up others for it. @param gone  Gets the keys of those.
  /// @return Whether it is stored.
  pipeline::Result<bool> put(const Row& row, const std::vector<Header>& headers, std::string_view body,
                             std::vector<pipeline::Digest>& gone);
  /// Reads a page and marks it as asked for. Nothing if it is not there in this version, or damaged: then it is
  /// removed.
  pipeline::Result<std::optional<Stored>> take(const Row& row, std::shared_ptr<pipeline::PageBuffer> buffer);
  /// Makes what was done so far last.
  pipeline::Result<void> commit();

 private:
  PageArchive(std::unique_ptr<state::Database> database, Limits limits)
      : database_(std::move(database)), limits_(limits) {}

  pipeline::Result<void> begin();
  pipeline::Result<void> load(std::vector<Row>& rows);
  pipeline::Result<void> drop(const pipeline::Digest& key);
  pipeline::Result<bool> make_room(std::uint64_t bytes, std::vector<pipeline::Digest>& gone);

  std::unique_ptr<state::Database> database_;
  Limits limits_;
  std::optional<state::Transaction> transaction_;
  std::int64_t run_ = 0;
  std::uint64_t bytes_ = 0;
  std::size_t pages_ = 0;
  std::string packed_;
};

}  // namespace riptide::stages
