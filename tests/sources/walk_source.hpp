#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "paginate/scope_book.hpp"
#include "riptide/stages/source.hpp"

namespace riptide::test {

/// Answers a request that a source rendered.
using Server = std::function<stages::HttpResponse(const stages::HttpRequest&)>;

inline stages::HttpResponse answer(int status, std::string_view body) {
  stages::HttpResponse response;
  response.status = status;
  response.body = pipeline::make_page(body);
  response.safe_url = "http://server.test/api";
  return response;
}

/// One request of a walk, and how it was answered and read.
struct Visit {
  stages::Request request;
  stages::HttpResponse response;
  stages::PageStep step;

  /// What the records' spans lie in.
  [[nodiscard]] const pipeline::Page& page() const { return step.page ? step.page : response.body; }
  [[nodiscard]] std::vector<std::string> records() const {
    std::vector<std::string> all;
    for (const auto& span : step.records.spans) {
      all.emplace_back(pipeline::view_of(page(), step.records, span).json);
    }
    return all;
  }
};

/// How a scope stood at the end of a walk.
struct WalkedScope {
  stages::ScopeRef spec;
  bool closed = false;
  std::string error;
};

struct Walk {
  std::vector<Visit> visits;
  std::vector<std::string> errors;  ///< Of answers that could not be read.
  std::vector<WalkedScope> scopes;
  bool endless = false;

  /// Why scopes were not read to their end; empty if all were.
  [[nodiscard]] std::vector<std::string> open() const {
    std::vector<std::string> all;
    for (const auto& scope : scopes) {
      if (!scope.closed) all.push_back(scope.spec->partition + ": " + scope.error);
    }
    return all;
  }
};

struct WalkOptions {
  std::size_t max_requests = 5000;
  /// An answer in the server's place; nothing leaves it to the server.
  std::function<std::optional<stages::HttpResponse>(const stages::Request&)> instead = {};
};

/// Reads a source to its end as a run does, with the frontier of a run, one request after the other: what is asked
/// again, which scopes close, what stays open. Malformed answers are not asked for again.
inline Walk walk_source(const stages::Source& source, std::span<const stages::SourceResource> resources,
                        const Server& server, const WalkOptions& options = {}) {
  Walk walk;
  json::Document document;
  auto started = source.start(resources);
  if (!started) {
    walk.errors.push_back(started.error().message);
    return walk;
  }
  stages::ScopeBook book;
  book.start(*std::move(started));
  while (auto pending = book.next()) {
    if (walk.visits.size() + walk.errors.size() >= options.max_requests) {
      walk.endless = true;
      break;
    }
    auto replaced = options.instead ? options.instead(pending->request) : std::nullopt;
    const stages::HttpResponse response = replaced ? *std::move(replaced) : server(source.render(pending->request));
    auto step = source.read(pending->request, response, document);
    if (!step) {
      walk.errors.push_back(step.error().message);
      book.page_failed(*pending, step.error());
      continue;
    }
    walk.visits.push_back({pending->request, response, *step});
    book.page_read(*pending, *step);
  }
  book.visit([&](const stages::ScopeBook::ScopeState& scope) {
    auto spec = std::make_shared<stages::ScopeSpec>();
    spec->resources.assign(scope.resources.begin(), scope.resources.end());
    spec->dependents.assign(scope.dependents.begin(), scope.dependents.end());
    spec->partition = scope.partition;
    walk.scopes.push_back({std::move(spec), scope.closed, std::string(scope.error)});
  });
  return walk;
}

}  // namespace riptide::test
