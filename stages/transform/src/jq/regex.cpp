#include "jq/regex.hpp"

#include <oniguruma.h>

#include <algorithm>
#include <list>
#include <unordered_map>
#include <vector>

#include "jq/json_writer.hpp"
#include "jq/utf8.hpp"

namespace riptide::transform::jq {
namespace {

constexpr std::size_t kCached = 64;
constexpr unsigned int kStackLimit = 100'000;  // Entries of the match stack.

void initialize() {
  static const bool once = [] {
    OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
    onig_initialize(encodings, 1);
    return true;
  }();
  (void)once;
}

struct Name {
  std::string name;
  int group = 0;
};

int remember_name(const UChar* begin, const UChar* end, int groups, int* numbers, regex_t*, void* context) {
  auto* names = static_cast<std::vector<Name>*>(context);
  for (int i = 0; i < groups; ++i) {
    names->push_back(
        {std::string(reinterpret_cast<const char*>(begin), static_cast<std::size_t>(end - begin)), numbers[i]});
  }
  return 0;
}

struct Region {
  OnigRegion* region = onig_region_new();
  Region() = default;
  ~Region() { onig_region_free(region, 1); }
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
};

struct MatchBounds {
  OnigMatchParam* param = onig_new_match_param();
  explicit MatchBounds(std::uint64_t max_steps) {
    onig_initialize_match_param(param);
    onig_set_match_stack_limit_size_of_match_param(param, kStackLimit);
    set(max_steps);
  }
  void set(std::uint64_t max_steps) const {
    onig_set_retry_limit_in_match_of_match_param(param, max_steps);
    onig_set_retry_limit_in_search_of_match_param(param, max_steps);
  }
  ~MatchBounds() { onig_free_match_param(param); }
  MatchBounds(const MatchBounds&) = delete;
  MatchBounds& operator=(const MatchBounds&) = delete;
};

std::string failure(int code, OnigErrorInfo* info) {
  UChar text[ONIG_MAX_ERROR_MESSAGE_LEN];
  const int length = info != nullptr ? onig_error_code_to_str(text, code, info) : onig_error_code_to_str(text, code);
  return "Regex failure: " + std::string(reinterpret_cast<const char*>(text), static_cast<std::size_t>(length));
}

struct Regex {
  regex_t* compiled = nullptr;
  std::vector<Name> names;
  Regex() = default;
  ~Regex() {
    if (compiled != nullptr) onig_free(compiled);
  }
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;
};

}  // namespace

struct RegexCache::Entries {
  // Most recently used first.
  std::list<std::pair<std::string, std::unique_ptr<Regex>>> order;
  std::unordered_map<std::string_view, decltype(order)::iterator> by_key;
  Region region;
  MatchBounds bounds;
  std::string key;

  explicit Entries(std::uint64_t max_steps) : bounds(max_steps) {}

