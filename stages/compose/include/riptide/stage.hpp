#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "riptide/item.hpp"

namespace riptide {

/// How a stage runs.
struct StageOptions {
  /// One call at a time, in the order in which items come. Without it calls for different items run at once.
  bool serial = false;
  /// Of an asynchronous stage: items that wait for their answer at once, at most.
  std::size_t in_flight = 16;
  /// One line for the picture.
  std::string says;
};

/// A stage with a state of its own: a window, a counter, a join. Its calls come one at a time, from any thread. An
/// exception or an Error costs the item of that call. What it keeps between calls is its own memory: it states the
/// bound.
///
/// @tparam T  Record or Entity: what it takes and gives.
template <class T>
class Stage {
 public:
  virtual ~Stage() = default;
  /// Takes an item. What is to be passed on is given to `emit`, now or in a later call (then as JSON); an item that its
  /// call does not pass on counts as filtered.
  virtual Result<void> process(T& item, Emit& emit) = 0;
  /// Called about as often as `tick_every` says, if it says so.
  virtual Result<void> tick(Emit& emit) {
    (void)emit;
    return {};
  }
  [[nodiscard]] virtual std::optional<std::chrono::milliseconds> tick_every() const { return std::nullopt; }
  /// Called once, when everything has come, also after a stop.
  virtual Result<void> finish(Emit& emit) {
    (void)emit;
    return {};
  }
  /// True if every item that comes leaves in the end with the identity that it had: a sink behind it may then remove
  /// what did not arrive.
  [[nodiscard]] virtual bool keeps_all() const { return false; }
};

}  // namespace riptide
