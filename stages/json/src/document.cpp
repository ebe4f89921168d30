#include "riptide/json/document.hpp"

#include <utility>

#include "riptide/json/structurals.hpp"

namespace riptide::json {

using pipeline::ErrorKind;
using pipeline::Unexpected;
using pipeline::unexpected;

namespace {

Unexpected malformed_at(std::uint64_t offset) {
  return unexpected(ErrorKind::kMalformed,
                    "not JSON: unexpected byte or end of text, at byte " + std::to_string(offset));
}

/// The type that a value beginning with `byte` has; false if none does.
bool type_of(char byte, Type& type) noexcept {
  switch (byte) {
    case '{':
      type = Type::kObject;
      return true;
    case '[':
      type = Type::kArray;
      return true;
    case '"':
      type = Type::kString;
      return true;
    case 't':
    case 'f':
      type = Type::kBool;
      return true;
    case 'n':
      type = Type::kNull;
      return true;
    default:
      type = Type::kNumber;
      return class_of(byte) == Class::kScalar;
  }
}

bool is_container(Type type) noexcept { return type == Type::kObject || type == Type::kArray; }

}  // namespace

struct Document::Index {
  explicit Index(StructuralIndex::Scan scan) : builder(scan) {}

  StructuralIndex builder;
  Structurals structurals;
  Brackets brackets;  ///< Scratch of the walks.

  /// Byte offset of a structural, the text's length behind the last.
  [[nodiscard]] std::uint32_t offset(std::uint32_t index) const noexcept {
    return structurals.at[index < structurals.size ? index : structurals.size];
  }

  /// Finds the raw bytes of `value` and the structural behind it. False: malformed at structural `failed_at`.
  bool span(Value value, std::string_view& raw, std::uint32_t& behind, std::uint32_t& failed_at) {
    if (!is_container(value.type)) {
      raw = structurals.token(value.at);
      behind = value.at + 1;
      failed_at = value.at;
      return is_scalar(raw);
    }
    behind = step_over(structurals, value.at, brackets, &failed_at);
    if (behind == 0) return false;
    failed_at = behind;
    if (value.at == 0 && behind != structurals.size) return false;  // something after the root
    const std::uint32_t begin = structurals.at[value.at];
    raw = {structurals.text + begin, structurals.at[behind - 1] + 1 - begin};
    return true;
  }

  /// Where the walk through a container stands after `advance`.
  enum class Step : std::uint8_t { kHere, kEnd, kMalformed };

  /// Moves `next` from behind one value to the place where the next one (or its key) must begin.
  Step advance(std::uint32_t container, Value current, bool first, char close, std::uint32_t& next,
               std::uint32_t& failed_at) {
    if (first) {
      next = container + 1;
    } else if (next == 0) {
      next = step_over(structurals, current.at, brackets, &failed_at);
      if (next == 0) return Step::kMalformed;
    }
    failed_at = next;
    if (next >= structurals.size) return Step::kMalformed;
    const char byte = structurals.byte(next);
    if (byte == close) {
      failed_at = next + 1;
      return container != 0 || next + 1 == structurals.size ? Step::kEnd : Step::kMalformed;
    }
    if (first) return Step::kHere;
    if (byte != ',') return Step::kMalformed;
    ++next;
    return Step::kHere;
  }

