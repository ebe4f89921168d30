#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "paginate/scope_book.hpp"
#include "riptide/pipeline/credits.hpp"
#include "riptide/pipeline/entity.hpp"
#include "riptide/pipeline/page.hpp"
#include "riptide/pipeline/record.hpp"
#include "riptide/stages/http_message.hpp"
#include "riptide/stages/sink.hpp"
#include "riptide/stages/source.hpp"

namespace riptide::stages {

using pipeline::Credit;

// What travels the graph of a resync, edge by edge.

/// frontier -> fetch
struct AdmittedRequest {
  PendingRequest pending;
  Credit token;  ///< One page.
  Credit body;   ///< Bytes of the expected body.
};

/// fetch -> paginate
struct FetchedPage {
  FetchedPage(PendingRequest request, Credit page_token, Result<HttpResponse> result)
      : pending(std::move(request)), token(std::move(page_token)), answer(std::move(result)) {}
  PendingRequest pending;
  Credit token;
  Result<HttpResponse> answer;
};

/// A call that travels among the messages: to a stage with a state of its own.
enum class Call : std::uint8_t { kNone, kTick, kFinish };

/// paginate -> budget -> what takes records
struct ReadPage {
  Page page;
  pipeline::RecordSet records;
  std::uint32_t scope = 0;
  std::optional<TextPlace> begins;
  std::uint32_t ticket = 0;  ///< See `PageTickets`; 0: none.
  ScopeRef spec;
  Credit token;
  std::shared_ptr<const Credit> shared_token;  ///< Instead of `token` where several have copies of one page.
  Credit credit;                               ///< For the entities to come; given by the valve.
  std::uint32_t source = 0;                    ///< Number of the source among those of the graph.
  Call call = Call::kNone;

  /// The page is no more than memory from here on.
  void release_token() noexcept {
    token.release();
    shared_token.reset();
  }
};

/// transform -> diff -> batch, and the calls to let partial batches go.
struct MappedBlock {
  enum class Flush { kNone, kAll, kOlder, kStarved };
  pipeline::EntityBuffer entities;
  Credit credit;
  Flush flush = Flush::kNone;
  bool in_order = false;  ///< What these entities relate to was sent before: none of them is held back.
  /// Set behind a diff: what remains of that block (which all sinks share) is `changed`, with its bytes.
  std::shared_ptr<const MappedBlock> part_of;
  std::vector<Entity> changed;
  Call call = Call::kNone;

  [[nodiscard]] const pipeline::EntityBuffer& buffer() const noexcept { return part_of ? part_of->entities : entities; }
  [[nodiscard]] const std::vector<Entity>& to_send() const noexcept { return part_of ? changed : entities.entities; }
};

/// upload -> settle
struct Answer {
  std::shared_ptr<Batch> batch;
  std::uint64_t write = 0;  ///< Of a local sink: how many it had then, this one included.
  using What = std::variant<Result<HttpResponse>, Result<std::vector<Outcome>>>;
  What what;
};

}  // namespace riptide::stages
