#include "riptide/stages/verify_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <future>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <unordered_set>
#include <utility>

#include "diff/field_digests.hpp"
#include "reconcile/catalogues.hpp"
#include "riptide/json/document.hpp"
#include "riptide/stages/http_client.hpp"

namespace riptide::stages {
namespace {

using pipeline::Digest;
using pipeline::Result;
using pipeline::unexpected;

/// Requests that read contents back at once.
constexpr std::size_t kAtOnce = 8;

bool before(const Digest& a, const Digest& b) noexcept { return a.high != b.high ? a.high < b.high : a.low < b.low; }

/// Orders entities at random, the same for the same seed (the finalizer of SplitMix64).
std::uint64_t rank_of(const Digest& identity, std::uint64_t seed) noexcept {
  std::uint64_t rank = identity.low ^ (seed * 0x9e3779b97f4a7c15u);
  rank = (rank ^ (rank >> 30)) * 0xbf58476d1ce4e5b9u;
  rank = (rank ^ (rank >> 27)) * 0x94d049bb133111ebu;
  return rank ^ (rank >> 31);
}

class Verification {
 public:
  Verification(const RemoteSink& sink, state::DigestStore& store, state::SentFieldsReader& kept, Verify how,
               const pipeline::Stop& stop, std::unique_ptr<HttpClient> client)
      : sink_(sink), store_(store), kept_(kept), stop_(stop), client_(std::move(client)) {
    drift_.how = how;
  }

  Result<StateDrift> run() {
    auto walked = store_.each([&](const state::DigestStore::Known& one) {
      known_.push_back({one.found, one.identity, one.scope, false});
    });
    if (!walked) return unexpected(std::move(walked).error());
    std::sort(known_.begin(), known_.end(), [](const Known& a, const Known& b) { return before(a.found, b.found); });
    drift_.remembered = known_.size();
    if (auto done = list(); !done) return unexpected(std::move(done).error());
    if (auto done = name_missing(); !done) return unexpected(std::move(done).error());
    while (!sample_.empty()) {
      const Sampled& one = sample_.top();
      if (auto done = read_back(one.blueprint, one.identifier, known_[one.known]); !done) {
        return unexpected(std::move(done).error());
      }
      sample_.pop();
    }
    for (auto& [blueprint, group] : groups_) {
      if (auto done = ask(blueprint, group); !done) return unexpected(std::move(done).error());
    }
    while (!asked_.empty()) {
      if (auto done = compare_next(); !done) return unexpected(std::move(done).error());
    }
    return std::move(drift_);
  }

 private:
  struct Known {
    Digest found;     ///< Identity that the target knows it by.
    Digest identity;  ///< As the mapping made it.
    std::uint32_t scope = 0;
    bool is_there = false;
  };
  struct Sampled {
    std::uint64_t rank = 0;
    std::size_t known = 0;
    std::string blueprint;
    std::string identifier;
    bool operator<(const Sampled& other) const noexcept { return rank < other.rank; }
  };
  /// An entity whose contents are to be read back.
  struct Wanted {
    state::SentFieldsReader::Found kept;
    std::uint32_t scope = 0;
  };
  struct Group {
    std::map<std::string, std::vector<Wanted>> wanted;  ///< By identifier: a search may have found one twice.
    std::set<std::string> fields;
  };
  struct Asked {
    std::string blueprint;
    std::map<std::string, std::vector<Wanted>> wanted;
    std::future<Result<HttpResponse>> answer;
  };

  HttpRequest prepared(HttpRequest request) const {
    if (request.auth == nullptr) request.auth = sink_.auth();
    return request;
  }

  /// Goes through the target's list of what the integration owns.
  Result<void> list() {
    std::unordered_set<std::string> cursors;
    std::string cursor;
    while (true) {
      if (stop_.requested()) return unexpected(ErrorKind::kStopped, "stopped");
      auto response = send_and_wait(*client_, prepared(sink_.owned_request(cursor)));
      if (!response) return unexpected(std::move(response).error());
      auto page = sink_.read_owned(*response, document_);
      if (!page) return unexpected(std::move(page).error());
      for (OwnedEntity& entity : page->entities) {
        if (auto done = listed(entity); !done) return done;
      }
      if (!page->cursor || page->cursor->empty()) return {};
      cursor = std::move(*page->cursor);
      if (!cursors.insert(cursor).second) {
        return unexpected(ErrorKind::kMalformed, "the catalogue's listing gave the same cursor twice");
      }
    }
  }

