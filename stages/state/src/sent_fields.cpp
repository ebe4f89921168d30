#include "riptide/state/sent_fields.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "sent_log.hpp"

namespace riptide::state {

using pipeline::Digest;
using pipeline::ErrorKind;
using pipeline::Result;
using pipeline::unexpected;

Result<std::unique_ptr<SentFieldsReader>> SentFieldsReader::open(const StateFile& file) {
  std::unique_ptr<SentFieldsReader> reader(new SentFieldsReader());
  auto connected = file.connect();
  if (!connected) return unexpected(std::move(connected).error());
  reader->database_ = std::move(*connected);
  if (auto loaded = reader->load_shapes(); !loaded) return unexpected(std::move(loaded).error());
  if (auto loaded = reader->load_places(); !loaded) return unexpected(std::move(loaded).error());
  return reader;
}

Result<void> SentFieldsReader::load_shapes() {
  auto rows = database_->prepare("SELECT number, names FROM digest_shapes");
  if (!rows) return unexpected(std::move(rows).error());
  shapes_.resize(1);
  while (true) {
    auto row = rows->step();
    if (!row) return unexpected(std::move(row).error());
    if (!*row) return {};
    const std::int64_t number = rows->integer(0);
    if (number < 1 || number > static_cast<std::int64_t>(ShapeNumbers::kMost)) continue;
    if (shapes_.size() <= static_cast<std::size_t>(number)) shapes_.resize(static_cast<std::size_t>(number) + 1);
    Shape& shape = shapes_[static_cast<std::size_t>(number)];
    std::string_view names = rows->bytes(1);
    for (bool first = true; !names.empty(); first = false) {
      const std::size_t end = std::min(names.find('\0'), names.size());
      if (first) {
        shape.blueprint = names.substr(0, end);
      } else {
        shape.names.emplace_back(names.substr(0, end));
      }
      names.remove_prefix(std::min(end + 1, names.size()));
    }
  }
}

Result<void> SentFieldsReader::load_places() {
  auto records = database_->integer("SELECT value FROM digest_state WHERE name = 'sent_records'");
  if (!records) return unexpected(std::move(records).error());
  constexpr std::int64_t kMostReserved = 100'000'000;
  places_.reserve(static_cast<std::size_t>(std::clamp<std::int64_t>(*records, 0, kMostReserved)));
  auto rows = database_->prepare("SELECT id, records FROM digest_sent ORDER BY id");
  if (!rows) return unexpected(std::move(rows).error());
  while (true) {
    auto row = rows->step();
    if (!row) return unexpected(std::move(row).error());
    if (!*row) break;
    const auto id = static_cast<std::uint64_t>(rows->integer(0));
    const std::string_view bytes = rows->bytes(1);
    std::size_t at = 0;
    while (auto record = SentRecord::read(bytes.substr(at))) {
      if (at > UINT16_MAX) break;
      places_.push_back({record->identity.low, (id << 16) | at});
      at += record->bytes;
    }
  }
  std::sort(places_.begin(), places_.end(), [](const Place& a, const Place& b) {
    return a.key != b.key ? a.key < b.key : a.place > b.place;  // The latest first.
  });
  places_.erase(
      std::unique(places_.begin(), places_.end(), [](const Place& a, const Place& b) { return a.key == b.key; }),
      places_.end());
  return {};
}

Result<std::optional<SentFieldsReader::Found>> SentFieldsReader::find(const Digest& identity) {
  const auto at = std::lower_bound(places_.begin(), places_.end(), identity.low,
                                   [](const Place& place, std::uint64_t key) { return place.key < key; });
  if (at == places_.end() || at->key != identity.low) return std::optional<Found>();
  const auto id = static_cast<std::int64_t>(at->place >> 16);
  if (!select_) {
    auto select = database_->prepare("SELECT records FROM digest_sent WHERE id = ?1");
    if (!select) return unexpected(std::move(select).error());
    select_ = std::move(*select);
  }
  if (fetched_ != id) {
    select_->reset();
    select_->bind_integer(1, id);
    auto row = select_->step();
    if (!row) return unexpected(std::move(row).error());
    if (!*row) return std::optional<Found>();  // A run has tidied the log meanwhile.
    fetched_ = id;
  }
  const std::string_view bytes = select_->bytes(0);
  const std::size_t offset = at->place & UINT16_MAX;
  const auto record = offset < bytes.size() ? SentRecord::read(bytes.substr(offset)) : std::nullopt;
  if (!record || !(record->identity == identity)) return std::optional<Found>();
  if (record->shape == 0 || record->shape >= shapes_.size() ||
      shapes_[record->shape].names.size() != record->digests.size() / sizeof(std::uint32_t)) {
    return unexpected(ErrorKind::kMalformed,
                      "what was kept of an entity's fields is damaged, file=" + database_->path());
  }
  Found found;
  found.blueprint = shapes_[record->shape].blueprint;
  found.identifier = record->identifier;
  found.names = &shapes_[record->shape].names;
  found.digests.resize(found.names->size());
  std::memcpy(found.digests.data(), record->digests.data(), record->digests.size());
  return std::optional(std::move(found));
}

}  // namespace riptide::state
