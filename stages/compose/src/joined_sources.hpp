#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/stages/source.hpp"

namespace riptide {

/// Several sources as one: one frontier, one budget, scopes of all in turn. Each request knows its source by its step.
class JoinedSources final : public stages::Source {
 public:
  struct Part {
    std::string name;
    std::shared_ptr<const stages::Source> source;
    std::vector<std::uint32_t> resources;  ///< That it is asked for.
  };
  explicit JoinedSources(std::vector<Part> parts) : parts_(std::move(parts)) {}

  [[nodiscard]] std::string_view type() const noexcept override { return "graph"; }
  [[nodiscard]] stages::Result<std::vector<stages::Request>> start(
      std::span<const stages::SourceResource> resources) const override;
  [[nodiscard]] std::vector<std::string> notices(std::span<const stages::SourceResource> resources) const override;
  [[nodiscard]] stages::HttpRequest render(const stages::Request& request) const override;
  [[nodiscard]] stages::Result<stages::PageStep> read(const stages::Request& request,
                                                      const stages::HttpResponse& response,
                                                      json::Document& document) const override;

  /// Number of the source that a request is for.
  [[nodiscard]] std::size_t part_of(const stages::Request& request) const noexcept {
    return request.step % parts_.size();
  }

 private:
  [[nodiscard]] stages::Request inner(const stages::Request& request) const;
  void mark(stages::Request& request, std::size_t part) const noexcept;
  [[nodiscard]] std::vector<stages::SourceResource> of_part(std::span<const stages::SourceResource> resources,
                                                            std::size_t part) const;

  std::vector<Part> parts_;
};

}  // namespace riptide