  Regex* find(std::string_view pattern, OnigOptionType options, std::string& error) {
    key.assign(std::to_string(options));
    key += '/';
    key += pattern;
    if (const auto found = by_key.find(key); found != by_key.end()) {
      order.splice(order.begin(), order, found->second);
      return found->second->second.get();
    }
    auto regex = std::make_unique<Regex>();
    OnigErrorInfo info;
    const auto* begin = reinterpret_cast<const UChar*>(pattern.data());
    const int made = onig_new(&regex->compiled, begin, begin + pattern.size(), options, ONIG_ENCODING_UTF8,
                              ONIG_SYNTAX_PERL_NG, &info);
    if (made != ONIG_NORMAL) {
      regex->compiled = nullptr;
      error = failure(made, &info);
      return nullptr;
    }
    onig_foreach_name(regex->compiled, remember_name, &regex->names);
    if (order.size() >= kCached) {
      by_key.erase(order.back().first);
      order.pop_back();
    }
    order.emplace_front(key, std::move(regex));
    by_key[order.front().first] = order.begin();
    return order.front().second.get();
  }
};

RegexCache::RegexCache(std::uint64_t max_steps) : max_steps_(max_steps) {}
RegexCache::~RegexCache() = default;

void RegexCache::set_max_steps(std::uint64_t max_steps) noexcept {
  max_steps_ = max_steps;
  if (entries_ != nullptr) entries_->bounds.set(max_steps);
}

namespace {

Value capture_of(std::string_view text, int begin, int end, const Regex& regex, int group) {
  Value capture = Value::object();
  if (begin < 0) {
    object_set(capture, Value::string("offset"), Value::number(-1.0));
    object_set(capture, Value::string("length"), Value::number(0.0));
    object_set(capture, Value::string("string"), Value::null());
  } else {
    const std::string_view found = text.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
    object_set(capture, Value::string("offset"),
               Value::number(utf8::count(text.substr(0, static_cast<std::size_t>(begin)))));
    object_set(capture, Value::string("length"), Value::number(utf8::count(found)));
    object_set(capture, Value::string("string"), repaired_string(found));
  }
  if (group > 0) {
    Value name = Value::null();
    for (const Name& candidate : regex.names) {
      if (candidate.group == group) name = Value::string(candidate.name);
    }
    object_set(capture, Value::string("name"), std::move(name));
  }
  return capture;
}

/// The first place at or behind `at` where a character begins.
std::size_t character_end(std::string_view text, std::size_t at) noexcept {
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  return at;
}

}  // namespace

namespace {

/// False: `error` says which of the three is of another type.
bool are_texts(const Value& input, const Value& pattern, const Value& flags, std::string& error) {
  if (!input.is_string()) {
    error = std::string(type_name(input)) + " (" + shortened(input) + ") cannot be matched, as it is not a string";
    return false;
  }
  if (!pattern.is_string()) {
    error = std::string(type_name(pattern)) + " (" + shortened(pattern) + ") is not a string";
    return false;
  }
  if (!flags.is_string() && !flags.is_null()) {
    error = std::string(type_name(flags)) + " (" + shortened(flags) + ") is not a string";
    return false;
  }
  return true;
}

}  // namespace

template <class Each>
bool RegexCache::search(std::string_view text, std::string_view pattern, std::string_view flags, std::string& error,
                        Each&& each) {
  OnigOptionType options = ONIG_OPTION_CAPTURE_GROUP;
  bool global = false;
  bool skip_empty = false;
  for (const char flag : flags) {
    switch (flag) {
      case 'g':
        global = true;
        break;
      case 'i':
        options |= ONIG_OPTION_IGNORECASE;
        break;
      case 'x':
        options |= ONIG_OPTION_EXTEND;
        break;
      case 'n':
        skip_empty = true;
        break;
      case 's':
        options |= ONIG_OPTION_SINGLELINE;
        break;
      case 'p':
        options |= ONIG_OPTION_MULTILINE | ONIG_OPTION_SINGLELINE;
        break;
      case 'l':
        options |= ONIG_OPTION_FIND_LONGEST;
        break;
      default:
        error = std::string(flags) + " is not a valid modifier string";
        return false;
    }
  }
  if (skip_empty) options |= ONIG_OPTION_FIND_NOT_EMPTY;
  initialize();
  if (entries_ == nullptr) entries_ = std::make_unique<Entries>(max_steps_);
  Regex* regex = entries_->find(pattern, options, error);
  if (regex == nullptr) return false;
  const auto* begin = reinterpret_cast<const UChar*>(text.data());
  const auto* end = begin + text.size();
  const UChar* start = begin;
  while (true) {
    OnigRegion* region = entries_->region.region;
    const int found = onig_search_with_param(regex->compiled, begin, end, start, end, region, ONIG_OPTION_NONE,
                                             entries_->bounds.param);
    if (found == ONIG_MISMATCH) return true;
    if (found < 0) {
      error = failure(found, nullptr);
      return false;
    }
    if (!each(*region, *regex) || !global) return true;
    if (region->end[0] == region->beg[0]) {
      // Behind an empty match the search goes on with the next byte, as jq's does: a character of several bytes is
      // matched more than once.
      start = begin + region->end[0] + 1;
    } else {
      start = begin + region->end[0];
    }
    if (start > end) return true;
  }
}

bool RegexCache::match(const Value& input, const Value& pattern, const Value& flags, bool test, Value& output,
                       std::string& error) {
  if (!are_texts(input, pattern, flags, error)) return false;
  Value matches = Value::array();
  bool found_any = false;
  const std::string_view text = input.string();
  const auto take = [&](const OnigRegion& region, const Regex& regex) {
    found_any = true;
    if (test) return false;
    Value match = capture_of(text, region.beg[0], region.end[0], regex, 0);
    Value captures = Value::array(static_cast<std::size_t>(region.num_regs));
    for (int group = 1; group < region.num_regs; ++group) {
      array_push(captures, capture_of(text, region.beg[group], region.end[group], regex, group));
    }
    object_set(match, Value::string("captures"), std::move(captures));
    array_push(matches, std::move(match));
    return true;
  };
  if (!search(text, pattern.string(), flags.string(), error, take)) return false;
  output = test ? Value::boolean(found_any) : std::move(matches);
  return true;
}

bool RegexCache::each_match(std::string_view text, std::string_view pattern, std::string_view flags, std::string& error,
                            FunctionRef<bool(const MatchPlaces&)> each) {
  return search(text, pattern, flags, error, [&](const OnigRegion& region, const Regex&) {
    return each({region.beg, region.end, region.num_regs});
  });
}

bool RegexCache::replace(std::string_view text, std::string_view pattern, std::string_view flags,
                         std::string_view replacement, FunctionRef<bool(std::size_t)> grow, std::string& made,
                         std::size_t& matches, std::string& error) {
  std::size_t previous = 0;
  matches = 0;
  const auto take = [&](const OnigRegion& region, const Regex&) {
    // jq cuts by characters: a match that begins within one counts from behind it.
    const std::size_t begin = character_end(text, static_cast<std::size_t>(region.beg[0]));
    const std::size_t length = utf8::count(
        text.substr(static_cast<std::size_t>(region.beg[0]), static_cast<std::size_t>(region.end[0] - region.beg[0])));
    const std::size_t gap = begin > previous ? begin - previous : 0;
    if (!grow(gap + replacement.size())) return false;
    made += text.substr(previous, gap);
    made += replacement;
    previous = begin;
    for (std::size_t step = 0; step < length; ++step) previous = character_end(text, previous + 1);
    ++matches;
    return true;
  };
  if (!search(text, pattern, flags, error, take)) return false;
  if (matches != 0) made += text.substr(std::min(previous, text.size()));
  return true;
}

bool RegexCache::replace(const Value& input, const Value& pattern, const Value& flags, std::string_view replacement,
                         Heap& heap, Value& output, std::string& error) {
  struct Charged {
    Heap& heap;
    std::size_t bytes = 0;
    void grow_by(std::size_t more) {
      heap.charge(more);
      bytes += more;
    }
    ~Charged() { heap.discharge(bytes); }
  } charged{heap};
  if (!are_texts(input, pattern, flags, error)) return false;
  std::string made;
  std::size_t matches = 0;
  const auto grow = [&](std::size_t bytes) {
    heap.spend(1);
    charged.grow_by(bytes);
    return true;
  };
  if (!replace(input.string(), pattern.string(), flags.string(), replacement, grow, made, matches, error)) return false;
  output = matches == 0 ? input : Value::string(made);
  return true;
}

}  // namespace riptide::transform::jq
