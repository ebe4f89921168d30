#include "riptide/stages/retry_after.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace riptide::stages {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr double kEpochAbove = 10'000;  // Larger numbers are Unix times, smaller ones seconds (Ocean's rule).
constexpr milliseconds kLongest = std::chrono::hours(24 * 365);

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Eats the front of a text; every step fails softly.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool literal(char c) noexcept {
    if (rest_.empty() || lower(rest_.front()) != lower(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool literal(std::string_view text) noexcept {
    const std::string_view before = rest_;
    for (const char c : text) {
      if (!literal(c)) {
        rest_ = before;
        return false;
      }
    }
    return true;
  }
  /// Reads between `least` and `most` digits.
  bool number(int least, int most, int& value) noexcept {
    int digits = 0;
    value = 0;
    while (digits < most && !rest_.empty() && is_digit(rest_.front())) {
      value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
      ++digits;
    }
    return digits >= least;
  }
  void letters() noexcept {
    while (!rest_.empty() && lower(rest_.front()) >= 'a' && lower(rest_.front()) <= 'z') rest_.remove_prefix(1);
  }
  void digits() noexcept {
    while (!rest_.empty() && is_digit(rest_.front())) rest_.remove_prefix(1);
  }
  void spaces() noexcept {
    while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
  }
  [[nodiscard]] char peek() const noexcept { return rest_.empty() ? '\0' : rest_.front(); }
  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }

 private:
  std::string_view rest_;
};

struct DateTime {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  int millisecond = 0;
  int offset_minutes = 0;
};

/// Milliseconds, not the clock's nanoseconds: those overflow in the year 2262.
using Instant = std::chrono::sys_time<milliseconds>;

std::optional<Instant> to_time(const DateTime& date) {
  using namespace std::chrono;
  const year_month_day day(year(date.year), month(static_cast<unsigned>(date.month)),
                           std::chrono::day(static_cast<unsigned>(date.day)));
  if (!day.ok() || date.hour > 23 || date.minute > 59 || date.second > 60 || date.year < 1970) return std::nullopt;
  return Instant(sys_days(day)) + hours(date.hour) + minutes(date.minute - date.offset_minutes) + seconds(date.second) +
         milliseconds(date.millisecond);
}

bool clock_time(Reader& in, DateTime& date) {
  return in.number(2, 2, date.hour) && in.literal(':') && in.number(2, 2, date.minute) && in.literal(':') &&
         in.number(2, 2, date.second);
}

bool month_name(Reader& in, DateTime& date) {
  static constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                               "jul", "aug", "sep", "oct", "nov", "dec"};
  for (std::size_t i = 0; i < kMonths.size(); ++i) {
    if (in.literal(kMonths[i])) {
      date.month = static_cast<int>(i) + 1;
      return true;
    }
  }
  return false;
}

std::optional<Instant> iso_date(std::string_view text) {
  Reader in(text);
  DateTime date;
  if (!in.number(4, 4, date.year) || !in.literal('-') || !in.number(2, 2, date.month) || !in.literal('-') ||
      !in.number(2, 2, date.day)) {
    return std::nullopt;
  }
  if (in.at_end()) return to_time(date);
  if (!in.literal('T') && !in.literal(' ')) return std::nullopt;
  if (!in.number(2, 2, date.hour) || !in.literal(':') || !in.number(2, 2, date.minute)) return std::nullopt;
  if (in.literal(':') && !in.number(2, 2, date.second)) return std::nullopt;
  if (in.literal('.') || in.literal(',')) {
    int scale = 100;
    if (!is_digit(in.peek())) return std::nullopt;
    for (int digit = 0; scale > 0 && in.number(1, 1, digit); scale /= 10) date.millisecond += digit * scale;
    in.digits();
  }
  const bool west = in.peek() == '-';
  if (in.literal('+') || in.literal('-')) {
    int hours = 0;
    int minutes = 0;
    if (!in.number(2, 2, hours)) return std::nullopt;
    in.literal(':');
    if (!in.at_end() && !in.number(2, 2, minutes)) return std::nullopt;
    if (hours > 23 || minutes > 59) return std::nullopt;
    date.offset_minutes = (hours * 60 + minutes) * (west ? -1 : 1);
  } else {
    in.literal('Z');
  }
  if (!in.at_end()) return std::nullopt;
  return to_time(date);
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`.
std::optional<Instant> http_date(std::string_view text) {
  Reader in(text);
  DateTime date;
  in.letters();
  if (in.literal(',')) {
    in.spaces();
    if (!in.number(1, 2, date.day)) return std::nullopt;
    const bool dashed = in.literal('-');
    in.spaces();
    if (!month_name(in, date)) return std::nullopt;
    if (dashed != in.literal('-')) return std::nullopt;
    in.spaces();
    if (!in.number(2, 4, date.year)) return std::nullopt;
    if (date.year < 100) date.year += date.year < 70 ? 2000 : 1900;
    in.spaces();
    if (!clock_time(in, date)) return std::nullopt;
    in.spaces();
    if (!in.literal("GMT") && !in.literal("UTC") && !in.literal("+0000")) return std::nullopt;
  } else {
    in.spaces();
    if (!month_name(in, date)) return std::nullopt;
    in.spaces();
    if (!in.number(1, 2, date.day)) return std::nullopt;
    in.spaces();
    if (!clock_time(in, date)) return std::nullopt;
    in.spaces();
    if (!in.number(4, 4, date.year)) return std::nullopt;
  }
  if (!in.at_end()) return std::nullopt;
  return to_time(date);
}

std::optional<milliseconds> from_number(std::string_view text, system_clock::time_point now) {
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (code != std::errc{} || end != text.data() + text.size() || !std::isfinite(value) || value < 0) {
    return std::nullopt;
  }
  if (value > kEpochAbove) {
    value -= std::chrono::duration<double>(now.time_since_epoch()).count();
    if (value <= 0) return milliseconds{0};
  }
  const double most = std::chrono::duration<double>(kLongest).count();
  if (value >= most) return kLongest;
  return milliseconds{static_cast<std::int64_t>(std::ceil(value * 1000))};
}

}  // namespace

std::optional<milliseconds> parse_retry_after(std::string_view value, system_clock::time_point now) {
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
  if (value.empty()) return std::nullopt;
  if (const auto wait = from_number(value, now)) return wait;
  auto date = iso_date(value);
  if (!date) date = http_date(value);
  const auto since = std::chrono::floor<milliseconds>(now);
  if (!date || *date <= since) return std::nullopt;
  const milliseconds wait = *date - since;
  return wait < kLongest ? wait : kLongest;
}

std::optional<milliseconds> requested_delay(const std::vector<Header>& headers, system_clock::time_point now) {
  for (const std::string_view name : {"retry-after", "x-ratelimit-reset", "ratelimit-reset"}) {
    const auto found = std::find_if(headers.begin(), headers.end(), [&](const Header& header) {
      return std::equal(header.name.begin(), header.name.end(), name.begin(), name.end(),
                        [](char a, char b) { return lower(a) == b; });
    });
    if (found == headers.end()) continue;
    if (const auto wait = parse_retry_after(found->value, now)) return wait;
  }
  return std::nullopt;
}

}  // namespace riptide::stages
