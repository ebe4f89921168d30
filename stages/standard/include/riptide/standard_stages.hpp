#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "riptide/item.hpp"
#include "riptide/stage.hpp"
#include "riptide/stages/dedupe.hpp"
#include "riptide/stages/jq_program.hpp"
#include "riptide/stages/lookup_table.hpp"
#include "riptide/stages/redaction.hpp"
#include "riptide/stages/sampler.hpp"

/// Bodies for stages of a graph, for records and entities alike:
///
///   entities.filter("prod only", riptide::where(production)).then("redact", riptide::redact(redaction))
namespace riptide {

/// For `Stream::filter`: keeps what the program holds for.
[[nodiscard]] std::function<Result<bool>(const Item&)> where(std::shared_ptr<const stages::JqProgram> program);
/// For `Stream::filter`: keeps the first item of each key.
[[nodiscard]] std::function<Result<bool>(const Item&)> first_of_each(std::shared_ptr<stages::Dedupe> dedupe);
/// For `Stream::filter`: keeps what is picked.
[[nodiscard]] std::function<Result<bool>(const Item&)> some(std::shared_ptr<stages::Sampler> sampler);
/// For `Stream::then`: hides fields.
[[nodiscard]] std::function<Result<void>(Item&)> redact(std::shared_ptr<const stages::Redaction> redaction);

/// How items get what a table has of them.
struct Enrichment {
  std::shared_ptr<const stages::LookupTable> table;
  std::shared_ptr<const stages::JqProgram> key;  ///< Its first output, as text, is looked up.
  std::string into;                              ///< A JSON pointer: where the row goes.
  enum class Missing { kKeep, kDrop, kFail };
  Missing missing = Missing::kKeep;  ///< What becomes of an item without a row.
};
/// For `Stream::expand`.
[[nodiscard]] std::function<Result<void>(const Item&, Emit&)> enrich(Enrichment enrichment);

/// For `Stream::route`: names the first of the routes whose program holds; "" where none does.
[[nodiscard]] std::function<Result<std::string>(const Item&)> first_match(
    std::vector<std::pair<std::string, std::shared_ptr<const stages::JqProgram>>> routes);

/// A JSON pointer for a jq path of plain steps: `.properties.owner`, `.a["b c"]`. Errors: kConfig.
[[nodiscard]] Result<std::string> pointer_of(std::string_view path);

/// Items that were collected, as the texts that they had.
class WindowOfItems {
 public:
  /// When a window closes, and what becomes of it.
  struct Options {
    std::size_t count = 1;                                ///< Items of a full window.
    std::optional<std::chrono::milliseconds> every = {};  ///< One that is not full closes after this long.
    std::shared_ptr<const stages::JqProgram>
        program;  ///< Sees an array; every output is an item. Null: the array's elements.
    std::function<std::chrono::steady_clock::time_point()> now = &std::chrono::steady_clock::now;
  };
  explicit WindowOfItems(Options options) : options_(std::move(options)) {}

  Result<void> add(std::string_view json, Emit& emit);
  /// Closes a window that is old enough.
  Result<void> tick(Emit& emit);
  /// Closes what there is.
  Result<void> close(Emit& emit);
  [[nodiscard]] const Options& options() const noexcept { return options_; }

 private:
  const Options options_;
  std::vector<std::string> items_;
  std::chrono::steady_clock::time_point begun_;
};

/// A stage that makes items of several at a time: see `WindowOfItems`. It keeps at most `count` items.
template <class T>
class Window final : public Stage<T> {
 public:
  explicit Window(WindowOfItems::Options options) : window_(std::move(options)) {}
  Result<void> process(T& item, Emit& emit) override { return window_.add(item.json(), emit); }
  Result<void> tick(Emit& emit) override { return window_.tick(emit); }
  Result<void> finish(Emit& emit) override { return window_.close(emit); }
  [[nodiscard]] std::optional<std::chrono::milliseconds> tick_every() const override { return window_.options().every; }

 private:
  WindowOfItems window_;
};

}  // namespace riptide
