#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace riptide::cli {

/// The events that `jq --stream` makes of JSON values: [path, leaf] for each scalar and each empty container, [path]
/// where a container ends. Reads a text in pieces, at any place cut; memory: the path and the longest scalar.
class JqEvents {
 public:
  enum class Got : std::uint8_t {
    kEvent,   ///< `event` is the next one, as JSON. Scalars are as they were written: to be checked by who reads them.
    kMore,    ///< The piece is used up.
    kBroken,  ///< `problem` says what is wrong at `at`.
  };
  /// Looks for the next event from `at` on in `piece`; moves `at`.
  Got next(std::string_view piece, std::size_t& at, std::string& event);
  /// Tells that nothing follows; then, once, there may be an event or a problem. kMore: there is none.
  Got finish(std::string& event);
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

 private:
  enum class Expects : std::uint8_t { kValue, kFirstValue, kKey, kFirstKey, kColon, kSeparator };
  struct Level {
    bool object;
    std::size_t path;   ///< Where its key or index begins in `path_`.
    std::size_t index;  ///< Of an array.
  };

  Got broken(const char* problem);
  Got structure(char c, std::string& event);
  Got close(char c, std::string& event);
  Got token_complete(std::string& event, bool& has_event);
  bool take_token(std::string_view piece, std::size_t& at);
  void set_step(std::string_view step);
  void open(char bracket);
  void value_done();
  void leaf(std::string_view value, std::string& event);

  Expects expects_ = Expects::kValue;
  std::vector<Level> levels_;
  std::string path_;   ///< The steps to the current place, with commas.
  std::string token_;  ///< A scalar or key that is being read.
  bool escaped_ = false;
  std::string problem_;
};

}  // namespace riptide::cli
