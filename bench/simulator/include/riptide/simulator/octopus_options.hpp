#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/simulator/faults.hpp"

namespace riptide::simulator {

/// The order in which a listing answers its records.
enum class ListOrder {
  kByName,       ///< Projects, machines and everything that is not named below.
  kNewestFirst,  ///< Releases and deployments: a new record shifts every page by one.
};

/// One kind of record of the made-up server.
struct KindOptions {
  /// The route without its final `s`: "project", "release", "deployment", "machine" have the fields of the real ones,
  /// any other name gets a plain record with Id, SpaceId, Name, Slug, Description and Links.
  std::string name = {};
  /// The kind's part of `OctopusOptions::total_records`, relative to the others'.
  double share = 1.0;
  /// When not empty: exactly this many records in the first, second, ... space; spaces behind its end get none.
  /// `share` and `skew` do not apply then, and the records come on top of `total_records`.
  std::vector<std::size_t> records_per_space = {};
};

/// Every knob of the made-up server. The same options and seed give the same records, byte for byte.
struct OctopusOptions {
  std::size_t spaces = 50;
  /// Over all kinds without `records_per_space` and all spaces, the spaces themselves not counted; split exactly.
  std::size_t total_records = 10'000;
  /// How uneven the spaces are: the n-th largest gets a part of 1 / n^skew; 0 makes them even.
  double skew = 0;
  std::vector<KindOptions> kinds = {
      {.name = "project"}, {.name = "release"}, {.name = "deployment"}, {.name = "machine"}};
  /// About the size of a record: fields are added until it is reached. Without them a record has 600 to 1,300 bytes.
  std::size_t record_bytes = 2048;
  std::uint64_t seed = 1;

  std::size_t default_take = 30;  ///< Without `take` in the query.
  std::size_t max_take = 1000;    ///< A larger `take` is answered as this one.

  std::chrono::microseconds latency{0};         ///< From the request to the first byte of its answer.
  std::chrono::microseconds latency_jitter{0};  ///< Up to this much more, by seed and target.
  /// Requests served at once, latency included; more wait in order of arrival. 0: no limit.
  std::size_t capacity = 0;
  /// Compresses for clients that accept gzip. A page is compressed once and kept, up to `gzip_cache_bytes` in all.
  bool gzip = false;
  std::size_t gzip_cache_bytes = std::size_t{512} << 20;
  /// With `gzip`: compresses every page of this `take` before the server listens. 0: when first asked.
  std::size_t gzip_ahead_take = 0;
  /// Asked for in X-Octopus-ApiKey; another one is answered 401. Empty: none is needed.
  std::string api_key = {};
  Faults faults = {};
  std::uint16_t port = 0;  ///< On 127.0.0.1; 0 takes a free one.

  /// Called on the server's thread just before an answer is made, without a lock: may call the server's other
  /// functions, e.g. to make a release between two pages. Must not throw or block. May be empty.
  std::function<void(std::string_view target)> before_answer = {};
};

/// Says what is wrong with the options, or nothing.
std::optional<std::string> check(const OctopusOptions& options);

}  // namespace riptide::simulator
