#include "octopus_world.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>

#include "random.hpp"

namespace riptide::simulator {
namespace {

// Sorted, so that the first word's records come first in a listing by name.
constexpr std::array<std::string_view, 8> kWords{"api", "batch", "cache", "ledger", "mail", "queue", "search", "web"};
constexpr std::size_t kMaxTemplates = 64;                          // a kind
constexpr std::size_t kMaxTemplateBytes = std::size_t{128} << 10;  // a kind: stays in the second-level cache

constexpr std::int64_t kEpochSeconds = 1'704'067'200;  // 2024-01-01
constexpr std::int64_t kSecondsBetweenRecords = 7;

void put(char* out, unsigned value, int width) noexcept {
  for (int i = width - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

// Writes "2025-11-02T10:31:44.120+00:00" for a record, later for larger numbers. Keeps the date of the last one.
class Clock {
 public:
  char* write(std::uint32_t number, char* out) noexcept {
    const std::int64_t seconds = kEpochSeconds + kSecondsBetweenRecords * static_cast<std::int64_t>(number);
    const std::int64_t day = seconds / 86'400;
    if (day != day_) {
      day_ = day;
      const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
      put(text_, static_cast<unsigned>(static_cast<int>(date.year())), 4);
      put(text_ + 5, static_cast<unsigned>(date.month()), 2);
      put(text_ + 8, static_cast<unsigned>(date.day()), 2);
    }
    const auto second = static_cast<unsigned>(seconds % 86'400);
    put(text_ + 11, second / 3600, 2);
    put(text_ + 14, second / 60 % 60, 2);
    put(text_ + 17, second % 60, 2);
    put(text_ + 20, number * 37 % 1000, 3);
    std::memcpy(out, text_, kSize);
    return out + kSize;
  }

 private:
  static constexpr std::size_t kSize = 29;
  char text_[kSize + 1] = "0000-00-00T00:00:00.000+00:00";
  std::int64_t day_ = -1;
};

// Cuts `total` into parts by weight. The parts add up exactly.
std::vector<std::size_t> split(std::size_t total, const std::vector<double>& weights) {
  std::vector<std::size_t> parts(weights.size(), 0);
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (sum <= 0) return parts;
  double before = 0;
  std::size_t given = 0;
  std::size_t last = 0;  // with a weight: takes what rounding leaves
  for (std::size_t i = 0; i < weights.size(); ++i) {
    before += weights[i];
    const auto upto =
        std::min(total, static_cast<std::size_t>(std::llround(static_cast<double>(total) * (before / sum))));
    parts[i] = upto - std::min(given, upto);
    given += parts[i];
    if (weights[i] > 0) last = i;
  }
  parts[last] += total - given;
  return parts;
}

std::vector<double> space_weights(const OctopusOptions& options) {
  std::vector<double> weights(options.spaces);
  for (std::size_t i = 0; i < weights.size(); ++i)
    weights[i] = 1.0 / std::pow(static_cast<double>(i + 1), options.skew);
  Random random(mix(options.seed));
  // Fisher-Yates: the large spaces are anywhere, not first.
  for (std::size_t i = weights.size(); i > 1; --i) std::swap(weights[i - 1], weights[random.below(i)]);
  return weights;
}

}  // namespace

OctopusWorld::OctopusWorld(const OctopusOptions& options) : seed_(options.seed) {
  space_kind_ = {.name = "space", .route = "spaces", .type = "Space", .order = ListOrder::kByName, .templates = {}};
  add_templates(space_kind_, 0);
  for (const KindOptions& kind : options.kinds) {
    const bool newest_first = kind.name == "release" || kind.name == "deployment";
    kinds_.push_back({.name = kind.name,
                      .route = kind.name + "s",
                      .type = simulator::item_type(kind.name),
                      .order = newest_first ? ListOrder::kNewestFirst : ListOrder::kByName,
                      .templates = {}});
    add_templates(kinds_.back(), options.record_bytes);
    if (kind.name == "project") project_kind_ = kinds_.size() - 1;
    if (kind.name == "release") release_kind_ = kinds_.size() - 1;
  }

  std::vector<double> shares;
  for (const KindOptions& kind : options.kinds) shares.push_back(kind.records_per_space.empty() ? kind.share : 0.0);
  const std::vector<std::size_t> totals = split(options.total_records, shares);
  const std::vector<double> weights = space_weights(options);

  spaces_.reserve(options.spaces);
  for (std::size_t s = 0; s < options.spaces; ++s) add_space();
  for (std::size_t k = 0; k < kinds_.size(); ++k) {
    std::vector<std::size_t> counts = options.kinds[k].records_per_space;
    if (counts.empty()) counts = split(totals[k], weights);
    counts.resize(options.spaces, 0);
    for (std::size_t s = 0; s < options.spaces; ++s) {
      Listing& listing = spaces_[s].listings[k];
      const auto count = static_cast<std::uint32_t>(counts[s]);
      spaces_[s].first_number[k] = kinds_[k].next_number;
      spaces_[s].first_count[k] = count;
      listing.records.reserve(count);
      for (std::uint32_t i = 0; i < count; ++i) {
        const auto word = static_cast<std::uint16_t>(std::uint64_t{i} * kWords.size() / count);
        listing.records.push_back({.number = kinds_[k].next_number++, .ordinal = i, .revision = 0, .word = word});
      }
      listing.next_ordinal = count;
    }
  }
  version_ = 0;
}

void OctopusWorld::add_templates(Kind& kind, std::size_t record_bytes) const {
  const std::size_t about = std::max<std::size_t>(record_bytes, 1000);
  const std::size_t count = std::clamp<std::size_t>(kMaxTemplateBytes / about, 2, kMaxTemplates);
  kind.templates.reserve(count);
  for (std::size_t variant = 0; variant < count; ++variant) {
    kind.templates.emplace_back(record_pattern(kind.name, record_bytes, variant, seed_));
  }
}

OctopusWorld::Space& OctopusWorld::add_space() {
  const std::uint32_t number = space_kind_.next_number++;
  spaces_listing_.records.push_back(
      {.number = number, .ordinal = spaces_listing_.next_ordinal++, .revision = 0, .word = 0});
  ++version_;
  return spaces_.emplace_back(Space{.listings = std::vector<Listing>(kinds_.size()),
                                    .first_number = std::vector<std::uint32_t>(kinds_.size(), 0),
                                    .first_count = std::vector<std::uint32_t>(kinds_.size(), 0)});
}

std::optional<std::size_t> OctopusWorld::find_space(std::string_view id) const {
  constexpr std::string_view kPrefix = "Spaces-";
  if (!id.starts_with(kPrefix)) return std::nullopt;
  id.remove_prefix(kPrefix.size());
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error != std::errc{} || end != id.data() + id.size() || id.front() == '0') return std::nullopt;
  if (number > spaces_.size() || !spaces_[number - 1].exists) return std::nullopt;
  return number - 1;
}

std::optional<std::size_t> OctopusWorld::default_space() const {
  if (spaces_listing_.records.empty()) return std::nullopt;
  return spaces_listing_.records.front().number - 1;
}

std::optional<std::size_t> OctopusWorld::find_route(std::string_view route) const {
  for (std::size_t k = 0; k < kinds_.size(); ++k) {
    if (kinds_[k].route == route) return k;
  }
  return std::nullopt;
}

std::optional<OctopusWorld::Place> OctopusWorld::find_place(std::string_view space, std::string_view kind) const {
  if (kind == "space") return Place{0, kSpaces};
  const std::optional<std::size_t> space_index = find_space(space);
  const std::optional<std::size_t> kind_index = find_route(std::string(kind) + "s");
  if (!space_index || !kind_index) return std::nullopt;
  return Place{*space_index, *kind_index};
}

std::vector<OctopusWorld::Place> OctopusWorld::places() const {
  std::vector<Place> places{{0, kSpaces}};
  for (const Record& space : spaces_listing_.records) {
    for (std::size_t k = 0; k < kinds_.size(); ++k) places.push_back({space.number - 1, k});
  }
  return places;
}

const OctopusWorld::Kind& OctopusWorld::kind_of(Place place) const {
  return place.kind == kSpaces ? space_kind_ : kinds_[place.kind];
}

const OctopusWorld::Listing& OctopusWorld::listing(Place place) const {
  return place.kind == kSpaces ? spaces_listing_ : spaces_[place.space].listings[place.kind];
}

OctopusWorld::Listing& OctopusWorld::listing(Place place) {
  return place.kind == kSpaces ? spaces_listing_ : spaces_[place.space].listings[place.kind];
}

std::size_t OctopusWorld::stored_index(Place place, std::size_t index) const {
  return kind_of(place).order == ListOrder::kNewestFirst ? listing(place).records.size() - 1 - index : index;
}

const OctopusWorld::Record& OctopusWorld::at(Place place, std::size_t index) const {
  return listing(place).records[stored_index(place, index)];
}

std::size_t OctopusWorld::size(Place place) const { return listing(place).records.size(); }

std::string OctopusWorld::item_type(Place place) const { return kind_of(place).type; }

std::string OctopusWorld::path(Place place) const {
  if (place.kind == kSpaces) return "/api/spaces";
  return "/api/Spaces-" + std::to_string(place.space + 1) + "/" + kinds_[place.kind].route;
}

std::string OctopusWorld::id(Place place, std::size_t index) const {
  return kind_of(place).type + "s-" + std::to_string(at(place, index).number);
}

std::optional<std::size_t> OctopusWorld::find(Place place, std::string_view id) const {
  const std::string prefix = kind_of(place).type + "s-";
  if (!id.starts_with(prefix)) return std::nullopt;
  id.remove_prefix(prefix.size());
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error != std::errc{} || end != id.data() + id.size() || id.front() == '0') return std::nullopt;
  const std::vector<Record>& records = listing(place).records;
  const auto found =
      std::find_if(records.begin(), records.end(), [number](const Record& record) { return record.number == number; });
  if (found == records.end()) return std::nullopt;
  return stored_index(place, static_cast<std::size_t>(found - records.begin()));  // its own inverse
}

std::size_t OctopusWorld::total(std::string_view kind) const {
  if (kind == "space") return spaces_listing_.records.size();
  std::size_t total = 0;
  for (const Place place : places()) {
    if (place.kind != kSpaces && kinds_[place.kind].name == kind) total += size(place);
  }
  return total;
}

void OctopusWorld::render(Place place, std::size_t first, std::size_t count, ByteBuffer& out) const {
  const Kind& kind = kind_of(place);
  const bool named = kind.order == ListOrder::kByName;
  const char separator = kind.name == "project" ? ' ' : '-';

  SlotValues values;
  Clock clock;
  values.set_number(Slot::kSpace, place.space + 1);
  values.set(Slot::kNullable, "null");

  const auto refer = [&](Slot slot, std::optional<std::size_t> to, std::uint64_t bits) {
    std::uint64_t number = 0;
    if (to) {
      const Space& space = spaces_[place.space];
      if (space.first_count[*to] > 0) number = space.first_number[*to] + bits % space.first_count[*to];
    }
    values.set_number(slot, number);
  };

  std::size_t max_bytes = 0;
  for (const RecordTemplate& record : kind.templates) max_bytes = std::max(max_bytes, record.max_bytes());

  for (std::size_t i = 0; i < count; ++i) {
    const Record& record = at(place, first + i);
    const std::uint64_t bits = mix(record.number ^ (seed_ << 32U));
    values.set_number(Slot::kId, record.number);
    values.set_end(Slot::kTime, clock.write(record.number, values.text(Slot::kTime)));
    if (named) {
      const std::string_view word = place.kind == kSpaces ? std::string_view{"Team"} : kWords[record.word];
      char* const name = values.text(Slot::kName);
      std::memcpy(name, word.data(), word.size());
      name[word.size()] = separator;
      put(name + word.size() + 1, record.ordinal + 1, 7);
      values.set_end(Slot::kName, name + word.size() + 8);
      char* const slug = values.text(Slot::kSlug);
      std::memcpy(slug, name, SlotValues::kMaxBytes);
      slug[word.size()] = '-';
      values.set_end(Slot::kSlug, slug + word.size() + 8);
    } else {
      refer(Slot::kProject, project_kind_, bits >> 8U);
      refer(Slot::kRelease, release_kind_, bits >> 16U);
      char* const version = values.text(Slot::kVersion);
      std::memcpy(version, "2.", 2);
      char* end = std::to_chars(version + 2, version + 14, record.ordinal / 10).ptr;
      *end++ = '.';
      *end++ = static_cast<char>('0' + record.ordinal % 10);
      values.set_end(Slot::kVersion, end);
    }
    if (record.revision > 0) {
      const std::string number = std::to_string(record.revision);
      values.set(Slot::kRevision, " (revision " + number + ")");
      values.set(Slot::kNullable, "\"revision " + number + "\"");
    }
    char* out_end = out.reserve(max_bytes + 1);
    if (i > 0) *out_end++ = ',';
    out.commit(kind.templates[bits % kind.templates.size()].render(out_end, values));
    if (record.revision > 0) {
      values.set(Slot::kRevision, "");
      values.set(Slot::kNullable, "null");
    }
  }
}

std::string OctopusWorld::create(Place place) {
  if (place.kind == kSpaces) {
    add_space();
    return id(place, size(place) - 1);
  }
  ++version_;
  Kind& kind = kinds_[place.kind];
  Listing& into = listing(place);
  const std::uint32_t number = kind.next_number++;
  const auto word = static_cast<std::uint16_t>(mix(number ^ seed_) % kWords.size());
  const Record record{.number = number, .ordinal = into.next_ordinal++, .revision = 0, .word = word};
  auto where = into.records.end();
  if (kind.order == ListOrder::kByName) {
    where = std::upper_bound(into.records.begin(), into.records.end(), record, [](const Record& a, const Record& b) {
      return std::pair{a.word, a.ordinal} < std::pair{b.word, b.ordinal};
    });
  }
  into.records.insert(where, record);
  return kind.type + "s-" + std::to_string(number);
}

void OctopusWorld::remove(Place place, std::size_t index) {
  ++version_;
  if (place.kind == kSpaces) {
    Space& space = spaces_[at(place, index).number - 1];
    space.exists = false;
    for (Listing& gone : space.listings) gone.records.clear();
  }
  std::vector<Record>& records = listing(place).records;
  records.erase(records.begin() + static_cast<std::ptrdiff_t>(stored_index(place, index)));
}

void OctopusWorld::update(Place place, std::size_t index) {
  ++version_;
  Record& record = listing(place).records[stored_index(place, index)];
  record.revision = static_cast<std::uint16_t>(record.revision % 65'535 + 1);
}

}  // namespace riptide::simulator
