#include "riptide/stages/plan_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <system_error>
#include <utility>

#include "plan/plan_format.hpp"
#include "riptide/json/document.hpp"

namespace riptide::stages {
namespace {

using pipeline::Digest;
using pipeline::Error;
using pipeline::ErrorKind;
using pipeline::Result;
using pipeline::unexpected;

constexpr std::size_t kMaxExamples = 5;

std::optional<Digest> digest_from(std::string_view text) {
  Digest digest;
  if (text.size() != 32) return std::nullopt;
  const auto read = [&](std::string_view half, std::uint64_t& number) {
    const auto done = std::from_chars(half.data(), half.data() + half.size(), number, 16);
    return done.ec == std::errc() && done.ptr == half.data() + half.size();
  };
  if (!read(text.substr(0, 16), digest.high) || !read(text.substr(16), digest.low)) return std::nullopt;
  return digest;
}

std::string text_of(const json::Document& document, json::Value value) {
  const auto raw = document.raw(value);
  if (!raw || value.type != json::Type::kString) return {};
  auto text = json::decoded(*raw);
  return text ? *std::move(text) : std::string();
}

std::string listed(const std::vector<std::string>& kinds) {
  return kinds.empty() ? "all kinds" : fmt::format("{}", fmt::join(kinds, ", "));
}

std::string or_none(const std::string& text) { return text.empty() ? "none" : text; }

// Number and first examples of what is on one side only.
struct OnlyThere {
  std::uint64_t count = 0;
  std::vector<std::string> examples;

