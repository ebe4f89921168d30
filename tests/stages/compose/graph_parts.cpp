#include "graph_parts.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "riptide/json/document.hpp"

namespace riptide {

Result<std::vector<PageRequest>> CountingSource::start(const std::string& kind) {
  if (!options_.kinds.empty() && std::find(options_.kinds.begin(), options_.kinds.end(), kind) == options_.kinds.end())
    return unexpected(ErrorKind::kConfig, "no kind " + kind);
  std::vector<PageRequest> requests;
  for (std::size_t i = 0; i < options_.partitions; ++i) requests.push_back({"p" + std::to_string(i), ""});
  return requests;
}

Result<LocalPage> CountingSource::read_page(const std::string& kind, const PageRequest& request) {
  if (options_.fails && options_.fails(read_.fetch_add(1))) return unexpected(ErrorKind::kNotFound, "page is gone");
  const std::size_t number = request.cursor.empty() ? 0 : std::stoul(request.cursor);
  LocalPage page;
  for (std::size_t i = 0; i < options_.records; ++i) {
    const std::size_t n = number * options_.records + i;
    page.records += "{\"id\":\"" + kind + "-" + request.partition + "-" + std::to_string(n) +
                    "\",\"n\":" + std::to_string(n) + ",\"group\":\"g" + std::to_string(n % 3) + "\",\"pad\":\"" +
                    std::string(options_.pad_bytes, 'x') + "\"}\n";
  }
  if (number + 1 < options_.pages) page.next = std::to_string(number + 1);
  return page;
}

Result<std::vector<stages::Outcome>> CollectingSink::write(const stages::Batch& batch) {
  if (writes_++ >= options_.fail_after) return unexpected(ErrorKind::kRejected, "collect is full");
  if (options_.slowness.count() > 0) std::this_thread::sleep_for(options_.slowness);
  const std::lock_guard lock(collected_->mutex);
  collected_->largest_batch = std::max(collected_->largest_batch, batch.entities.size());
  std::vector<stages::Outcome> outcomes;
  for (const auto& entity : batch.entities) {
    const std::string_view json = batch.json(entity);
    auto& outcome = outcomes.emplace_back();
    if (options_.refuses && options_.refuses(json)) {
      outcome.kind = stages::Outcome::Kind::kRejected;
      outcome.message = "refused";
      continue;
    }
    collected_->items.emplace_back(json);
    if (!entity.identifier.present()) continue;
    collected_->owned[json::text_of(batch.part(entity, entity.blueprint)) + "/" +
                      json::text_of(batch.part(entity, entity.identifier))] = json;
  }
  return outcomes;
}

Result<void> CollectingSink::owned(std::span<const std::uint32_t>,
                                   const std::function<bool(const stages::OwnedEntity&)>& visit) {
  for (const auto& [name, json] : collected_->owned) {
    const std::size_t slash = name.find('/');
    if (!visit({.blueprint = name.substr(0, slash), .identifier = name.substr(slash + 1), .kind = {}})) break;
  }
  return {};
}

Result<std::size_t> CollectingSink::remove(std::span<const stages::OwnedEntity> entities) {
  for (const auto& entity : entities)
    collected_->removed += collected_->owned.erase(entity.blueprint + "/" + entity.identifier);
  return entities.size();
}

Mapping counting_mapping(const std::vector<std::string>& kinds) {
  transform::MappingSpec spec;
  spec.origin = "test";
  for (const std::string& kind : kinds) {
    transform::ResourceSpec& resource = spec.resources.emplace_back();
    resource.kind = kind;
    resource.selector.text = "true";
    transform::EntitySpec& entity = resource.entities.emplace_back();
    entity.identifier = transform::ExpressionSpec{".id", "identifier"};
    entity.blueprint = transform::ExpressionSpec{".group", "blueprint"};
    entity.has_properties = true;
    entity.properties.emplace_back("n", transform::ExpressionSpec{".n", "properties.n"});
    entity.properties.emplace_back("pad", transform::ExpressionSpec{".pad", "properties.pad"});
  }
  auto mapping = Mapping::compile(spec);
  EXPECT_TRUE(mapping) << mapping.error().message;
  return *mapping;
}

RunReport run(Graph& graph, Stop* stop, int signal) {
  Stop own;
  auto report = graph.run(stop != nullptr ? *stop : own, [signal] { return signal; });
  if (!report) {
    ADD_FAILURE() << report.error().message;
    return {};
  }
  for (const std::string& fault : pipeline::check_accounting(*report)) ADD_FAILURE() << fault;
  for (const auto& error : report->errors) EXPECT_NE(error.stage, "accounting") << error.message;
  EXPECT_EQ(report->status, pipeline::status_of(report->exit_code));
  return *std::move(report);
}

pipeline::NodeStats::Items items_of(const RunReport& report, std::string_view stage) {
  for (const auto& row : report.stages) {
    if (row.name == stage && row.items) return *row.items;
  }
  ADD_FAILURE() << "no stage " << stage;
  return {};
}

pipeline::Tally total_of(const RunReport& report, std::size_t sink) {
  pipeline::Tally sum;
  if (sink >= report.sinks.size()) return sum;
  for (const auto& kind : report.sinks[sink].kinds) sum += kind.tally;
  return sum;
}

Elsewhere::Elsewhere() : thread_([this] { run(); }) {}

Elsewhere::~Elsewhere() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Elsewhere::post(std::function<void()> call) {
  {
    const std::lock_guard lock(mutex_);
    calls_.push_back(std::move(call));
  }
  wake_.notify_one();
}

void Elsewhere::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return ending_ || !calls_.empty(); });
    if (calls_.empty()) return;
    std::vector<std::function<void()>> calls;
    calls.swap(calls_);
    lock.unlock();
    // In another order than they came.
    std::for_each(calls.rbegin(), calls.rend(), [](auto& call) { call(); });
    calls.clear();
    lock.lock();
  }
}

}  // namespace riptide
