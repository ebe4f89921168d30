#include "riptide/stages/fault_injector.hpp"

#include <fmt/format.h>

#include <charconv>
#include <string>
#include <utility>

#include "request_key.hpp"

namespace riptide::stages {
namespace {

using Kind = FaultPlan::Kind;

Error wrong(std::string_view part, std::string_view why) {
  return Error(
      ErrorKind::kConfig,
      fmt::format("'{}' {}; write what goes wrong and its share, e.g. 429:0.05,reset:0.01 (a status from 400 to "
                  "599, reset, timeout, truncate)",
                  part, why));
}

template <class Number>
bool read_number(std::string_view text, Number& out) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
  return failure == std::errc{} && end == text.data() + text.size();
}

/// Where a number lies between 0 and 1.
double unit(std::uint64_t number) { return static_cast<double>(number >> 11) * 0x1p-53; }

}  // namespace

Result<FaultPlan> FaultPlan::parse(std::string_view text) {
  FaultPlan plan;
  double total = 0;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    const std::size_t colon = part.find(':');
    const std::string_view what = part.substr(0, colon);
    Fault fault;
    if (what == "reset") {
      fault.kind = Kind::kReset;
    } else if (what == "timeout") {
      fault.kind = Kind::kTimeout;
    } else if (what == "truncate") {
      fault.kind = Kind::kTruncate;
    } else if (!read_number(what, fault.status) || fault.status < 400 || fault.status > 599) {
      return pipeline::unexpected(wrong(part, "is no fault"));
    }
    if (colon == std::string_view::npos || !read_number(part.substr(colon + 1), fault.share) ||
        !(fault.share >= 0 && fault.share <= 1)) {
      return pipeline::unexpected(wrong(part, "has no share from 0 to 1"));
    }
    total += fault.share;
    plan.faults.push_back(fault);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  if (total > 1 + 1e-9) return pipeline::unexpected(wrong(fmt::format("{:g}", total), "is more than all attempts"));
  return plan;
}

FaultInjector::FaultInjector(Options options) : options_(std::move(options)) {}

std::optional<AttemptEnding> FaultInjector::answer(const Attempt& attempt) {
  const HttpRequest& request = attempt.request;
  std::uint64_t digest = digest_of(to_string(request.method), options_.seed);
  digest = digest_of(request.url, digest);
  digest = digest_of(request.body, digest);
  double at = unit(digest_of(fmt::format("{}", attempt.number), digest));
  for (const FaultPlan::Fault& fault : options_.plan.faults) {
    if (at < fault.share) return fail(fault, attempt);
    at -= fault.share;
  }
  return options_.behind ? options_.behind->answer(attempt) : std::nullopt;
}

AttemptEnding FaultInjector::fail(const FaultPlan::Fault& fault, const Attempt& attempt) const {
  const std::string url = safe_url(attempt.request.url);
  AttemptEnding ending;
  ending.at = std::chrono::system_clock::now();
  switch (fault.kind) {
    case Kind::kStatus:
      ending.status = fault.status;
      break;
    case Kind::kReset:
      ending.failure = Error(ErrorKind::kTransport, "the connection to " + url + " broke: reset, as --inject asked");
      break;
    case Kind::kTimeout:
      ending.elapsed = options_.timeout;
      ending.failure = Error(ErrorKind::kTransport, "no complete answer from " + url + " in time, as --inject asked");
      break;
    case Kind::kTruncate:
      ending.status = 200;
      ending.failure = Error(ErrorKind::kTransport, "the answer from " + url + " was cut short, as --inject asked");
      break;
  }
  return ending;
}

void FaultInjector::ended(const Attempt& attempt, const AttemptEnding& ending) {
  if (options_.behind) options_.behind->ended(attempt, ending);
}

bool FaultInjector::offline() const noexcept { return options_.behind && options_.behind->offline(); }

}  // namespace riptide::stages