  void add(std::string_view action, std::string_view blueprint, std::string_view identifier) {
    if (++count <= kMaxExamples) examples.push_back(fmt::format("{} {}/{}", action, blueprint, identifier));
  }
  [[nodiscard]] std::string say(std::string_view what) const {
    return fmt::format("{}: {} ({}{})", what, count, fmt::join(examples, ", "), count > kMaxExamples ? ", ..." : "");
  }
};

}  // namespace

std::vector<std::string> differences(const PlanSubject& planned, const PlanSubject& here) {
  std::vector<std::string> all;
  const auto compare = [&](std::string_view what, const std::string& then, const std::string& now) {
    if (then != now) all.push_back(fmt::format("{}: planned with {}, here {}", what, then, now));
  };
  compare("integration", planned.integration, here.integration);
  compare("integration type", planned.integration_type, here.integration_type);
  compare("target", planned.target, here.target);
  compare("--kind", listed(planned.kinds), listed(here.kinds));
  compare("deleting", planned.deletes ? "allowed" : "switched off", here.deletes ? "allowed" : "switched off");
  compare("--delete-scope", planned.delete_scope, here.delete_scope);
  compare("--max-delete", or_none(planned.max_delete), or_none(here.max_delete));
  if (planned.mapping != here.mapping) all.emplace_back("the mapping is not the one that the plan was made with");
  return all;
}

Error PlanFile::wrong(std::string_view what) const { return {ErrorKind::kConfig, fmt::format("{} {}", path_, what)}; }

Result<PlanFile> PlanFile::open(std::string path) {
  PlanFile file(std::move(path));
  std::string line;
  {
    std::ifstream in(file.path_, std::ios::binary);
    if (!in.is_open()) {
      return unexpected(file.wrong("cannot be read: " + std::generic_category().message(errno)));
    }
    if (!std::getline(in, line)) return unexpected(file.wrong("is not a plan: it is empty"));
  }
  if (auto read = file.read_head(line); !read) return unexpected(std::move(read).error());
  SetDigest changes, deletions;
  auto read = file.read_entries([&](const Entry& entry) {
    (entry.is_change ? changes : deletions).add(entry.digest);
    file.entries_.push_back(entry.digest.low);
    return true;
  });
  if (!read) return unexpected(std::move(read).error());
  if (!(changes == file.changes_) || !(deletions == file.deletions_)) {
    return unexpected(file.wrong("was edited after it was made: make the plan anew"));
  }
  std::sort(file.entries_.begin(), file.entries_.end());
  return file;
}

Result<void> PlanFile::read_head(std::string_view line) {
  const auto no_plan = [&] { return unexpected(wrong("is not a plan as `riptide plan --out` writes it")); };
  if (!line.starts_with(R"({"format":)")) return no_plan();
  std::string text(line);
  const bool whole = text.ends_with(kHeadEnd);
  if (whole) text += "]}";
  const std::size_t length = text.size();
  text.append(json::Document::kPadding, '\0');
  json::Document document;
  auto root = document.index(std::string_view(text).substr(0, length));
  if (!root || root->type != json::Type::kObject || !document.check()) return no_plan();
  std::string format;
  json::Document::Members members(document, *root);
  std::optional<json::Value> guard, digests;
  while (members.next()) {
    const json::Value value = members.value();
    if (members.key_is("format")) format = text_of(document, value);
    if (members.key_is("run_id")) run_id_ = text_of(document, value);
    if (members.key_is("created_at")) created_at_ = text_of(document, value);
    if (members.key_is("integration")) subject_.integration = text_of(document, value);
    if (members.key_is("integration_type")) subject_.integration_type = text_of(document, value);
    if (members.key_is("target")) subject_.target = text_of(document, value);
    if (members.key_is("mapping")) subject_.mapping = text_of(document, value);
    if (members.key_is("delete_scope")) subject_.delete_scope = text_of(document, value);
    if (members.key_is("max_delete")) subject_.max_delete = text_of(document, value);
    if (members.key_is("deletion")) deletion_ = text_of(document, value);
    if (members.key_is("deletes")) subject_.deletes = members.raw_value().value() == "true";
    if (members.key_is("guard")) guard = value;
    if (members.key_is("digests")) digests = value;
    if (members.key_is("kinds") && value.type == json::Type::kArray) {
      json::Document::Elements kinds(document, value);
      while (kinds.next()) subject_.kinds.push_back(text_of(document, kinds.value()));
    }
  }
  if (format != kPlanFormat) {
    return unexpected(
        wrong(fmt::format("is a plan of another version of riptide (its format is {}, ours is {}): make "
                          "the plan anew",
                          format, kPlanFormat)));
  }
  if (!whole || !guard || !digests || digests->type != json::Type::kObject || guard->type != json::Type::kObject) {
    return no_plan();
  }
  json::Document::Members rules(document, *guard);
  while (rules.next()) {
    if (rules.key_is("would_trip")) would_trip_ = rules.raw_value().value() == "true";
  }
  json::Document::Members sums(document, *digests);
  int found = 0;
  while (sums.next()) {
    const auto digest = digest_from(text_of(document, sums.value()));
    if (!digest) return no_plan();
    ++found;
    if (sums.key_is("source")) source_.sum = *digest;
    if (sums.key_is("changes")) changes_.sum = *digest;
    if (sums.key_is("deletions")) deletions_.sum = *digest;
  }
  if (found != 3) return no_plan();
  return {};
}

Result<void> PlanFile::read_entries(const std::function<bool(const Entry&)>& visit) const {
  std::ifstream in(path_, std::ios::binary);
  std::string line;
  if (!in.is_open() || !std::getline(in, line)) return unexpected(wrong("cannot be read any more"));
  const auto broken = [&] { return unexpected(wrong("is cut off or was edited: make the plan anew")); };
  Entry entry;
  entry.is_change = true;
  json::Document document;
  while (std::getline(in, line)) {
    if (entry.is_change && line == kBetween.substr(1)) {
      entry.is_change = false;
      continue;
    }
    if (!entry.is_change && line == "]}") return {};
    if (line.ends_with(',')) line.pop_back();
    const std::size_t length = line.size();
    line.append(json::Document::kPadding, '\0');
    auto root = document.index(std::string_view(line).substr(0, length));
    if (!root || root->type != json::Type::kObject) return broken();
    entry.action = "delete";
    std::optional<Digest> digest;
    json::Document::Members members(document, *root);
    while (members.next()) {
      if (members.key_is("action")) entry.action = text_of(document, members.value());
      if (members.key_is("blueprint")) entry.blueprint = text_of(document, members.value());
      if (members.key_is("identifier")) entry.identifier = text_of(document, members.value());
      if (members.key_is("digest")) digest = digest_from(text_of(document, members.value()));
    }
    if (!members.status() || !digest) return broken();
    entry.digest = *digest;
    if (!visit(entry)) return {};
  }
  return broken();
}

Result<std::vector<std::string>> PlanFile::moved(const Plan& now, const pipeline::RunReport& report) const {
  std::vector<std::string> all;
  const bool same = now.changes() == changes_ && now.deletions() == deletions_;
  if (same && report.guard.tripped == would_trip_ && report.deletion == deletion_) return all;
  if (!same) {
    all.emplace_back(now.source() == source_ ? "the catalogue has moved: the source lists the same as then"
                                             : "the source has moved: it does not list the same as then");
  }
  std::vector<bool> met(entries_.size(), false);
  // Of equal digests, each counts once on either side.
  const auto meet = [&](const Digest& digest, std::vector<bool>& marks) {
    auto at = std::lower_bound(entries_.begin(), entries_.end(), digest.low);
    for (; at != entries_.end() && *at == digest.low; ++at) {
      const auto index = static_cast<std::size_t>(at - entries_.begin());
      if (marks[index]) continue;
      marks[index] = true;
      return true;
    }
    return false;
  };
  OnlyThere only_now, only_then;
  auto walked = now.each_change([&](const PlannedChange& change) {
    if (!meet(change.digest, met)) only_now.add(to_string(change.action), change.blueprint, change.identifier);
    return true;
  });
  if (walked) {
    walked = now.each_deletion([&](const PlannedDeletion& deletion) {
      if (!meet(deletion.digest, met)) only_now.add("delete", deletion.blueprint, deletion.identifier);
      return true;
    });
  }
  if (!walked) return unexpected(std::move(walked).error());
  if (auto read = read_entries([&](const Entry& entry) {
        const auto at = std::lower_bound(entries_.begin(), entries_.end(), entry.digest.low);
        const auto index = static_cast<std::size_t>(at - entries_.begin());
        if (at != entries_.end() && !met[index]) only_then.add(entry.action, entry.blueprint, entry.identifier);
        return true;
      });
      !read) {
    return unexpected(std::move(read).error());
  }
  if (only_now.count != 0) all.push_back(only_now.say("not in the plan"));
  if (only_then.count != 0) all.push_back(only_then.say("in the plan and not any more"));
  if (report.deletion != deletion_) {
    all.push_back(
        fmt::format("nothing could be deleted then: {}; now: {}", or_none(deletion_), or_none(report.deletion)));
  }
  if (report.guard.tripped != would_trip_) {
    all.push_back(fmt::format("the deletion guard {} then and {} now: {} of {} owned entities would go",
                              would_trip_ ? "tripped" : "did not trip",
                              report.guard.tripped ? "trips" : "does not trip", report.guard.stale,
                              report.guard.owned));
  }
  return all;
}

}  // namespace riptide::stages
