#include "riptide/stages/verify_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "reconcile/catalogues.hpp"
#include "riptide/json/document.hpp"
#include "riptide/stages/http_client.hpp"

namespace riptide::stages {
namespace {

using pipeline::Digest;

/// Pages of the listing that are a sample.
constexpr std::size_t kSampledPages = 2;
constexpr std::size_t kMostExamples = 10;

bool before(const Digest& a, const Digest& b) noexcept { return a.high != b.high ? a.high < b.high : a.low < b.low; }

}  // namespace

pipeline::Result<StateDrift> verify_state(const RemoteSink& sink, const ResyncOptions& options,
                                          state::DigestStore& store, Verify how, const pipeline::Stop& stop) {
  StateDrift drift;
  std::vector<std::pair<Digest, std::uint32_t>> known;
  auto walked = store.each([&](const state::DigestStore::Known& one) { known.emplace_back(one.found, one.scope); });
  if (!walked) return pipeline::unexpected(std::move(walked).error());
  std::sort(known.begin(), known.end(), [](const auto& a, const auto& b) { return before(a.first, b.first); });
  drift.remembered = known.size();
  std::vector<bool> is_there(known.size());

  HttpClientOptions client_options;
  client_options.name = "verify";
  client_options.retry = options.sink_retry;
  client_options.total_timeout = options.sink_timeout;
  client_options.verify_tls = options.verify_sink_tls;
  auto client = HttpClient::start(std::move(client_options));
  if (!client) return pipeline::unexpected(std::move(client).error());
  json::Document document;
  std::string cursor;
  for (std::size_t page_number = 0;; ++page_number) {
    if (how == Verify::kSample && page_number == kSampledPages) break;
    if (stop.requested()) return pipeline::unexpected(ErrorKind::kStopped, "stopped");
    HttpRequest request = sink.owned_request(cursor);
    if (request.auth == nullptr) request.auth = sink.auth();
    auto response = send_and_wait(**client, std::move(request));
    if (!response) return pipeline::unexpected(std::move(response).error());
    auto page = sink.read_owned(*response, document);
    if (!page) return pipeline::unexpected(std::move(page).error());
    for (const OwnedEntity& entity : page->entities) {
      ++drift.listed;
      const Digest identity = pipeline::identity_digest(entity.blueprint, entity.identifier);
      const auto at = std::lower_bound(known.begin(), known.end(), identity,
                                       [](const auto& a, const Digest& b) { return before(a.first, b); });
      if (at != known.end() && at->first == identity) {
        ++drift.there;
        is_there[static_cast<std::size_t>(at - known.begin())] = true;
        continue;
      }
      ++drift.unknown;
      if (drift.examples.size() < kMostExamples) {
        drift.examples.push_back("not known: " + entity.blueprint + "/" + entity.identifier);
      }
    }
    if (!page->cursor || page->cursor->empty()) {
      drift.whole = true;
      break;
    }
    if (*page->cursor == cursor) {
      return pipeline::unexpected(ErrorKind::kMalformed, "the catalogue's listing gave the same cursor twice");
    }
    cursor = std::move(*page->cursor);
  }
  if (!drift.whole) return drift;
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (is_there[i]) continue;
    ++drift.missing;
    if (drift.examples.size() >= kMostExamples) continue;
    // Its name is not remembered, only where it came from.
    const auto [kind, partition] = store.scope_name(known[i].second);
    drift.examples.push_back("missing: a " + kind + " of " + partition);
  }
  return drift;
}

std::string to_json(const StateDrift& drift) {
  std::string out =
      fmt::format(R"({{"remembered":{},"listed":{},"whole":{},"there":{},"unknown":{},"missing":{},"examples":[)",
                  drift.remembered, drift.listed, drift.whole, drift.there, drift.unknown, drift.missing);
  for (const std::string& example : drift.examples) {
    if (out.back() != '[') out += ',';
    json::append_quoted(example, out);
  }
  return out + "]}\n";
}

}  // namespace riptide::stages
