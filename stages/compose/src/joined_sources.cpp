#include "joined_sources.hpp"

#include <algorithm>
#include <utility>

namespace riptide {

using stages::Request;

std::vector<stages::SourceResource> JoinedSources::of_part(std::span<const stages::SourceResource> resources,
                                                           std::size_t part) const {
  std::vector<stages::SourceResource> out;
  for (const stages::SourceResource& resource : resources) {
    const auto& own = parts_[part].resources;
    if (std::find(own.begin(), own.end(), resource.index) != own.end()) out.push_back(resource);
  }
  return out;
}

stages::Result<std::vector<Request>> JoinedSources::start(std::span<const stages::SourceResource> resources) const {
  std::vector<Request> all;
  for (std::size_t part = 0; part < parts_.size(); ++part) {
    auto requests = parts_[part].source->start(of_part(resources, part));
    if (!requests) return pipeline::unexpected(std::move(requests).error().within(parts_[part].name));
    for (Request& request : *requests) {
      mark(request, part);
      all.push_back(std::move(request));
    }
  }
  return all;
}

std::vector<std::string> JoinedSources::notices(std::span<const stages::SourceResource> resources) const {
  std::vector<std::string> all;
  for (std::size_t part = 0; part < parts_.size(); ++part) {
    for (std::string& notice : parts_[part].source->notices(of_part(resources, part))) {
      all.push_back(parts_[part].name + ": " + std::move(notice));
    }
  }
  return all;
}

stages::HttpRequest JoinedSources::render(const Request& request) const {
  const stages::Source& source = *parts_[part_of(request)].source;
  stages::HttpRequest http = source.render(inner(request));
  if (http.auth == nullptr) http.auth = source.auth();
  return http;
}

stages::Result<stages::PageStep> JoinedSources::read(const Request& request, const stages::HttpResponse& response,
                                                     json::Document& document) const {
  const std::size_t part = part_of(request);
  auto step = parts_[part].source->read(inner(request), response, document);
  if (step) {
    for (Request& next : step->next) mark(next, part);
  }
  return step;
}

Request JoinedSources::inner(const Request& request) const {
  Request own = request;
  own.step /= static_cast<std::uint32_t>(parts_.size());
  return own;
}

void JoinedSources::mark(Request& request, std::size_t part) const noexcept {
  request.step = request.step * static_cast<std::uint32_t>(parts_.size()) + static_cast<std::uint32_t>(part);
}

}  // namespace riptide
