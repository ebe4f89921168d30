#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "riptide/pipeline/result.hpp"

namespace riptide {

using pipeline::Error;
using pipeline::ErrorKind;
using pipeline::Result;
using pipeline::Unexpected;
using pipeline::unexpected;

namespace detail {
struct ItemState;
struct Emitting;
struct Asked;
}  // namespace detail

/// One item while a stage has it: a JSON object, and where it came from. A handle: copies name the same item. Valid
/// during the stage's call; for an asynchronous stage until its `Reply` is used. One thread at a time.
///
/// Nothing is copied unless an item is edited: then its new bytes are written beside the page that it came with.
/// Pointers are JSON pointers (RFC 6901), e.g. "/properties/owner".
class Item {
 public:
  /// The whole object as raw JSON: what a source laid over it is merged in. Valid until the item is edited.
  [[nodiscard]] std::string_view json() const;
  /// The raw JSON of one value; nothing if it is not there. Valid until the item is edited, or read by another call
  /// where a source laid keys over it. Of duplicate keys the last.
  [[nodiscard]] std::optional<std::string_view> at(std::string_view pointer) const;
  /// The same as text: strings decoded, anything else as its JSON; empty if it is not there.
  [[nodiscard]] std::string text(std::string_view pointer) const;

  /// Puts a value, given as JSON, in the place that `pointer` names; objects on the way are made where they are
  /// missing.
  /// "-" behind an array appends. Errors: kMalformed (`json` or the pointer is none), kNotFound (the way leads through
  /// a value that is no container, or past an array's end); the item is as before then.
  Result<void> set(std::string_view pointer, std::string_view json);
  /// Puts a text there.
  Result<void> set_text(std::string_view pointer, std::string_view text);
  /// Takes a value out. What is not there stays so. Errors: kMalformed.
  Result<void> remove(std::string_view pointer);
  /// Makes it another object altogether. Errors: kMalformed (`json` is no object).
  Result<void> replace(std::string json);

  /// The kind that it was read as.
  [[nodiscard]] std::string_view kind() const noexcept;
  /// The partition of the scope that it was read in; "*" where the kind has none. Of an item that a stage made, those
  /// of the item that it was made of.
  [[nodiscard]] std::string partition() const;
  /// How many bytes `json()` has, as far as that is known without making them.
  [[nodiscard]] std::size_t size() const noexcept;

  /// Used by the library.
  explicit Item(detail::ItemState* state) noexcept : state_(state) {}
  [[nodiscard]] detail::ItemState* state() const noexcept { return state_; }

 protected:
  detail::ItemState* state_;
};

/// An item as a source gave it, before any mapping.
class Record : public Item {
 public:
  using Item::Item;
};

/// What a mapping made: {"identifier", "blueprint", and what there is of "title", "icon", "team", "properties",
/// "relations"}. An edit must leave it one, with an identifier and a blueprint: else the item fails at that stage.
class Entity : public Item {
 public:
  using Item::Item;
  [[nodiscard]] std::string blueprint() const;
  [[nodiscard]] std::string identifier() const;
  [[nodiscard]] std::string title() const;
  /// The raw JSON of a property or relation; nothing if it is not there.
  [[nodiscard]] std::optional<std::string_view> property(std::string_view name) const;
  [[nodiscard]] std::optional<std::string_view> relation(std::string_view name) const;
};

/// Where a stage puts what it gives for an item. Valid during the call. What an item's call gave is taken back if the
/// call then fails.
class Emit {
 public:
  /// Passes an item on as it is now. The same one twice is one item and a made one.
  void operator()(const Item& item);
  /// Makes an item from a JSON object. Errors: kMalformed (no object; of entities: no identifier or blueprint).
  Result<void> operator()(std::string_view json);

  /// Used by the library.
  explicit Emit(detail::Emitting& emitting) noexcept : emitting_(&emitting) {}

 private:
  detail::Emitting* emitting_;
};

/// The right and duty to answer for one item of an asynchronous stage: exactly one of its calls, from any thread, at
/// any time; until then the item counts as in flight, and the run waits. One that is dropped unused fails its item.
/// Move-only.
class Reply {
 public:
  Reply(Reply&&) noexcept;
  Reply& operator=(Reply&&) noexcept;
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;
  ~Reply();

  /// Passes the item on, with the edits made to it.
  void keep();
  /// Leaves it out: it counts as filtered.
  void drop();
  /// Gives it up: it counts as failed, with this error.
  void fail(Error error);

  /// Used by the library.
  Reply(std::shared_ptr<detail::Asked> asked, std::size_t number) noexcept;

 private:
  std::shared_ptr<detail::Asked> asked_;
  std::size_t number_ = 0;
};

}  // namespace riptide