  Result<void> listed(OwnedEntity& entity) {
    ++drift_.listed;
    const Digest identity = pipeline::identity_digest(entity.blueprint, entity.identifier);
    auto at = std::lower_bound(known_.begin(), known_.end(), identity,
                               [](const Known& a, const Digest& b) { return before(a.found, b); });
    if (at == known_.end() || !(at->found == identity)) {
      ++drift_.extra;
      name({EntityDrift::What::kExtra, entity.blueprint, entity.identifier, {}, {}, {}});
      return {};
    }
    for (; at != known_.end() && at->found == identity; ++at) {
      if (std::exchange(at->is_there, true)) continue;  // Listed twice.
      ++drift_.there;
      if (!drift_.how.sample) {
        if (auto done = read_back(entity.blueprint, entity.identifier, *at); !done) return done;
        continue;
      }
      const std::uint64_t rank = rank_of(at->identity, drift_.how.seed);
      if (*drift_.how.sample == 0) continue;
      if (sample_.size() == *drift_.how.sample) {
        if (rank >= sample_.top().rank) continue;
        sample_.pop();
      }
      sample_.push({rank, static_cast<std::size_t>(at - known_.begin()), entity.blueprint, entity.identifier});
    }
    return {};
  }

  Result<void> name_missing() {
    for (const Known& one : known_) {
      if (one.is_there) continue;
      ++drift_.missing;
      if (drift_.entities.size() >= StateDrift::kMostNamed) continue;
      auto kept = kept_.find(one.identity);
      if (!kept) return unexpected(std::move(kept).error());
      name_missing(one.scope, *kept ? (*kept)->blueprint : "", *kept ? (*kept)->identifier : "");
    }
    return {};
  }

  void name_missing(std::uint32_t scope, std::string blueprint, std::string identifier) {
    auto [kind, partition] = store_.scope_name(scope);
    name({EntityDrift::What::kMissing,
          std::move(blueprint),
          std::move(identifier),
          std::move(kind),
          std::move(partition),
          {}});
  }

  /// Asks for the contents of an entity, together with others.
  Result<void> read_back(const std::string& blueprint, const std::string& identifier, const Known& known) {
    auto kept = kept_.find(known.identity);
    if (!kept) return unexpected(std::move(kept).error());
    if (!*kept) {
      ++drift_.not_kept;
      return {};
    }
    Group& group = groups_[blueprint];
    group.fields.insert((*kept)->names->begin(), (*kept)->names->end());
    group.wanted[identifier].push_back({std::move(**kept), known.scope});
    return group.wanted.size() < sink_.max_read_back() ? Result<void>() : ask(blueprint, group);
  }

  Result<void> ask(const std::string& blueprint, Group& group) {
    if (group.wanted.empty()) return {};
    if (stop_.requested()) return unexpected(ErrorKind::kStopped, "stopped");
    if (asked_.size() >= kAtOnce) {
      if (auto done = compare_next(); !done) return done;
    }
    std::vector<std::string> identifiers;
    for (const auto& [identifier, wanted] : group.wanted) identifiers.push_back(identifier);
    auto request = sink_.contents_request(blueprint, identifiers, group.fields);
    if (!request) return unexpected(ErrorKind::kConfig, fmt::format("sink {} cannot be read back", sink_.spec()));
    asked_.push_back(
        {blueprint, std::exchange(group.wanted, {}), send_for_later(*client_, prepared(std::move(*request)))});
    group.fields.clear();
    return {};
  }

  /// Compares the oldest answer that is awaited.
  Result<void> compare_next() {
    Asked asked = std::move(asked_.front());
    asked_.pop_front();
    auto response = asked.answer.get();
    if (!response) return unexpected(std::move(response).error());
    auto read = sink_.read_contents(*response, document_, [&](const HeldEntity& held) {
      const auto wanted = asked.wanted.find(held.identifier);
      if (wanted == asked.wanted.end()) return;
      for (const Wanted& one : wanted->second) compare(asked.blueprint, one, held);
      asked.wanted.erase(wanted);
    });
    if (!read) return read;
    // Gone since it was listed.
    for (auto& [identifier, wanted] : asked.wanted) {
      for (const Wanted& one : wanted) {
        --drift_.there;
        ++drift_.missing;
        name_missing(one.scope, asked.blueprint, identifier);
      }
    }
    return {};
  }

