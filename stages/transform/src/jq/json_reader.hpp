#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "jq/json_text.hpp"
#include "jq/value.hpp"
#include "jq/view.hpp"
#include "riptide/json/structurals.hpp"

namespace riptide::transform::jq {

/// Reads JSON texts into values, as leniently as jq (nan, leading zeros), without recursion. One per thread, reused.
class JsonReader {
 public:
  enum class Ownership : std::uint8_t {
    kBorrow,        ///< Strings point into the text where they can; nodes are immortal. Lone surrogates become U+FFFD.
    kCopy,          ///< As strict as `fromjson`: a lone high surrogate or a control character in a string is an error.
    kBorrowStrict,  ///< Borrowed, and as strict as kCopy.
  };

  /// Reads one text. False on an error: `error` has jq's message, without "(while parsing ...)".
  bool read(std::string_view text, Ownership ownership, std::uint32_t max_depth, Value& value, std::string& error);

  enum class Found : std::uint8_t { kValue, kNothing, kUnfinished, kBroken };
  /// Reads the next of several values, from `at` on, which is moved behind it (or to its beginning: kUnfinished,
  /// kBroken). kUnfinished: it ends with the text; not if `last`. Of objects only what `view` shows, if given, is
  /// read; all is checked. Borrowed, and strict.
  Found next(std::string_view text, std::size_t& at, bool last, std::uint32_t max_depth, const View* view,
             Value& value);
  [[nodiscard]] bool too_deep() const noexcept { return too_deep_; }

  /// Indexes a text for `next`, which then steps over what a view does not show much faster. `Document::kPadding`
  /// readable bytes must follow it. Holds until the next call, for calls of `next` with just this text.
  void index(std::string_view text);

 private:
  struct Frame {
    bool object;
    std::size_t first;
    const View* view;
  };
  struct RawString {
    std::string_view body;
    bool escaped = false;
    bool ascii = true;
  };

  void begin(std::string_view text, Ownership ownership, std::uint32_t max_depth) noexcept;
  bool parse_all(const View* view, Value& value);
  bool parse(const View* view, Value& value);
  bool key(const View*& view, bool& seen);
  bool raw_string(RawString& raw);
  bool string(Value& value);
  bool skip();
  bool skip_scalar();
  bool skip_string();
  bool scalar(Value& value);
  void close(bool object, std::size_t first, Value& value);
  void skip_space() noexcept {
    while (at_ < end_ && is_space(*at_)) ++at_;
  }

  enum class Members : std::uint8_t { kSeen, kNoMore, kUnclear };
  Members next_seen_member(const View*& view);
  std::uint32_t skip_by_index(std::uint32_t place);
  bool good_scalar(std::uint32_t place);
  bool good_string(std::uint32_t place);
  [[nodiscard]] bool good_word(std::uint32_t place) const;

  const char* at_ = nullptr;
  const char* end_ = nullptr;
  bool borrow_ = false;
  bool lenient_ = false;
  bool too_deep_ = false;
  std::uint32_t max_depth_ = 0;
  std::vector<Value> values_;  ///< Members and elements of what is still open.
  std::vector<Frame> open_;
  std::string skipped_;  ///< Brackets that are open in what is stepped over.
  std::string scratch_;

  json::StructuralIndex index_;
  json::Structurals structurals_;
  std::size_t indexed_size_ = 0;
  bool indexed_ = false;             ///< `structurals_` is of the text at hand.
  bool skipped_over_ = false;        ///< The members up to the end of the object have been.
  std::uint32_t cursor_ = 0;         ///< A structural that is not behind the place at hand.
  const char* backslash_ = nullptr;  ///< The first one from where strings were looked at last, or an earlier place.
};

/// jq's message for a text that is not JSON: its tokenizer's view of where and why.
std::string json_error(std::string_view text);

}  // namespace riptide::transform::jq
