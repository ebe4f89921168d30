#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>

#include "answer_facts.hpp"
#include "data_path.hpp"
#include "paging_guess.hpp"
#include "riptide/sources/custom_proposal.hpp"

namespace riptide::sources::custom {
namespace {

using pipeline::ErrorKind;
using pipeline::unexpected;

constexpr std::size_t kMostProperties = 50;

/// `name` as an identifier in a catalogue; empty if nothing of it can be one.
std::string clean(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool good =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (good) out += c;
  }
  if (out.size() > 60) out.resize(60);
  return out;
}

/// The last part of a path, of which there are several, as the name of one.
std::string singular(std::string_view path) {
  std::string name = clean(path.substr(path.rfind('/') + 1));
  if (name.size() > 4 && name.ends_with("ies")) {
    name.replace(name.size() - 3, 3, "y");
  } else if (name.size() > 3 && name.ends_with("s") && !name.ends_with("ss") && !name.ends_with("us") &&
             !name.ends_with("is")) {
    name.pop_back();
  }
  return name.empty() ? "record" : name;
}

bool looks_secret(std::string_view name) {
  const std::string word = squeezed(name);
  for (const std::string_view part : {"token", "secret", "password", "apikey", "accesskey", "signature", "auth"}) {
    if (word.find(part) != std::string::npos) return true;
  }
  return word == "key" || word == "sig";
}

Result<void> split_address(const Address& address, Proposal& proposal) {
  std::string_view path = address.path;
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty()) {
    return unexpected(ErrorKind::kConfig,
                      "the address has no path; give that of a listing, e.g. https://api.example.com/v1/users");
  }
  if (path.find_first_of("{}") != std::string_view::npos) {
    return unexpected(ErrorKind::kConfig, "the address has a brace in it; put a value in the place of the placeholder");
  }
  // A trailing slash stays: servers that want it refuse the path without it.
  const auto slash = path.rfind('/');
  proposal.base_url = address.origin + std::string(path.substr(0, slash));
  proposal.kind = address.path.substr(slash);
  proposal.blueprint = singular(path);
  for (const auto& [name, value] : address.query) {
    if (is_paging_parameter(name, value)) continue;
    if (looks_secret(name)) {
      proposal.secret_parameters.push_back(name);
    } else {
      proposal.query.emplace_back(name, value);
    }
  }
  return {};
}

/// The longest list of objects; of equals the one nearest to the root.
const ListFacts* longest(const std::vector<ListFacts>& lists) {
  const ListFacts* best = nullptr;
  for (const ListFacts& list : lists) {
    if (list.elements != list.objects) continue;
    const bool better = best == nullptr || list.objects > best->objects ||
                        (list.objects == best->objects && list.keys.size() < best->keys.size());
    if (better) best = &list;
  }
  return best;
}

Result<void> find_records(const AnswerFacts& facts, Proposal& proposal) {
  const ListFacts* const list = longest(facts.lists);
  if (list == nullptr) {
    if (facts.root != json::Type::kObject) {
      return unexpected(ErrorKind::kMalformed, "the answer has no objects in it that could be records");
    }
    proposal.data_path.why = "there is no list of objects in the answer, so it is one record itself";
    return {};
  }
  std::string others;
  for (const ListFacts& other : facts.lists) {
    if (&other == list || other.elements != other.objects || other.objects == 0 || others.size() > 150) continue;
    others += fmt::format("{}{} ({})", others.empty() ? "" : ", ", shown(jq_path(other.keys)), other.objects);
  }
  if (!list->keys.empty()) {
    proposal.data_path.expression = jq_path(list->keys);
    proposal.data_member = Fact{list->keys, json::Type::kArray, {}}.dotted();
    proposal.data_path.why = fmt::format("the longest list of objects, {} of them", list->objects);
    if (!others.empty()) proposal.data_path.why += "; others: " + others;
  } else {
    proposal.data_path.why = fmt::format("the answer is the list of records, {} of them", list->objects);
  }
  return {};
}

