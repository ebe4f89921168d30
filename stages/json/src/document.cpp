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

Document::Steps::Steps(const Document& document, Value container, Type type)
    : document_(&document), container_(container.at) {
  if (container.type != type || container.at >= document.index_->structurals.size) {
    done_ = true;
    error_at_ = 1;
  }
}

bool Document::Steps::fail(std::uint32_t at) {
  done_ = true;
  error_at_ = 1 + document_->index_->offset(at);
  return false;
}

bool Document::Steps::advance(char close) {
  if (done_) return false;
  Index& index = *document_->index_;
  const Structurals& structurals = index.structurals;
  const bool first = std::exchange(first_, false);
  if (first) {
    next_ = container_ + 1;
  } else if (next_ == 0) {
    std::uint32_t failed_at = 0;
    next_ = step_over(structurals, value_.at, index.brackets, &failed_at);
    if (next_ == 0) return fail(failed_at);
  }
  if (next_ >= structurals.size) return fail(next_);
  const char byte = structurals.byte(next_);
  if (byte == close) {
    if (container_ == 0 && next_ + 1 != structurals.size) return fail(next_ + 1);  // something after the root
    done_ = true;
    return false;
  }
  if (first) return true;
  if (byte != ',') return fail(next_);
  ++next_;
  return true;
}

bool Document::Steps::read_value() { return document_->index_->value_at(next_, value_) || fail(next_); }

Result<std::string_view> Document::Steps::raw_value() {
  std::string_view raw;
  std::uint32_t failed_at = 0;
  if (document_->index_->span(value_, raw, next_, failed_at)) return raw;
  fail(failed_at);
  return malformed_at(error_at_ - 1);
}

Result<void> Document::Steps::status() const {
  if (error_at_ != 0) return malformed_at(error_at_ - 1);
  return {};
}

bool Document::Members::next() {
  if (!advance('}')) return false;
  const Structurals& structurals = document_->index_->structurals;
  if (next_ + 2 >= structurals.size) return fail(structurals.size);
  if (structurals.byte(next_) != '"') return fail(next_);
  if (structurals.byte(next_ + 1) != ':') return fail(next_ + 1);
  const std::string_view key = structurals.token(next_);
  key_ = key.substr(1, key.size() - 2);
  next_ += 2;
  return read_value();
}

bool Document::Members::key_is(std::string_view key) const { return key_equals(key_, key); }

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
