#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/transform/jq.hpp"

namespace riptide::cli {

/// The events that `jq --stream` makes of JSON values: [path, leaf] for each scalar and each empty container, [path]
/// where a container ends. Reads a text in pieces, at any place cut; memory: the path and the longest scalar. As with
/// jq, a scalar in a container is an event when what follows it has been seen.
class JqEvents {
 public:
  enum class Got : std::uint8_t {
    kEvent,   ///< `event` is the next one, as JSON.
    kMore,    ///< The piece is used up.
    kBroken,  ///< `problem` says what is wrong in front of `at`. `reset` before going on.
  };
  /// Looks for the next event from `at` on in `piece`; moves `at`.
  Got next(std::string_view piece, std::size_t& at, std::string& event);
  /// Tells that nothing follows; then, once, there may be an event or a problem. kMore: there is none.
  Got finish(std::string& event);
  /// Forgets what has been begun.
  void reset();
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
  /// The steps to where reading is, as JSON with commas between them.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  enum class Last : std::uint8_t { kNone, kOpenArray, kOpenObject, kColon, kComma, kValue };
  struct Level {
    bool object;
    std::size_t path;   ///< Where its key or index begins in `path_`.
    std::size_t index;  ///< Of an array.
    bool has_key;       ///< Of an object: the key of the member at hand is known.
  };

  Got broken(const char* problem);
  Got structure(char c, std::string& event);
  Got open(char bracket);
  Got colon();
  Got comma(std::string& event);
  Got close(char bracket, std::string& event);
  Got token_complete(std::string& event);
  bool take_token(std::string_view piece, std::size_t& at);
  [[nodiscard]] bool is_scalar(std::string_view token);
  void set_step(std::string_view step);
  void leaf(std::string_view value, std::string& event) const;

  Last last_ = Last::kNone;
  std::vector<Level> levels_;
  std::string path_;   ///< The steps to the current place, with commas.
  std::string token_;  ///< A scalar or key that is being read.
  std::string next_;   ///< One that has been read, and may be a key or a value; empty: none.
  std::string after_;  ///< An event that comes after the one before it, without more text.
  bool escaped_ = false;
  std::string problem_;
  transform::jq::Evaluator checker_;
};

}  // namespace riptide::cli
