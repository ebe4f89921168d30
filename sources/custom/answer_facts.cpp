#include "answer_facts.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "riptide/pipeline/page.hpp"

namespace riptide::sources::custom {
namespace {

constexpr std::size_t kMostDepth = 6;
constexpr std::size_t kMostFacts = 500;
constexpr std::size_t kMostRecords = 500;
constexpr std::size_t kMostMembers = 200;
constexpr std::size_t kMostText = 300;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string key_of(std::string_view raw_key) {
  auto decoded = json::decoded("\"" + std::string(raw_key) + "\"");
  return decoded ? *std::move(decoded) : std::string(raw_key);
}

class Walk {
 public:
  Walk(const json::Document& document, AnswerFacts& facts) : document_(document), facts_(facts) {}

  Result<void> value(json::Value value) {
    switch (value.type) {
      case json::Type::kObject:
        return object(value);
      case json::Type::kArray:
        return list(value);
      case json::Type::kNull:
      case json::Type::kBool:
      case json::Type::kNumber:
      case json::Type::kString:
        break;
    }
    if (keys_.empty() || facts_.scalars.size() >= kMostFacts) return {};
    auto raw = document_.raw(value);
    if (!raw) return pipeline::unexpected(std::move(raw).error());
    facts_.scalars.push_back({keys_, value.type, json::text_of(*raw)});
    return {};
  }

 private:
  Result<void> object(json::Value value) {
    if (keys_.size() >= kMostDepth) return {};
    json::Document::Members members(document_, value);
    while (members.next()) {
      keys_.push_back(key_of(members.raw_key()));
      auto walked = this->value(members.value());
      keys_.pop_back();
      if (!walked) return walked;
    }
    return members.status();
  }

  Result<void> list(json::Value value) {
    ListFacts& list = facts_.lists.emplace_back();
    list.keys = keys_;
    json::Document::Elements elements(document_, value);
    while (elements.next()) {
      ++list.elements;
      if (elements.value().type == json::Type::kObject) ++list.objects;
    }
    return elements.status();
  }

  const json::Document& document_;
  AnswerFacts& facts_;
  std::vector<std::string> keys_;
};

/// 2024-05-06T07:08:09Z and its relatives.
bool is_date(std::string_view text) {
  static constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd";
  if (text.size() <= kShape.size() || text.size() > 40) return false;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    if (kShape[i] == 'd' ? !is_digit(text[i]) : text[i] != kShape[i]) return false;
  }
  return text.find_first_not_of("0123456789.:+-Z", kShape.size()) == std::string_view::npos &&
         (text.ends_with('Z') || text.find_first_of("+-", kShape.size()) != std::string_view::npos);
}

bool is_url(std::string_view text) {
  return (text.starts_with("https://") || text.starts_with("http://")) &&
         text.find_first_of(" \t\r\n") == std::string_view::npos;
}

bool is_email(std::string_view text) {
  const auto at = text.find('@');
  return at != std::string_view::npos && at > 0 && text.find('.', at) != std::string_view::npos &&
         text.find('@', at + 1) == std::string_view::npos &&
         text.find_first_of(" \t\r\n/:<>") == std::string_view::npos;
}

class MemberCounter {
 public:
  Result<void> record(std::string_view raw) {
    const pipeline::Page page = pipeline::make_page(raw);
    auto root = document_.index(page->view());
    if (!root) return pipeline::unexpected(std::move(root).error());
    return object(*root, {});
  }

  std::vector<MemberFacts> take() {
    for (std::size_t i = 0; i < members_.size(); ++i) members_[i].distinct = values_[i].size();
    return std::move(members_);
  }

 private:
  Result<void> object(json::Value value, const std::vector<std::string>& within) {
    json::Document::Members members(document_, value);
    while (members.next()) {
      std::vector<std::string> keys = within;
      keys.push_back(key_of(members.raw_key()));
      const json::Value member = members.value();
      if (auto counted = count(keys, member); !counted) return counted;
      if (member.type == json::Type::kObject && within.empty()) {
        if (auto inside = object(member, keys); !inside) return inside;
      }
    }
    return members.status();
  }

