#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "jq/value.hpp"

namespace riptide::transform::jq {

/// Reads JSON texts into values, as leniently as jq (nan, leading zeros), without recursion. One per thread, reused.
class JsonReader {
 public:
  enum class Ownership : std::uint8_t {
    kBorrow,  ///< Strings point into the text where they can; nodes are immortal. Lone surrogates become U+FFFD.
    kCopy,    ///< As strict as `fromjson`: a lone high surrogate is an error.
  };

  /// Reads one text. False on an error: `error` has jq's message, without "(while parsing ...)".
  bool read(std::string_view text, Ownership ownership, std::uint32_t max_depth, Value& value, std::string& error);

 private:
  struct Frame {
    bool object;
    std::size_t first;
  };

  bool parse(Value& value);
  bool string(Value& value);
  bool scalar(Value& value);
  void close(bool object, std::size_t first, Value& value);
  void skip_space() noexcept;

  const char* at_ = nullptr;
  const char* end_ = nullptr;
  bool borrow_ = false;
  bool too_deep_ = false;
  std::uint32_t max_depth_ = 0;
  std::vector<Value> values_;  ///< Members and elements of what is still open.
  std::vector<Frame> open_;
  std::string scratch_;
};

/// jq's message for a text that is not JSON: its tokenizer's view of where and why.
std::string json_error(std::string_view text);

}  // namespace riptide::transform::jq
