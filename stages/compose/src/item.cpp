#include "riptide/item.hpp"

#include "item_state.hpp"

namespace riptide {

using detail::Asked;

std::string_view Item::json() const { return state_->json(); }
std::optional<std::string_view> Item::at(std::string_view pointer) const { return state_->at(pointer); }

std::string Item::text(std::string_view pointer) const {
  const auto raw = state_->at(pointer);
  return raw ? json::text_of(*raw) : std::string();
}

Result<void> Item::set(std::string_view pointer, std::string_view json) { return state_->set(pointer, json); }
Result<void> Item::set_text(std::string_view pointer, std::string_view text) {
  return state_->set(pointer, json::quoted(text));
}
Result<void> Item::remove(std::string_view pointer) { return state_->remove(pointer); }
Result<void> Item::replace(std::string json) { return state_->replace(json); }

std::string_view Item::kind() const noexcept { return state_->around().kind_of(state_->from.resource); }
std::string Item::partition() const { return state_->around().partition_of(state_->from.scope); }
std::size_t Item::size() const noexcept { return state_->size(); }

std::string Entity::blueprint() const { return text("/blueprint"); }
std::string Entity::identifier() const { return text("/identifier"); }
std::string Entity::title() const { return text("/title"); }

namespace {

std::string pointer_to(std::string_view object, std::string_view name) {
  std::string pointer(object);
  pointer += '/';
  for (const char byte : name) {
    if (byte == '~') {
      pointer += "~0";
    } else if (byte == '/') {
      pointer += "~1";
    } else {
      pointer += byte;
    }
  }
  return pointer;
}

}  // namespace

std::optional<std::string_view> Entity::property(std::string_view name) const {
  return at(pointer_to("/properties", name));
}
std::optional<std::string_view> Entity::relation(std::string_view name) const {
  return at(pointer_to("/relations", name));
}

void Emit::operator()(const Item& item) { emitting_->pass(item); }
Result<void> Emit::operator()(std::string_view json) { return emitting_->make(json); }

Reply::Reply(std::shared_ptr<Asked> asked, std::size_t number) noexcept : asked_(std::move(asked)), number_(number) {}
Reply::Reply(Reply&& other) noexcept : asked_(std::move(other.asked_)), number_(other.number_) {}

Reply& Reply::operator=(Reply&& other) noexcept {
  std::swap(asked_, other.asked_);
  std::swap(number_, other.number_);
  return *this;
}

Reply::~Reply() {
  if (asked_) fail(Error(ErrorKind::kInternal, "the stage let the item go without an answer"));
}

void Reply::keep() {
  if (const auto asked = std::exchange(asked_, nullptr)) asked->answered(number_, Asked::Answer::kKept, {});
}
void Reply::drop() {
  if (const auto asked = std::exchange(asked_, nullptr)) asked->answered(number_, Asked::Answer::kDropped, {});
}
void Reply::fail(Error error) {
  if (const auto asked = std::exchange(asked_, nullptr)) {
    asked->answered(number_, Asked::Answer::kFailed, std::move(error));
  }
}

}  // namespace riptide
