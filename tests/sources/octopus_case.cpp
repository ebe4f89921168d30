#include <fmt/format.h>

#include <algorithm>

#include "riptide/sources/octopus.hpp"
#include "source_case.hpp"

namespace riptide::test {
namespace {

std::unique_ptr<stages::Source> make_octopus() {
  sources::octopus::Options options;
  options.server_url = "http://octopus.test";
  options.api_key = pipeline::Secret("API-KEY");
  options.page_size = 3;
  return *sources::octopus::OctopusSource::create(std::move(options));
}

// Four spaces with seven records of each kind.
stages::HttpResponse serve(const stages::HttpRequest& http, const Trouble& trouble, std::size_t answers) {
  const std::string path = http.url.substr(0, http.url.find('?'));
  const std::size_t asked = std::stoull(http.url.substr(http.url.find("skip=") + 5));
  const std::size_t skip = trouble.repeats ? 0 : asked;
  const std::size_t take = std::stoull(http.url.substr(http.url.find("take=") + 5));
  const bool spaces = path == "http://octopus.test/api/spaces";
  const bool grown = trouble.grows_after && answers >= *trouble.grows_after && !spaces;
  const std::size_t total = trouble.empty ? 0 : (spaces ? 4 : 7) + (grown ? 1 : 0);
  std::string items;
  for (std::size_t i = skip; i < std::min(total, skip + take); ++i) {
    if (!items.empty()) items += ", ";
    // The new one is the first, with the last number.
    const std::size_t number = !grown ? i : i == 0 ? 7 : i - 1;
    items +=
        spaces
            ? fmt::format(R"({{"Id": "Spaces-{}", "Name": "caf\u00e9 \"{}\""}})", i, i)
            : fmt::format(
                  R"({{"Id": "Machines-{}", "SpaceId": "{}", "Roles": ["a", {{"b": null}}], "Big": 123456789012345678901234567890}})",
                  number, path.substr(path.find("/api/") + 5));
  }
  return answer(
      200,
      fmt::format(
          R"({{"ItemType": "X", "TotalResults": {}, "ItemsPerPage": {}, "LastPageNumber": {}, "Items": [{}], "Links": {{}}}})",
          total, take, total == 0 ? 0 : (total - 1) / take, items));
}

}  // namespace

SourceCase octopus_case() {
  return {.name = "octopus",
          .make = make_octopus,
          .resources = {{0, "space", {}}, {1, "machine", {}}, {2, "runbook", {}}},
          .system =
              [](const Trouble& trouble) {
                return [trouble, answers = std::make_shared<std::size_t>(0)](const stages::HttpRequest& http) {
                  return serve(http, trouble, (*answers)++);
                };
              },
          .records = 4 + 4 * (7 + 7)};
}

}  // namespace riptide::test
