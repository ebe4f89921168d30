#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compose/src/joined_sources.hpp"
#include "messages.hpp"
#include "paginate/scope_book.hpp"
#include "riptide/local_source.hpp"
#include "riptide/node_options.hpp"
#include "riptide/pipeline/graph.hpp"
#include "riptide/stages/transport.hpp"
#include "run_state.hpp"

namespace riptide::stages {

/// A source as it is read.
struct ReadingSource {
  std::string name;
  std::shared_ptr<const Source> source;
  std::shared_ptr<riptide::LocalSource> local;  ///< Null of a system behind HTTP.
  riptide::SourceOptions options;
};

/// The reading half of the graph: frontier, fetch and paginate.
class ReadingSide {
 public:
  /// `joined`, if there are several sources, is `state.source`.
  ReadingSide(RunState& state, std::vector<ReadingSource> sources, const riptide::JoinedSources* joined);

  /// Adds its nodes. `state.stop` is set.
  void build(pipeline::Graph& graph);
  /// Starts the transport that the source asks for. Errors: kInternal.
  Result<void> open();
  /// Enters the first requests and admits what may be.
  void start(std::vector<Request> requests);

  /// Admits requests as far as page tokens and memory allow. Any thread; called whenever credit comes home or requests
  /// come in. One caller works, the others only make it look again.
  void admit() noexcept;
  /// Admits nobody any more and gives back the token kept for the next. The graph is done.
  void close();
  void stop(pipeline::Stop::Urgency urgency);

  [[nodiscard]] ScopeBook& book() noexcept { return book_; }
  [[nodiscard]] const ScopeBook& book() const noexcept { return book_; }
  [[nodiscard]] const pipeline::Node<FetchedPage, ReadPage>& paginate() const { return *paginate_; }
  [[nodiscard]] const pipeline::Node<AdmittedRequest, FetchedPage>& fetch() const { return *fetch_; }
  /// Of the source's hosts. Answers that were no pages and were asked for again count as retries.
  [[nodiscard]] std::vector<HostStats> host_stats() const;

 private:
  void admit_all() noexcept;
  void send_request(std::shared_ptr<AdmittedRequest> admitted, pipeline::Completion<FetchedPage> completion);
  void read_page(FetchedPage& fetched, const pipeline::Emit<ReadPage>& emit);
  bool repair_utf8(HttpResponse& response);
  [[nodiscard]] Page charged(Page made);
  void page_of(FetchedPage& fetched, PageStep step, const pipeline::Emit<ReadPage>& emit);
  void page_without_answer(FetchedPage& fetched);
  void page_unreadable(FetchedPage& fetched, Error error);
  void page_failed(const PendingRequest& pending, const Error& error);
  void say_failure(const ScopeSpec& spec, const std::string& message);
  void learn_body_size(std::size_t bytes) noexcept;
  [[nodiscard]] std::size_t source_of(const Request& request) const noexcept;
  Result<std::unique_ptr<Transport>> transport_of(const ReadingSource& source);
  Result<PageStep> step_of(const FetchedPage& fetched, json::Document& document) const;

  RunState& state_;
  ScopeBook book_;
  pipeline::PagePool page_buffers_;
  pipeline::Graph* graph_ = nullptr;
  std::optional<pipeline::Node<AdmittedRequest, FetchedPage>> fetch_;
  std::optional<pipeline::Node<FetchedPage, ReadPage>> paginate_;
  std::optional<Credit> spare_token_;  ///< Touched by whoever admits, one at a time.
  std::atomic<int> admissions_{0};
  std::atomic<bool> closed_{false};
  std::atomic<const char*> waits_for_{"source"};
  std::atomic<std::size_t> body_credit_;
  std::atomic<std::uint64_t> malformed_retries_{0};
  std::atomic<bool> said_repaired_{false};
  const std::vector<ReadingSource> sources_;
  const riptide::JoinedSources* const joined_;
  std::vector<std::unique_ptr<Transport>> transports_;  // By source. They die first: they call back into the rest.
};

}  // namespace riptide::stages
