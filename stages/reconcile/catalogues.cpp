#include "reconcile/catalogues.hpp"

#include <algorithm>
#include <deque>
#include <future>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "relate/dependency_order.hpp"

namespace riptide::stages {
std::future<pipeline::Result<HttpResponse>> send_for_later(HttpClient& client, HttpRequest request) {
  auto promise = std::make_shared<std::promise<pipeline::Result<HttpResponse>>>();
  auto answer = promise->get_future();
  Send send;
  send.request = std::move(request);
  send.done = [promise](pipeline::Result<HttpResponse> result) { promise->set_value(std::move(result)); };
  client.send(std::move(send));
  return answer;
}

pipeline::Result<HttpResponse> send_and_wait(HttpClient& client, HttpRequest request) {
  return send_for_later(client, std::move(request)).get();
}

pipeline::Result<void> LocalCatalogue::owned(const std::function<void(const OwnedEntity&)>& visit) {
  return sink_.owned(resources_, [&](const OwnedEntity& entity) {
    visit(entity);
    return true;
  });
}

pipeline::Result<std::size_t> LocalCatalogue::remove(std::span<const OwnedEntity> entities) {
  return sink_.remove(entities);
}

pipeline::Result<void> RemoteCatalogue::walk(const std::function<HttpRequest(std::string_view)>& request,
                                             const std::function<bool(const OwnedEntity&)>& visit) {
  std::unordered_set<std::string> cursors;
  std::string cursor;
  while (true) {
    if (stop_.requested()) return pipeline::unexpected(ErrorKind::kStopped, "stopped while the catalogue was listed");
    auto response = send_and_wait(client_, request(cursor));
    if (!response) return pipeline::unexpected(std::move(response).error());
    auto page = sink_.read_owned(*response, document_);
    if (!page) return pipeline::unexpected(std::move(page).error());
    for (const OwnedEntity& entity : page->entities) {
      if (!visit(entity)) return {};
    }
    if (!page->cursor || page->cursor->empty()) return {};
    cursor = std::move(*page->cursor);
    // A listing that goes in circles would never end, and never be whole.
    if (!cursors.insert(cursor).second) {
      return pipeline::unexpected(ErrorKind::kMalformed,
                                  "the catalogue's listing gave the same cursor twice: " + response->safe_url);
    }
  }
}

pipeline::Result<void> RemoteCatalogue::owned(const std::function<void(const OwnedEntity&)>& visit) {
  return walk([this](std::string_view cursor) { return sink_.owned_request(cursor); },
              [&](const OwnedEntity& entity) {
                visit(entity);
                return true;
              });
}

pipeline::Result<void> RemoteCatalogue::spare(std::vector<OwnedEntity>& stale) {
  if (!stale.empty()) {
    if (auto spared = spare_changed(stale); !spared) return spared;
  }
  return stale.empty() ? pipeline::Result<void>() : spare_related(stale);
}

/// Keeps only what the target lists as unchanged since the run began.
pipeline::Result<void> RemoteCatalogue::spare_changed(std::vector<OwnedEntity>& stale) {
  if (!sink_.unchanged_request({}, sparing_.run_began)) return {};
  const auto key_of = [](const OwnedEntity& entity) {
    return pipeline::identity_digest(entity.blueprint, entity.identifier);
  };
  struct Hash {
    std::size_t operator()(const pipeline::Digest& digest) const noexcept { return digest.low; }
  };
  std::unordered_map<pipeline::Digest, OwnedEntity*, Hash> unchanged;  // Null once it was listed.
  for (OwnedEntity& entity : stale) unchanged.emplace(key_of(entity), &entity);
  std::size_t missing = unchanged.size();
  auto walked = walk([this](std::string_view cursor) { return *sink_.unchanged_request(cursor, sparing_.run_began); },
                     [&](const OwnedEntity& entity) {
                       const auto found = unchanged.find(key_of(entity));
                       if (found != unchanged.end() && found->second != nullptr) {
                         // Who was remembered by name alone learns what it relates to.
                         found->second->related = entity.related;
                         found->second = nullptr;
                         --missing;
                       }
                       return missing > 0;
                     });
  if (!walked) return walked;
  std::erase_if(stale, [&](const OwnedEntity& entity) { return unchanged.at(key_of(entity)) != nullptr; });
  return {};
}

/// Keeps only what no entity of this run relates to.
pipeline::Result<void> RemoteCatalogue::spare_related(std::vector<OwnedEntity>& stale) {
  if (sparing_.related == nullptr) return {};
  // By the blueprint that they lead to: (blueprint, relation).
  std::multimap<std::string, std::pair<std::string, std::string>, std::less<>> leading_to;
  for (const auto& [blueprint, names] : sparing_.related->relations()) {
    auto request = sink_.relations_request(blueprint);
    if (!request) return {};
    auto response = send_and_wait(client_, std::move(*request));
    if (!response) return pipeline::unexpected(std::move(response).error());
    auto relations = sink_.read_relations(*response, document_);
    if (!relations) return pipeline::unexpected(std::move(relations).error());
    for (RelationSpec& relation : *relations) {
      if (names.contains(relation.name)) {
        leading_to.emplace(std::move(relation.target), std::pair(blueprint, std::move(relation.name)));
      }
    }
  }
  std::erase_if(stale, [&](const OwnedEntity& entity) {
    const auto [begin, end] = leading_to.equal_range(entity.blueprint);
    return std::any_of(begin, end, [&](const auto& relation) {
      return sparing_.related->contains(relation.second.first, relation.second.second, entity.identifier);
    });
  });
  return {};
}

pipeline::Result<std::size_t> RemoteCatalogue::remove(std::span<const OwnedEntity> entities) {
  if (!sink_.removes_in_order()) {
    std::map<std::string_view, std::vector<std::string>> by_blueprint;
    for (const OwnedEntity& entity : entities) by_blueprint[entity.blueprint].push_back(entity.identifier);
    std::vector<Removal> removals;
    for (const auto& [blueprint, identifiers] : by_blueprint) {
      for (std::size_t at = 0; at < identifiers.size(); at += sink_.max_delete()) {
        const auto some = std::span(identifiers).subspan(at, std::min(sink_.max_delete(), identifiers.size() - at));
        removals.push_back({blueprint, {some.begin(), some.end()}});
      }
    }
    return remove_all(removals);
  }
  std::size_t removed = 0;
  for (const std::vector<std::size_t>& level : dependents_first(entities)) {
    std::vector<Removal> removals;
    for (const std::size_t i : level) removals.push_back({entities[i].blueprint, {entities[i].identifier}});
    auto some = remove_all(removals);
    if (!some) return some;
    removed += *some;
  }
  return removed;
}

pipeline::Result<std::size_t> RemoteCatalogue::remove_all(const std::vector<Removal>& removals) {
  struct UnderWay {
    const Removal* removal;
    std::future<pipeline::Result<HttpResponse>> answer;
  };
  std::deque<UnderWay> under_way;
  std::size_t removed = 0;
  std::optional<Error> failure;
  const auto finish_first = [&] {
    UnderWay first = std::move(under_way.front());
    under_way.pop_front();
    auto response = first.answer.get();
    if (!response) {
      if (!failure) failure = std::move(response).error();
      return;
    }
    auto count = sink_.read_deleted(first.removal->identifiers, *response, document_);
    if (count) {
      removed += *count;
    } else if (!failure) {
      failure = std::move(count).error();
    }
  };
  for (const Removal& removal : removals) {
    if (failure) break;
    if (stop_.requested()) {
      failure = Error(ErrorKind::kStopped, "stopped while stale entities were deleted");
      break;
    }
    under_way.push_back(
        {&removal, send_for_later(client_, sink_.delete_request(removal.blueprint, removal.identifiers))});
    if (under_way.size() >= sink_.limits().max_in_flight) finish_first();
  }
  while (!under_way.empty()) finish_first();
  if (failure) return pipeline::unexpected(std::move(*failure));
  return removed;
}

}  // namespace riptide::stages