/// How well a name does as an identifier; less is better.
int identifier_rank(const MemberFacts& member, const std::string& blueprint) {
  static constexpr std::array<std::string_view, 12> kNames = {
      "id", "identifier", "uuid", "guid", "uid", "key", "slug", "code", "name", "fullname", "login", "email"};
  const std::string word = squeezed(member.keys.back());
  int rank = 40;
  const auto* const named = std::find(kNames.begin(), kNames.end(), word);
  if (named != kNames.end()) {
    rank = static_cast<int>(named - kNames.begin());
  } else if (word == squeezed(blueprint) + "id") {
    rank = 4;
  } else if (word.ends_with("id") || word.ends_with("key")) {
    rank = 20;
  }
  if (member.dates > 0) rank += 100;
  return rank + (member.keys.size() > 1 ? 15 : 0);
}

void find_identifier(const std::vector<MemberFacts>& members, std::size_t records, Proposal& proposal) {
  std::vector<std::pair<int, const MemberFacts*>> candidates;
  for (const MemberFacts& member : members) {
    const bool scalar = member.strings == member.present || member.integers == member.present;
    if (!scalar || member.present != records || member.distinct != records || member.empty_text) continue;
    candidates.emplace_back(identifier_rank(member, proposal.blueprint), &member);
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  if (records == 0 || candidates.empty()) {
    proposal.identifier = {".id | tostring", records == 0
                                                 ? "a guess: there was no record to look at"
                                                 : "a guess: no member is there and different in every record"};
    return;
  }
  const MemberFacts& best = *candidates.front().second;
  proposal.identifier.expression = jq_path(best.keys) + (best.integers > 0 ? " | tostring" : "");
  proposal.identifier.why = fmt::format("different in each of {} records, e.g. {}", records, shown(best.example));
  std::string others;
  for (std::size_t i = 1; i < std::min<std::size_t>(candidates.size(), 4); ++i) {
    others += (others.empty() ? "" : ", ") + shown(jq_path(candidates[i].second->keys));
  }
  if (!others.empty()) proposal.identifier.why += "; so are " + others;
}

void find_title(const std::vector<MemberFacts>& members, Proposal& proposal) {
  static constexpr std::array<std::string_view, 12> kNames = {"name",    "title",    "displayname", "fullname",
                                                              "label",   "summary",  "subject",     "headline",
                                                              "caption", "username", "login",       "email"};
  for (const std::string_view name : kNames) {
    for (const MemberFacts& member : members) {
      if (squeezed(member.keys.back()) != name || member.strings == 0 || member.strings != member.present) continue;
      proposal.title = {jq_path(member.keys), fmt::format("e.g. {}", shown(member.example))};
      return;
    }
  }
}

void add_property(const MemberFacts& member, Proposal& proposal) {
  const std::string path = jq_path(member.keys);
  if (path == proposal.identifier.expression || path == proposal.title.expression ||
      path + " | tostring" == proposal.identifier.expression) {
    return;
  }
  const std::string name = clean(member.keys.back());
  const auto left_out = [&](std::string_view why) {
    if (proposal.left_out.size() < 20) proposal.left_out.push_back(fmt::format("{} ({})", shown(path), why));
  };
  if (name.empty() || member.keys.back().size() > 100) return left_out("no name that a property can have");
  if (std::any_of(proposal.properties.begin(), proposal.properties.end(),
                  [&](const ProposedProperty& other) { return other.name == name; })) {
    return left_out("another one has its name");
  }
  if (member.present == 0) return left_out("null in every record");
  if (proposal.properties.size() >= kMostProperties) return left_out("there are enough");
  ProposedProperty property{name, path, "", ""};
  if (member.strings == member.present) {
    property.type = "string";
    if (member.dates == member.present) property.format = "date-time";
    if (member.urls == member.present) property.format = "url";
    if (member.emails == member.present) property.format = "email";
  } else if (member.integers + member.fractions == member.present) {
    property.type = "number";
  } else if (member.booleans == member.present) {
    property.type = "boolean";
  } else if (member.arrays == member.present) {
    property.type = "array";
  } else if (member.objects == member.present) {
    property.type = "object";
  } else {
    return left_out("of several types");
  }
  proposal.properties.push_back(std::move(property));
}

/// The records that an answer has under the proposed path.
Result<Items> records_of(const Proposal& proposal, std::string_view body, json::Document& document,
                         transform::jq::Evaluator& evaluator) {
  auto path = DataPath::compile(proposal.data_path.expression);
  if (!path) return unexpected(std::move(path).error());
  auto root = document.index(body);
  if (!root) return unexpected(std::move(root).error());
  return path->extract(body, *root, document, evaluator);
}

std::string_view body_of(const stages::HttpResponse& answer) {
  return answer.body ? answer.body->view() : std::string_view();
}

}  // namespace