  /// Reads the value at `next` into `value`, and sets `next` behind it if that costs nothing. False: malformed.
  bool value_at(std::uint32_t& next, Value& value) const noexcept {
    if (next >= structurals.size || !type_of(structurals.byte(next), value.type)) return false;
    value.at = next;
    next = is_container(value.type) ? 0 : next + 1;
    return true;
  }
};

Document::Document(Scan scan)
    : index_(std::make_unique<Index>(scan == Scan::kSimd ? StructuralIndex::Scan::kSimd
                                                         : StructuralIndex::Scan::kScalar)) {}
Document::~Document() = default;
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;

Result<Value> Document::index(std::string_view text) {
  index_->structurals = {};
  auto built = index_->builder.build(text);
  if (!built) return Unexpected{std::move(built).error()};
  const Structurals& structurals = *built;
  Value root;
  if (!type_of(structurals.byte(0), root.type)) return malformed_at(structurals.at[0]);
  if (is_container(root.type)) {
    const char close = root.type == Type::kObject ? '}' : ']';
    if (structurals.byte(structurals.size - 1) != close) return malformed_at(structurals.at[structurals.size]);
  } else {
    if (structurals.size != 1) return malformed_at(structurals.at[1]);
    if (!is_scalar(structurals.token(0))) return malformed_at(structurals.at[0]);
  }
  index_->structurals = structurals;
  return root;
}

const Structurals& Document::structurals() const noexcept { return index_->structurals; }

Result<std::string_view> Document::raw(Value value) const {
  std::string_view raw;
  std::uint32_t behind = 0;
  std::uint32_t failed_at = 0;
  if (value.at >= index_->structurals.size) return malformed_at(0);  // a handle of an older text
  if (!index_->span(value, raw, behind, failed_at)) return malformed_at(index_->offset(failed_at));
  return raw;
}

Result<void> Document::check() const {
  std::uint32_t failed_at = 0;
  const std::uint32_t behind = check_value(index_->structurals, 0, index_->brackets, &failed_at);
  if (behind == 0) return malformed_at(index_->structurals.size == 0 ? 0 : index_->offset(failed_at));
  if (behind != index_->structurals.size) return malformed_at(index_->offset(behind));
  return {};
}

Document::Members::Members(const Document& document, Value object) : document_(&document), container_(object.at) {
  if (object.type != Type::kObject || object.at >= document.index_->structurals.size) {
    done_ = true;
    error_at_ = 1;
  }
}

bool Document::Members::next() {
  if (done_) return false;
  Index& index = *document_->index_;
  std::uint32_t failed_at = 0;
  const auto fail = [&](std::uint32_t at) {
    done_ = true;
    error_at_ = 1 + index.offset(at);
    return false;
  };
  switch (index.advance(container_, value_, std::exchange(first_, false), '}', next_, failed_at)) {
    case Index::Step::kEnd:
      done_ = true;
      return false;
    case Index::Step::kMalformed:
      return fail(failed_at);
    case Index::Step::kHere:
      break;
  }
  const Structurals& structurals = index.structurals;
  if (next_ + 2 >= structurals.size) return fail(structurals.size);
  if (structurals.byte(next_) != '"') return fail(next_);
  if (structurals.byte(next_ + 1) != ':') return fail(next_ + 1);
  const std::string_view key = structurals.token(next_);
  key_ = key.substr(1, key.size() - 2);
  next_ += 2;
  if (!index.value_at(next_, value_)) return fail(next_);
  return true;
}

bool Document::Members::key_is(std::string_view key) const { return key_equals(key_, key); }

Result<std::string_view> Document::Members::raw_value() {
  std::string_view raw;
  std::uint32_t failed_at = 0;
  if (document_->index_->span(value_, raw, next_, failed_at)) return raw;
  done_ = true;
  error_at_ = 1 + document_->index_->offset(failed_at);
  return malformed_at(error_at_ - 1);
}

Result<void> Document::Members::status() const {
  if (error_at_ != 0) return malformed_at(error_at_ - 1);
  return {};
}

Document::Elements::Elements(const Document& document, Value array) : document_(&document), container_(array.at) {
  if (array.type != Type::kArray || array.at >= document.index_->structurals.size) {
    done_ = true;
    error_at_ = 1;
  }
}

bool Document::Elements::next() {
  if (done_) return false;
  Index& index = *document_->index_;
  std::uint32_t failed_at = 0;
  const auto fail = [&](std::uint32_t at) {
    done_ = true;
    error_at_ = 1 + index.offset(at);
    return false;
  };
  switch (index.advance(container_, value_, std::exchange(first_, false), ']', next_, failed_at)) {
    case Index::Step::kEnd:
      done_ = true;
      return false;
    case Index::Step::kMalformed:
      return fail(failed_at);
    case Index::Step::kHere:
      break;
  }
  if (!index.value_at(next_, value_)) return fail(next_);
  return true;
}

Result<std::string_view> Document::Elements::raw_value() {
  std::string_view raw;
  std::uint32_t failed_at = 0;
  if (document_->index_->span(value_, raw, next_, failed_at)) return raw;
  done_ = true;
  error_at_ = 1 + document_->index_->offset(failed_at);
  return malformed_at(error_at_ - 1);
}

Result<void> Document::Elements::status() const {
  if (error_at_ != 0) return malformed_at(error_at_ - 1);
  return {};
}

Result<std::optional<Value>> Document::find(Value object, std::string_view key) const {
  std::optional<Value> found;
  Members members(*this, object);
  while (members.next()) {
    if (members.key_is(key)) found = members.value();
  }
  if (auto checked = members.status(); !checked) return Unexpected{std::move(checked).error()};
  return found;
}

}  // namespace riptide::json
