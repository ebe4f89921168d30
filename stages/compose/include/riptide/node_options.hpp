#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "riptide/stages/deletion_rules.hpp"
#include "riptide/stages/retry_policy.hpp"

namespace riptide::stages {
class Wire;
}

namespace riptide {

/// A kind of records to read, with the selector fields that the source understands (values as JSON text).
struct Kind {
  std::string name;
  std::vector<std::pair<std::string, std::string>> selector;
};

/// How a source is read.
struct SourceOptions {
  /// What is read where the records go elsewhere than into a mapping; a mapping asks for its own kinds, and if any are
  /// named here, for no others. Without either: one kind, called as the source's `type()`.
  std::vector<Kind> kinds;
  std::size_t in_flight = 0;        ///< Most requests at once towards a host; 0 takes the graph's.
  std::size_t least_in_flight = 1;  ///< Least of them, whatever the host's distress.
  stages::RetryPolicy retry;
  std::chrono::milliseconds timeout{60'000};
  bool verify_tls = true;
  bool allow_private_addresses = true;  ///< See `stages::HttpClientOptions`.
  bool http2 = false;
  std::shared_ptr<stages::Wire> wire;  ///< Watches or answers its requests; null: the network does.
};

/// What becomes of what a target has of this integration, and the run did not bring.
enum class Reconcile : std::uint8_t {
  kNever,         ///< It stays.
  kAll,           ///< It goes, if everything was read to its end and nothing failed on the way to this sink.
  kClosedScopes,  ///< It goes where every page of its (kind, partition) was read.
};

/// How batches are made for a sink, and sent.
struct SinkOptions {
  std::optional<std::size_t> max_records;       ///< Of a batch, if less than the sink's own limit.
  std::optional<std::size_t> max_bytes;         ///< The same.
  std::chrono::milliseconds batch_age{10'000};  ///< A batch that is not full leaves after about this long.
  Reconcile reconcile = Reconcile::kNever;
  std::string kept_because;         ///< With kNever: said in the report.
  double deletion_threshold = 0.9;  ///< More than this part of what is owned is not deleted.
  std::optional<stages::MaxDelete> max_delete;
  stages::RetryPolicy retry{.base = std::chrono::milliseconds{300}, .cap = std::chrono::milliseconds{300'000}};
  std::chrono::milliseconds timeout{60'000};
  bool verify_tls = true;
};

/// Limits for the batches of the sink behind.
struct BatchLimits {
  std::optional<std::size_t> max_records;
  std::optional<std::size_t> max_bytes;
  std::optional<std::chrono::milliseconds> age;
};

}  // namespace riptide
