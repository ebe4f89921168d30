#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "jq/value.hpp"
#include "jq/view.hpp"

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
  void skip_space() noexcept;

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
};

/// jq's message for a text that is not JSON: its tokenizer's view of where and why.
std::string json_error(std::string_view text);

}  // namespace riptide::transform::jq
