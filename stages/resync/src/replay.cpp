#include "riptide/stages/replay.hpp"

#include <algorithm>
#include <mutex>
#include <set>
#include <utility>

#include "compose/src/item_state.hpp"
#include "letters.hpp"
#include "riptide/json/document.hpp"
#include "riptide/pipeline/cores.hpp"
#include "riptide/pipeline/graph.hpp"
#include "run_state.hpp"
#include "sink_lane.hpp"

namespace riptide::stages {
namespace {

/// Finds the parts of an entity in its JSON. False if it is none.
bool take_apart(std::string_view json, json::Document& document, Entity& entity) {
  std::string padded(json);
  padded.append(json::Document::kPadding, '\0');
  return riptide::detail::take_apart(std::string_view(padded).substr(0, json.size()), document, entity).has_value();
}

/// What letters become: entities, by the sink that they are for ("": all).
class Revived {
 public:
  Revived(const std::shared_ptr<const transform::Mapping>& mapping, const std::vector<DeadLetter>& letters) {
    transform::Mapper mapper(mapping);
    json::Document document;
    for (std::size_t i = 0; i < letters.size(); ++i) {
      const auto scope = static_cast<std::uint32_t>(i);
      if (letters[i].stage == "upload") {
        revive_entity(letters[i], scope, document);
      } else {
        revive_record(letters[i], scope, mapper);
      }
    }
  }

  std::vector<std::shared_ptr<MappedBlock>> blocks;
  std::vector<std::string> sinks;             ///< Of the blocks.
  std::vector<std::int64_t> mapped;           ///< Letters of records that the mapping takes now.
  std::vector<pipeline::ErrorReport> errors;  ///< Of the others.

 private:
  void add(EntityBuffer entities, std::uint32_t scope, std::string sink) {
    for (Entity& entity : entities.entities) entity.scope = scope;
    auto block = std::make_shared<MappedBlock>();
    block->entities = std::move(entities);
    blocks.push_back(std::move(block));
    sinks.push_back(std::move(sink));
  }

  void fail(const DeadLetter& letter, std::string message) {
    errors.push_back({letter.kind, letter.identifier, letter.blueprint, letter.stage, std::move(message), 1});
  }

  void revive_entity(const DeadLetter& letter, std::uint32_t scope, json::Document& document) {
    EntityBuffer buffer;
    Entity entity;
    entity.resource = letter.resource;
    if (!take_apart(letter.bytes, document, entity)) return fail(letter, "the letter holds no entity");
    buffer.bytes = letter.bytes;
    buffer.entities.push_back(entity);
    add(std::move(buffer), scope, letter.sink);
  }

