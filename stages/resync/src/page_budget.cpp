#include "page_budget.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace riptide::stages {

void PageBudget::build(pipeline::Graph& graph, const pipeline::Node<FetchedPage, ReadPage>& paginate,
                       std::function<void()> starved) {
  node_ = graph.async<ReadPage, ReadPage>(
      {.name = "budget",
       .says = fmt::format("waits while {} KiB of entities are on their way", state_.batch_bytes.capacity() >> 10),
       .waiting_on = [] { return std::string("batch memory"); }},
      [this](std::shared_ptr<ReadPage> page, pipeline::Completion<ReadPage> completion) {
        std::size_t amount = 0;
        for (const auto& expected : expected_[page->source]) amount += expected(page->page->size());
        valve_->pass(std::move(page), std::max<std::size_t>(1, amount), std::move(completion));
      });
  graph.edge(paginate, *node_, "page + record spans");
  valve_ = std::make_unique<Valve<ReadPage>>(
      state_.batch_bytes, std::move(starved),
      [this](std::shared_ptr<ReadPage> page, const pipeline::Completion<ReadPage>& completion) {
        const std::uint32_t source = page->source;
        outlets_[source].give(std::move(page), [&completion](std::size_t channel, std::shared_ptr<ReadPage> given) {
          completion.to(channel, std::move(given));
        });
      });
}

}  // namespace riptide::stages
