// An API of nobody's, with teams and what belongs to each, paged by offset under a total.

#include <fmt/format.h>

#include <algorithm>

#include "riptide/sources/custom.hpp"
#include "source_case.hpp"

namespace riptide::test {
namespace {

std::unique_ptr<stages::Source> make_custom() {
  sources::custom::Options options;
  options.base_url = "http://api.test";
  options.auth.style = sources::custom::AuthStyle::kBearer;
  options.auth.api_token = pipeline::Secret("TOKEN");
  options.pagination.style = sources::custom::PageStyle::kOffset;
  options.pagination.page_size = 3;
  options.pagination.total_path = "meta.total";
  return *sources::custom::CustomSource::create(std::move(options));
}

// Four teams with seven members each.
stages::HttpResponse serve(const stages::HttpRequest& http, const Trouble& trouble, std::size_t answers) {
  const std::string path = http.url.substr(0, http.url.find('?'));
  const std::size_t asked = std::stoull(http.url.substr(http.url.find("offset=") + 7));
  const std::size_t offset = trouble.repeats ? 0 : asked;
  const std::size_t limit = std::stoull(http.url.substr(http.url.find("limit=") + 6));
  const bool teams = path == "http://api.test/teams";
  const bool grown = trouble.grows_after && answers >= *trouble.grows_after && !teams;
  const std::size_t total = trouble.empty ? 0 : (teams ? 4 : 7) + (grown ? 1 : 0);
  std::string items;
  for (std::size_t i = offset; i < std::min(total, offset + limit); ++i) {
    if (!items.empty()) items += ", ";
    const std::size_t number = !grown ? i : i == 0 ? 7 : i - 1;
    items +=
        teams ? fmt::format(R"({{"id": {}, "name": "caf\u00e9 \"{}\""}})", number, number)
              : fmt::format(R"({{"id": "{}-{}", "tags": ["a", {{"b": null}}], "big": 123456789012345678901234567890}})",
                            path.substr(std::string("http://api.test/teams/").size(), 1), number);
  }
  return answer(200, fmt::format(R"({{"items": [{}], "meta": {{"total": {}}}}})", items, total));
}

}  // namespace

SourceCase custom_case() {
  const std::pair<std::string, std::string> data_path = {"data_path", "\".items\""};
  return {.name = "custom",
          .make = make_custom,
          .resources = {{0, "/teams", {data_path}},
                        {1,
                         "/teams/{team}/members",
                         {data_path,
                          {"path_parameters",
                           R"({"team": {"endpoint": "/teams", "data_path": ".items", "field": ".id"}})"}}}},
          .system =
              [](const Trouble& trouble) {
                return [trouble, answers = std::make_shared<std::size_t>(0)](const stages::HttpRequest& http) {
                  return serve(http, trouble, (*answers)++);
                };
              },
          .records = 4 + 4 * 7,
          .leaves_out = "\"id\""};
}

}  // namespace riptide::test