  void revive_record(const DeadLetter& letter, std::uint32_t scope, transform::Mapper& mapper) {
    const Page page = pipeline::make_page(letter.bytes);
    pipeline::RecordSet records;
    records.add(0, static_cast<std::uint32_t>(letter.bytes.size()));
    transform::MappedPage mapped_page;
    mapper.map(letter.resource, page, records, mapped_page);
    if (!mapped_page.faults.empty()) return fail(letter, mapped_page.faults.front().message);
    mapped.push_back(letter.id);
    if (!mapped_page.entities.entities.empty()) add(std::move(mapped_page.entities), scope, "");
  }
};

}  // namespace

Result<Replayed> replay(ResyncParts parts, ResyncOptions options, const std::vector<DeadLetter>& letters,
                        pipeline::Stop& stop) {
  std::vector<DeadLetter> known;
  Replayed result;
  const std::size_t resources = parts.mapping->spec().resources.size();
  for (const DeadLetter& letter : letters) {
    if (letter.resource < resources && parts.mapping->spec().resources[letter.resource].kind == letter.kind) {
      known.push_back(letter);
      continue;
    }
    // The mapping was changed since: the first block of that kind stands for it.
    const auto& specs = parts.mapping->spec().resources;
    const auto found =
        std::find_if(specs.begin(), specs.end(), [&](const auto& spec) { return spec.kind == letter.kind; });
    if (found == specs.end()) {
      ++result.failed;
      result.errors.push_back(
          {letter.kind, letter.identifier, letter.blueprint, letter.stage, "the mapping has no such kind any more", 1});
      continue;
    }
    known.push_back(letter);
    known.back().resource = static_cast<std::uint32_t>(found - specs.begin());
  }
  Revived revived(parts.mapping, known);

  RunParts shared;
  shared.source = std::move(parts.source);
  shared.context = std::move(parts.context);
  shared.state = std::move(parts.state);
  shared.dead_letters = std::move(parts.dead_letters);
  for (const auto& resource : parts.mapping->spec().resources) shared.blocks.push_back(&resource);
  auto sinks = std::move(parts.sinks);
  for (const auto& sink : sinks) {
    shared.sinks.push_back({sink->limits(), dynamic_cast<const RemoteSink*>(sink.get()) != nullptr});
  }
  RunState state(std::move(shared), std::move(options));
  state.stop = &stop;
  std::mutex refused_mutex;
  std::vector<bool> refused(known.size());  // By letter: an entity of it. Guarded by refused_mutex.
  state.refused_tap = [&](std::uint32_t letter) {
    const std::lock_guard lock(refused_mutex);
    if (letter < refused.size()) refused[letter] = true;
  };
  pipeline::Graph graph({.title = "replay",
                         .threads = state.options.threads > 0 ? state.options.threads : pipeline::cores_allowed(),
                         .stop = &stop});
  std::vector<std::unique_ptr<SinkLane>> lanes;
  using Feed = pipeline::Node<ReadPage, MappedBlock>;
  std::vector<Feed> feeds;
  for (std::size_t i = 0; i < sinks.size(); ++i) {
    const std::string suffix = " " + std::to_string(i + 1);
    lanes.push_back(std::make_unique<SinkLane>(
        state, static_cast<std::uint32_t>(i), std::move(sinks[i]),
        LaneOptions{.sink = plain_sink(state.options, 1), .resources = state.options.resources}, [] {}));
    feeds.push_back(graph.stage<ReadPage, MappedBlock>(
        {.name = "letters" + suffix, .says = "what was given up before"},
        [&revived](std::shared_ptr<ReadPage> page, pipeline::Emit<MappedBlock> emit) {
          auto block = std::make_shared<MappedBlock>();
          block->entities = revived.blocks[page->scope]->entities;
          emit(std::move(block));
        }));
    lanes.back()->build(graph, suffix);
    lanes.back()->feed_from(feeds.back());
  }
  for (const auto& lane : lanes) {
    auto opened = lane->open([&known](std::uint32_t scope) { return scope < known.size() ? known[scope].scope : "*"; });
    if (!opened) return pipeline::unexpected(std::move(opened).error());
  }
  const auto listening = stop.on_request([&lanes](pipeline::Stop::Urgency urgency) {
    if (urgency != pipeline::Stop::Urgency::kAbort) return;
    for (const auto& lane : lanes) lane->abort();
  });
  for (std::size_t block = 0; block < revived.blocks.size() && !stop.requested(); ++block) {
    for (std::size_t i = 0; i < lanes.size(); ++i) {
      if (!revived.sinks[block].empty() && revived.sinks[block] != lanes[i]->sink().spec()) continue;
      auto page = std::make_shared<ReadPage>();
      page->scope = static_cast<std::uint32_t>(block);
      graph.put(feeds[i], std::move(page));
    }
  }
  graph.wait();
  for (const auto& lane : lanes) lane->flush(MappedBlock::Flush::kAll);
  graph.wait();
  for (const auto& lane : lanes) lane->end_writes();
  for (const auto& lane : lanes) lane->finish(Finish::kPartial);
  for (const auto& lane : lanes) {
    if (result.sink_error.empty() && lane->has_failed()) result.sink_error = lane->error();
  }
  if (result.sink_error.empty() && stop.requested()) result.sink_error = "stopped";

  DeadLetters& store = *state.letters;
  if (auto flushed = store.flush(); !flushed) return pipeline::unexpected(std::move(flushed).error());
  // Records that the mapping takes now are entities: delivered, or letters of their own.
  if (result.sink_error.empty()) {
    if (auto dropped = store.drop(revived.mapped); !dropped) return pipeline::unexpected(std::move(dropped).error());
  }
  std::set<std::int64_t> left;
  auto listed = store.list({}, [&left](const DeadLetter& letter) {
    left.insert(letter.id);
    return true;
  });
  if (!listed) return pipeline::unexpected(std::move(listed).error());
  const auto rejected = state.errors.rows();
  std::uint64_t not_settled = 0;
  for (std::size_t i = 0; i < known.size(); ++i) not_settled += refused[i] || left.contains(known[i].id) ? 1 : 0;
  result.failed += not_settled;
  result.settled = known.size() - not_settled;
  result.errors.insert(result.errors.end(), revived.errors.begin(), revived.errors.end());
  result.errors.insert(result.errors.end(), rejected.begin(), rejected.end());
  return result;
}

}  // namespace riptide::stages
