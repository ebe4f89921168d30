#include "octopus_api.hpp"

#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace riptide::simulator {
namespace {

enum class Field { kAbsent, kRead, kBad };

// A whole number of the query; its last mention counts.
Field query_number(std::string_view query, std::string_view name, std::size_t& value) {
  Field result = Field::kAbsent;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) != name) continue;
    const std::string_view digits = equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    const bool whole = !digits.empty() && error == std::errc{} && end == digits.data() + digits.size();
    result = whole ? Field::kRead : Field::kBad;
  }
  return result;
}

// As gzip; "" when it cannot be done.
std::string compress(std::string_view plain) {
  if (plain.size() > std::numeric_limits<uInt>::max() / 2) return {};
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string packed(deflateBound(&stream, static_cast<uLong>(plain.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));  // zlib only reads it
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int result = deflate(&stream, Z_FINISH);
  packed.erase(packed.size() - std::min<std::size_t>(packed.size(), stream.avail_out));
  deflateEnd(&stream);
  if (result != Z_STREAM_END) packed.clear();
  return packed;
}

std::string_view next_segment(std::string_view& path) {
  const std::size_t slash = path.find('/');
  const std::string_view segment = path.substr(0, slash);
  path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  return segment;
}

void write_link(std::string_view name, std::string_view path, std::size_t skip, std::size_t take, ByteBuffer& body) {
  body.append("\"");
  body.append(name);
  body.append("\": \"");
  body.append(path);
  body.append("?skip=");
  body.append_number(skip);
  body.append("&take=");
  body.append_number(take);
  body.append("\"");
}

}  // namespace

OctopusApi::OctopusApi(const OctopusWorld& world, const OctopusOptions& options)
    : world_(world),
      default_take_(options.default_take),
      max_take_(options.max_take),
      gzip_(options.gzip),
      api_key_(options.api_key),
      max_compressed_bytes_(options.gzip_cache_bytes) {}

bool OctopusApi::knows(const HttpRequest& request) const { return api_key_.empty() || request.api_key == api_key_; }

void OctopusApi::write_error(std::string_view message, ByteBuffer& body) const {
  body.append(R"({"ErrorMessage": ")");
  body.append(message);
  body.append("\"}");
}

OctopusApi::Answer OctopusApi::answer(const HttpRequest& request, Encoding accepted, ByteBuffer& body) {
  const std::string_view target = request.target;
  const std::size_t question = target.find('?');
  std::string_view path = target.substr(0, question);
  const std::string_view query = question == std::string_view::npos ? std::string_view{} : target.substr(question + 1);
  const auto not_found = [this, &body](std::string_view message) {
    write_error(message, body);
    return Answer{404};
  };

  constexpr std::string_view kRoot = "/api/";
  if (!path.starts_with(kRoot)) return not_found("There is nothing at this address.");
  path.remove_prefix(kRoot.size());

  // /api/spaces..., /api/Spaces-1/projects..., or /api/projects... for the default space
  OctopusWorld::Place place{0, OctopusWorld::kSpaces};
  const std::string_view first = next_segment(path);
  if (first != "spaces") {
    std::optional<std::size_t> space = world_.find_space(first);
    std::string_view route = first;
    if (space) {
      route = next_segment(path);
    } else if (world_.find_route(first)) {
      space = world_.default_space();
    }
    if (!space) return not_found("The resource you requested was not found: no such space.");
    const std::optional<std::size_t> kind = world_.find_route(route);
    if (!kind) return not_found("The resource you requested was not found: no such route.");
    place = {*space, *kind};
  }

  if (path == "all") return page(place, {0, kEverything}, accepted, body);
  if (!path.empty()) {
    const std::optional<std::size_t> index = world_.find(place, path);
    if (!index) return not_found("The resource you requested was not found: no such id.");
    world_.render(place, *index, 1, body);
    return {};
  }

  Range range{0, default_take_};
  if (query_number(query, "skip", range.skip) == Field::kBad ||
      query_number(query, "take", range.take) == Field::kBad) {
    write_error("skip and take are whole numbers, 0 or more.", body);
    return {400};
  }
  range.take = std::min(range.take, max_take_);
  return page(place, range, accepted, body);
}

OctopusApi::Answer OctopusApi::page(OctopusWorld::Place place, Range range, Encoding accepted, ByteBuffer& body) {
  if (!gzip_ || accepted == Encoding::kPlain) {
    write_page(place, range, body);
    return {};
  }
  if (compressed_version_ != world_.version()) {
    compressed_.clear();
    compressed_bytes_ = 0;
    compressed_version_ = world_.version();
  }
  const std::array<std::size_t, 4> key{place.space, place.kind, range.skip, range.take};
  if (const auto found = compressed_.find(key); found != compressed_.end()) {
    body.append(found->second);
    return {.gzip = true};
  }
  write_page(place, range, body);
  std::string packed = compress(body.body());
  if (packed.empty()) return {};
  body.truncate(0);
  body.append(packed);
  if (compressed_bytes_ + packed.size() <= max_compressed_bytes_) {
    compressed_bytes_ += packed.size();
    compressed_.emplace(key, std::move(packed));
  }
  return {.gzip = true};
}

void OctopusApi::write_page(OctopusWorld::Place place, Range range, ByteBuffer& body) const {
  const std::size_t total = world_.size(place);
  const std::size_t skip = std::min(range.skip, total);
  const std::size_t count = std::min(range.take, total - skip);
  if (range.take == kEverything) {
    body.append("[");
    world_.render(place, 0, total, body);
    body.append("]");
    return;
  }
  const std::size_t pages = range.take == 0 ? 1 : std::max<std::size_t>(1, (total + range.take - 1) / range.take);
  body.append(R"({"Id": null, "ItemType": ")");
  body.append(world_.item_type(place));
  body.append(R"(", "TotalResults": )");
  body.append_number(total);
  body.append(R"(, "ItemsPerPage": )");
  body.append_number(range.take);
  body.append(R"(, "NumberOfPages": )");
  body.append_number(pages);
  body.append(R"(, "LastPageNumber": )");
  body.append_number(pages - 1);
  body.append(R"(, "Items": [)");
  world_.render(place, skip, count, body);
  body.append(R"(], "Links": {)");
  const std::string path = world_.path(place);
  write_link("Self", path, range.skip, range.take, body);
  body.append(", ");
  if (skip + count < total && range.take > 0) {
    write_link("Page.Next", path, range.skip + range.take, range.take, body);
    body.append(", ");
  }
  write_link("Page.Last", path, (pages - 1) * range.take, range.take, body);
  body.append(R"(}, "LastModifiedOn": null, "LastModifiedBy": null})");
}

void OctopusApi::compress_ahead(std::size_t take) {
  take = std::min(take, max_take_);
  if (!gzip_ || take == 0) return;
  ByteBuffer body;
  for (const OctopusWorld::Place place : world_.places()) {
    for (std::size_t skip = 0; skip == 0 || skip < world_.size(place); skip += take) {
      body.clear();
      page(place, {skip, take}, Encoding::kGzip, body);
      if (compressed_bytes_ >= max_compressed_bytes_) return;
    }
  }
}

}  // namespace riptide::simulator
