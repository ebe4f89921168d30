#include "reconcile/catalogues.hpp"

#include <algorithm>
#include <deque>
#include <future>
#include <map>
#include <string>
#include <utility>

namespace riptide::stages {
namespace {

std::future<pipeline::Result<HttpResponse>> send_for_later(HttpClient& client, HttpRequest request) {
  auto promise = std::make_shared<std::promise<pipeline::Result<HttpResponse>>>();
  auto answer = promise->get_future();
  Send send;
  send.request = std::move(request);
  send.done = [promise](pipeline::Result<HttpResponse> result) { promise->set_value(std::move(result)); };
  client.send(std::move(send));
  return answer;
}

}  // namespace

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

pipeline::Result<void> RemoteCatalogue::owned(const std::function<void(const OwnedEntity&)>& visit) {
  std::string cursor;
  while (true) {
    if (stop_.requested()) return pipeline::unexpected(ErrorKind::kStopped, "stopped while the catalogue was listed");
    auto response = send_and_wait(client_, sink_.owned_request(cursor));
    if (!response) return pipeline::unexpected(std::move(response).error());
    auto page = sink_.read_owned(*response, document_);
    if (!page) return pipeline::unexpected(std::move(page).error());
    for (const OwnedEntity& entity : page->entities) visit(entity);
    if (!page->cursor || page->cursor->empty()) return {};
    if (*page->cursor == cursor) {
      return pipeline::unexpected(ErrorKind::kMalformed,
                                  "the catalogue's listing gave the same cursor twice: " + response->safe_url);
    }
    cursor = std::move(*page->cursor);
  }
}

pipeline::Result<std::size_t> RemoteCatalogue::remove(std::span<const OwnedEntity> entities) {
  std::map<std::string, std::vector<std::string>> by_blueprint;
  for (const OwnedEntity& entity : entities) by_blueprint[entity.blueprint].push_back(entity.identifier);

  struct Removal {
    std::span<const std::string> identifiers;
    std::future<pipeline::Result<HttpResponse>> answer;
  };
  std::deque<Removal> under_way;
  std::size_t removed = 0;
  std::optional<Error> failure;
  const auto finish_first = [&] {
    Removal first = std::move(under_way.front());
    under_way.pop_front();
    auto response = first.answer.get();
    if (!response) {
      if (!failure) failure = std::move(response).error();
      return;
    }
    auto count = sink_.read_deleted(first.identifiers, *response, document_);
    if (count) {
      removed += *count;
    } else if (!failure) {
      failure = std::move(count).error();
    }
  };
  for (const auto& [blueprint, identifiers] : by_blueprint) {
    for (std::size_t begin = 0; begin < identifiers.size() && !failure; begin += sink_.max_delete()) {
      if (stop_.requested()) {
        failure = Error(ErrorKind::kStopped, "stopped while stale entities were deleted");
        break;
      }
      const auto some = std::span(identifiers).subspan(begin, std::min(sink_.max_delete(), identifiers.size() - begin));
      under_way.push_back({some, send_for_later(client_, sink_.delete_request(blueprint, some))});
      if (under_way.size() >= sink_.limits().max_in_flight) finish_first();
    }
  }
  while (!under_way.empty()) finish_first();
  if (failure) return pipeline::unexpected(std::move(*failure));
  return removed;
}

}  // namespace riptide::stages