  void compare(const std::string& blueprint, const Wanted& wanted, const HeldEntity& held) {
    std::map<std::string, std::uint32_t, std::less<>> fields;
    ++drift_.compared;
    std::vector<std::string> differ;
    const bool whole = digests_.read(held, fields);
    for (std::size_t i = 0; i < wanted.kept.digests.size(); ++i) {
      const std::string& name = (*wanted.kept.names)[i];
      const auto found = fields.find(name);
      const std::uint32_t there = found == fields.end() ? FieldDigests::kNone : found->second;
      if (there != wanted.kept.digests[i] && (whole || found != fields.end())) differ.push_back(name);
    }
    // What cannot be read is not what was sent: that was.
    if (!whole && differ.empty()) differ.emplace_back("*");
    if (differ.empty()) return;
    ++drift_.changed;
    auto [kind, partition] = store_.scope_name(wanted.scope);
    name({EntityDrift::What::kChanged, blueprint, held.identifier, std::move(kind), std::move(partition),
          std::move(differ)});
  }

  void name(EntityDrift drift) {
    if (drift_.entities.size() < StateDrift::kMostNamed) drift_.entities.push_back(std::move(drift));
  }

  const RemoteSink& sink_;
  state::DigestStore& store_;
  state::SentFieldsReader& kept_;
  const pipeline::Stop& stop_;
  StateDrift drift_;
  std::vector<Known> known_;             ///< By `found`.
  std::priority_queue<Sampled> sample_;  ///< Those of the lowest rank, the highest of them on top.
  std::map<std::string, Group> groups_;  ///< By blueprint.
  std::deque<Asked> asked_;
  json::Document document_;
  FieldDigests digests_;
  const std::unique_ptr<HttpClient> client_;  // Dies first.
};

}  // namespace

std::string_view to_string(EntityDrift::What what) noexcept {
  switch (what) {
    case EntityDrift::What::kMissing:
      return "missing";
    case EntityDrift::What::kChanged:
      return "changed";
    case EntityDrift::What::kExtra:
      return "extra";
  }
  return "";
}

Result<StateDrift> verify_state(const RemoteSink& sink, const ResyncOptions& options, state::DigestStore& store,
                                state::SentFieldsReader& fields, Verify how, const pipeline::Stop& stop) {
  HttpClientOptions client_options;
  client_options.name = "verify";
  client_options.retry = options.sink_retry;
  client_options.total_timeout = options.sink_timeout;
  client_options.verify_tls = options.verify_sink_tls;
  auto client = HttpClient::start(std::move(client_options));
  if (!client) return unexpected(std::move(client).error());
  return Verification(sink, store, fields, how, stop, std::move(*client)).run();
}

std::string to_json(const StateDrift& drift) {
  std::string out = fmt::format(
      R"({{"remembered":{},"listed":{},"there":{},"extra":{},"missing":{},"compared":{},"changed":{},"not_kept":{})",
      drift.remembered, drift.listed, drift.there, drift.extra, drift.missing, drift.compared, drift.changed,
      drift.not_kept);
  if (drift.how.sample) out += fmt::format(R"(,"sample":{},"seed":{})", *drift.how.sample, drift.how.seed);
  out += R"(,"entities":[)";
  for (const EntityDrift& entity : drift.entities) {
    if (out.back() != '[') out += ',';
    out += fmt::format(R"({{"what":"{}")", to_string(entity.what));
    const auto text = [&out](std::string_view name, const std::string& value) {
      if (value.empty()) return;
      out.append(",\"").append(name).append("\":");
      json::append_quoted(value, out);
    };
    text("blueprint", entity.blueprint);
    text("identifier", entity.identifier);
    text("kind", entity.kind);
    text("partition", entity.partition);
    if (entity.what == EntityDrift::What::kChanged) {
      out += R"(,"fields":[)";
      for (const std::string& field : entity.fields) {
        if (out.back() != '[') out += ',';
        json::append_quoted(field, out);
      }
      out += ']';
    }
    out += '}';
  }
  return fmt::format("{}],\"entities_total\":{}}}\n", out, drift.total());
}

}  // namespace riptide::stages