  Result<void> count(const std::vector<std::string>& keys, json::Value value) {
    const auto known =
        std::find_if(members_.begin(), members_.end(), [&](const MemberFacts& member) { return member.keys == keys; });
    if (known == members_.end() && members_.size() >= kMostMembers) return {};
    const auto at = static_cast<std::size_t>(known - members_.begin());
    if (known == members_.end()) {
      members_.emplace_back().keys = keys;
      values_.emplace_back();
    }
    MemberFacts& member = members_[at];
    if (value.type == json::Type::kNull) return {};
    ++member.present;
    if (value.type == json::Type::kObject || value.type == json::Type::kArray) {
      ++(value.type == json::Type::kObject ? member.objects : member.arrays);
      return {};
    }
    auto raw = document_.raw(value);
    if (!raw) return pipeline::unexpected(std::move(raw).error());
    std::string text = json::text_of(*raw);
    if (value.type == json::Type::kBool) ++member.booleans;
    if (value.type == json::Type::kNumber) {
      ++(raw->find_first_of(".eE") == std::string_view::npos ? member.integers : member.fractions);
    }
    if (value.type == json::Type::kString) {
      ++member.strings;
      member.dates += is_date(text) ? 1 : 0;
      member.urls += is_url(text) ? 1 : 0;
      member.emails += is_email(text) ? 1 : 0;
      if (text.empty()) member.empty_text = true;
    }
    if (text.size() > kMostText) text.resize(kMostText);
    if (member.example.empty()) member.example = text;
    values_[at].insert(std::move(text));
    return {};
  }

  json::Document document_;
  std::vector<MemberFacts> members_;
  std::vector<std::set<std::string>> values_;  // Of each member, those seen.
};

}  // namespace

std::string squeezed(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (is_digit(c) || is_letter(c)) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

std::optional<std::uint64_t> Fact::count() const {
  if (type != json::Type::kNumber && type != json::Type::kString) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || number > 1'000'000'000'000) {
    return std::nullopt;
  }
  return number;
}

std::string Fact::dotted() const {
  std::string path;
  for (const std::string& key : keys) {
    const bool plain = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
      return is_digit(c) || is_letter(c) || c == '_' || c == '-' || c == '@' || c == '$';
    });
    if (!plain) return {};
    path += (path.empty() ? "" : ".") + key;
  }
  return path;
}

Result<AnswerFacts> facts_of(const json::Document& document, json::Value root) {
  AnswerFacts facts;
  facts.root = root.type;
  if (auto walked = Walk(document, facts).value(root); !walked) return pipeline::unexpected(std::move(walked).error());
  return facts;
}

Result<std::vector<MemberFacts>> members_of(const std::vector<std::string_view>& records) {
  MemberCounter counter;
  for (std::size_t i = 0; i < std::min(records.size(), kMostRecords); ++i) {
    if (!records[i].starts_with('{')) continue;
    if (auto counted = counter.record(records[i]); !counted) return pipeline::unexpected(std::move(counted).error());
  }
  return counter.take();
}

std::string jq_path(const std::vector<std::string>& keys) {
  std::string path;
  for (const std::string& key : keys) {
    const bool name = !key.empty() && !is_digit(key.front()) && std::all_of(key.begin(), key.end(), [](char c) {
      return is_digit(c) || is_letter(c) || c == '_';
    });
    if (name) {
      path += "." + key;
    } else {
      // In a string literal of jq a backslash and a parenthesis would be a program.
      std::string literal;
      json::append_quoted(key, literal);
      path += (path.empty() ? ".[" : "[") + literal + "]";
    }
  }
  return path.empty() ? "." : path;
}

}  // namespace riptide::sources::custom