Result<void> check_address(std::string_view url) {
  const auto address = Address::parse(url);
  if (!address) return unexpected(ErrorKind::kConfig, "the address must begin with http:// or https:// and a host");
  if (address->origin.find('@') != std::string::npos) {
    return unexpected(ErrorKind::kConfig, "the address must not have credentials in it; use --bearer-env or --header");
  }
  Proposal ignored;
  return split_address(*address, ignored);
}

Result<Proposal> propose(std::string_view url, const stages::HttpResponse& answer) {
  if (auto checked = check_address(url); !checked) return unexpected(std::move(checked).error());
  const auto address = Address::parse(url);
  Proposal proposal;
  if (auto split = split_address(*address, proposal); !split) return unexpected(std::move(split).error());

  json::Document document;
  auto root = document.index(body_of(answer));
  if (!root) return unexpected(std::move(root).error().within("the answer is not JSON"));
  if (auto checked = document.check(); !checked) {
    return unexpected(std::move(checked).error().within("the answer is not JSON"));
  }
  auto facts = facts_of(document, *root);
  if (!facts) return unexpected(std::move(facts).error());
  if (auto found = find_records(*facts, proposal); !found) return unexpected(std::move(found).error());

  transform::jq::Evaluator evaluator;
  auto items = records_of(proposal, body_of(answer), document, evaluator);
  if (!items) return unexpected(std::move(items).error());
  proposal.num_records = items->raw.size();
  if (!items->raw.empty()) proposal.first_record = items->raw.front();
  auto members = members_of(items->raw);
  if (!members) return unexpected(std::move(members).error());
  const std::size_t looked_at = std::min<std::size_t>(items->raw.size(), 500);
  find_identifier(*members, looked_at, proposal);
  find_title(*members, proposal);
  for (const MemberFacts& member : *members) {
    if (member.keys.size() == 1) add_property(member, proposal);
  }
  proposal.paging = guess_paging({.asked = *address,
                                  .answer = answer,
                                  .facts = *facts,
                                  .records = items->whole ? 0 : proposal.num_records,
                                  .data_member = proposal.data_member});
  return proposal;
}

SecondPage judge_second_page(const Proposal& proposal, const stages::HttpResponse& answer) {
  if (!answer.ok()) return SecondPage::kRefused;
  json::Document document;
  transform::jq::Evaluator evaluator;
  auto items = records_of(proposal, body_of(answer), document, evaluator);
  if (!items) return SecondPage::kRefused;
  if (items->raw.empty()) return SecondPage::kEmpty;
  if (!items->raw.front().starts_with('{')) return SecondPage::kRefused;
  return items->raw.front() == proposal.first_record ? SecondPage::kSame : SecondPage::kOther;
}

void confirm(Proposal& proposal, SecondPage second) {
  ProposedPaging& guess = proposal.paging.front();
  const auto makes_way = [&](std::string_view why) {
    proposal.paging.erase(proposal.paging.begin());
    ProposedPaging& next = proposal.paging.front();
    next.why += fmt::format("; {}", why);
    if (!next.second_page.empty()) next.why += "; not tried";
  };
  switch (second) {
    case SecondPage::kOther:
      guess.why += "; the second page has other records";
      return;
    case SecondPage::kEmpty:
      if (guess.expects_more) return makes_way("a likelier way to ask gave an empty second page");
      guess.why += "; the second page is empty";
      return;
    case SecondPage::kSame:
      return makes_way("a likelier way to ask for the second page gave the first again");
    case SecondPage::kRefused:
      return makes_way("a likelier way to ask for the second page was refused");
  }
}

}  // namespace riptide::sources::custom
