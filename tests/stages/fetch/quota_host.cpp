#include "quota_host.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

namespace riptide::stages {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

double to_seconds(QuotaHost::Span span) { return std::chrono::duration<double>(span).count(); }

}  // namespace

std::chrono::system_clock::time_point QuotaHost::wall(Time now) {
  return std::chrono::system_clock::time_point(seconds(1'790'000'000)) +
         std::chrono::duration_cast<std::chrono::system_clock::duration>(now.time_since_epoch());
}

QuotaHost::Answer QuotaHost::count(Time now) {
  std::uint64_t free = 0;
  Span reset{0};
  switch (kind) {
    case Window::kAligned:
    case Window::kFromFirst: {
      const Time aligned = Time((now.time_since_epoch() - phase) / window * window + phase);
      if (!begun_ || now - *begun_ >= window) {
        begun_ = kind == Window::kAligned ? aligned : now;
        used_ = used_by_others;
      }
      free = limit - std::min(limit, used_);
      if (free > 0) ++used_;
      reset = *begun_ + window - now;
      break;
    }
    case Window::kSlidingFirst:
    case Window::kSlidingFull: {
      while (!log_.empty() && now - log_.front() >= window) log_.pop_front();
      free = limit - std::min<std::uint64_t>(limit, log_.size() + used_by_others);
      if (free > 0) log_.push_back(now);
      reset = kind == Window::kSlidingFull || log_.empty() ? window : log_.front() + window - now;
      break;
    }
    case Window::kBucket: {
      const double most = static_cast<double>(limit - used_by_others);
      tokens_ = tokens_ < 0 ? most : std::min(most, tokens_ + to_seconds(now - filled_) * most / to_seconds(window));
      filled_ = now;
      free = static_cast<std::uint64_t>(tokens_);
      if (free > 0) tokens_ -= 1;
      reset =
          std::chrono::duration_cast<Span>(std::chrono::duration<double>((most - tokens_) / most * to_seconds(window)));
      break;
    }
  }
  if (free == 0) {
    ++refused;
    return {429, write(0, reset, now)};
  }
  ++served;
  return {200, write(free - 1, reset, now)};
}

std::vector<Header> QuotaHost::write(std::uint64_t remaining, Span reset, Time now) const {
  const auto up = std::chrono::ceil<seconds>(reset).count();
  const auto ends = wall(now + reset);
  const auto window_seconds = std::chrono::ceil<seconds>(window).count();
  std::vector<Header> all = {{"x-ratelimit-limit", std::to_string(limit)},
                             {"X-RateLimit-Remaining", std::to_string(remaining)}};
  switch (headers) {
    case Headers::kSecondsUp:
      all.push_back({"x-ratelimit-reset", std::to_string(up)});
      break;
    case Headers::kSecondsDown:
      all.push_back({"x-ratelimit-reset", std::to_string(std::chrono::floor<seconds>(reset).count())});
      break;
    case Headers::kSecondsNear:
      all.push_back({"x-ratelimit-reset", std::to_string(std::chrono::round<seconds>(reset).count())});
      break;
    case Headers::kEpoch:
      all.push_back({"x-ratelimit-reset", std::to_string(std::chrono::ceil<seconds>(ends.time_since_epoch()).count())});
      break;
    case Headers::kIso: {
      const auto ms = std::chrono::floor<milliseconds>(ends.time_since_epoch()).count();
      all.push_back({"x-ratelimit-reset", fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                                                      fmt::gmtime(static_cast<std::time_t>(ms / 1000)), ms % 1000)});
      break;
    }
    case Headers::kPeriod:
      all.push_back({"x-ratelimit-reset", std::to_string(up)});
      all.push_back({"x-ratelimit-period", std::to_string(window_seconds)});
      break;
    case Headers::kDraft:
      return {{"RateLimit-Limit", fmt::format("{0}, {0};w={1}", limit, window_seconds)},
              {"RateLimit-Remaining", std::to_string(remaining)},
              {"RateLimit-Reset", std::to_string(up)}};
    case Headers::kStructured:
      return {
          {"RateLimit-Policy", fmt::format("\"burst\";q=1000000;w=60,\"default\";q={};w={}", limit, window_seconds)},
          {"RateLimit", fmt::format("\"default\";r={};t={}", remaining, up)}};
    case Headers::kNone:
      return {};
  }
  return all;
}

}  // namespace riptide::stages
