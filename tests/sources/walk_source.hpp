#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "riptide/stages/source.hpp"

namespace riptide::test {

/// Answers a request that a source rendered.
using Server = std::function<stages::HttpResponse(const stages::HttpRequest&)>;

inline stages::HttpResponse answer(int status, std::string_view body) {
  stages::HttpResponse response;
  response.status = status;
  response.body = pipeline::make_page(body);
  response.safe_url = "http://octopus.test/api";
  return response;
}

/// One request of a walk, and how it was answered and read.
struct Visit {
  stages::Request request;
  stages::HttpResponse response;
  stages::PageStep step;

  [[nodiscard]] std::vector<std::string> records() const {
    std::vector<std::string> all;
    for (const auto& span : step.records.spans) {
      all.emplace_back(pipeline::view_of(response.body, step.records, span).json);
    }
    return all;
  }
};

struct Walk {
  std::vector<Visit> visits;
  std::vector<std::string> errors;
  bool endless = false;
};

/// Reads a source to its end, one request after the other, each page once: what the pages of a run come to.
inline Walk walk_source(const stages::Source& source, std::span<const stages::SourceResource> resources,
                        const Server& server, std::size_t max_requests = 2000) {
  Walk walk;
  json::Document document;
  auto started = source.start(resources);
  if (!started) {
    walk.errors.push_back(started.error().message);
    return walk;
  }
  std::deque<stages::Request> frontier(started->begin(), started->end());
  std::set<std::tuple<std::vector<std::uint32_t>, std::string, std::uint64_t, std::string>> seen;
  while (!frontier.empty()) {
    stages::Request request = std::move(frontier.front());
    frontier.pop_front();
    if (!seen.emplace(request.scope->resources, request.scope->partition, request.offset, request.cursor).second)
      continue;
    if (walk.visits.size() >= max_requests) {
      walk.endless = true;
      return walk;
    }
    const stages::HttpResponse response = server(source.render(request));
    auto step = source.read(request, response, document);
    if (!step) {
      walk.errors.push_back(step.error().message);
      continue;
    }
    if (step->extent && step->extent->step > 0) {
      for (std::uint64_t at = 0; at <= step->extent->last_offset && frontier.size() < 2 * max_requests;
           at += step->extent->step) {
        frontier.push_back(request);
        frontier.back().offset = at;
      }
    }
    for (stages::Request& next : step->next) frontier.push_back(next);
    walk.visits.push_back({std::move(request), response, *std::move(step)});
  }
  return walk;
}

}  // namespace riptide::test
