#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "messages.hpp"
#include "paginate/scope_book.hpp"
#include "riptide/pipeline/graph.hpp"
#include "run_state.hpp"

namespace riptide::stages {

/// The reading half of the graph: frontier, fetch and paginate.
class ReadingSide {
 public:
  explicit ReadingSide(RunState& state);

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
  std::unique_ptr<Transport> transport_;  // Dies first: its callbacks reach into the rest.
};

}  // namespace riptide::stages
