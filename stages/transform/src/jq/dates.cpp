#include "jq/dates.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iterator>

#include "jq/json_writer.hpp"

namespace riptide::transform::jq {
namespace {

bool refuse(std::string& error, std::string message) {
  error = std::move(message);
  return false;
}

Value time_value(const std::tm& time, double seconds) {
  Value value = Value::array(8);
  array_push(value, Value::number(static_cast<double>(time.tm_year) + 1900));
  array_push(value, Value::number(static_cast<double>(time.tm_mon)));
  array_push(value, Value::number(static_cast<double>(time.tm_mday)));
  array_push(value, Value::number(static_cast<double>(time.tm_hour)));
  array_push(value, Value::number(static_cast<double>(time.tm_min)));
  array_push(value, Value::number(seconds));
  array_push(value, Value::number(static_cast<double>(time.tm_wday)));
  array_push(value, Value::number(static_cast<double>(time.tm_yday)));
  return value;
}

// False unless it is an array of numbers that fit.
bool read_time(const Value& value, std::tm& time) {
  std::memset(&time, 0, sizeof time);
  if (!value.is_array()) return false;
  int* const fields[] = {&time.tm_year, &time.tm_mon, &time.tm_mday, &time.tm_hour,
                         &time.tm_min,  &time.tm_sec, &time.tm_wday, &time.tm_yday};
  for (std::size_t i = 0; i < std::size(fields) && i < array_size(value); ++i) {
    const Value& field = array_at(value, i);
    if (!field.is_number()) return false;
    double number = field.number();
    if (i == 0) number -= 1900;
    if (std::isnan(number)) return false;
    number = std::clamp(number, -2147483648.0, 2147483647.0);
    *fields[i] = static_cast<int>(number);
  }
  return true;
}

// A mark in front tells an empty result from one that does not fit.
bool write_parts(const std::string& format, const std::tm& parts, std::string& text) {
  const std::string marked = "x" + format;
  text.assign(marked.size() * 4 + 256, '\0');
  const std::size_t written = std::strftime(text.data(), text.size(), marked.c_str(), &parts);
  if (written == 0) return false;
  text.resize(written);
  text.erase(0, 1);
  return true;
}

}  // namespace

bool parse_parts(const std::string& text, const std::string& format, std::tm& parts) {
  parts = {};
  parts.tm_wday = 8;
  parts.tm_yday = 367;
  const char* const end = strptime(text.c_str(), format.c_str(), &parts);
  return end != nullptr && *end == '\0';
}

bool format_parts(const std::string& format, std::tm& parts, std::string& text) {
  timegm(&parts);
  return write_parts(format, parts, text);
}

bool parts_of(double seconds, std::tm& parts) {
  if (!(std::fabs(std::floor(seconds)) < 1e17)) return false;
  const auto time = static_cast<std::time_t>(seconds);
  return gmtime_r(&time, &parts) != nullptr;
}

bool seconds_of(std::tm& parts, std::time_t& seconds) {
  seconds = timegm(&parts);
  // These two are jq's signs of failure, also where they are the answer.
  return seconds != static_cast<std::time_t>(-1) && seconds != static_cast<std::time_t>(-2);
}

bool broken_down(const Value& seconds, bool local, Value& output, std::string& error) {
  const char* const name = local ? "localtime" : "gmtime";
  if (!seconds.is_number()) return refuse(error, std::string(name) + "() requires numeric inputs");
  const double number = seconds.number();
  const double whole = std::floor(number);
  if (!(std::fabs(whole) < 1e17)) return refuse(error, "error converting number of seconds since epoch to datetime");
  const auto time = static_cast<std::time_t>(number);  // Towards zero, the fraction from below: as jq.
  std::tm parts{};
  if ((local ? localtime_r(&time, &parts) : gmtime_r(&time, &parts)) == nullptr) {
    return refuse(error, "error converting number of seconds since epoch to datetime");
  }
  output = time_value(parts, static_cast<double>(parts.tm_sec) + (number - whole));
  return true;
}

bool seconds_since_epoch(const Value& time, Value& output, std::string& error) {
  if (!time.is_array()) return refuse(error, "mktime requires array inputs");
  std::tm parts{};
  if (!read_time(time, parts)) return refuse(error, "mktime requires parsed datetime inputs");
  std::time_t seconds = 0;
  if (!seconds_of(parts, seconds)) {
    return refuse(error, seconds == static_cast<std::time_t>(-2) ? "mktime not supported on this platform"
                                                                 : "invalid gmtime representation");
  }
  output = Value::number(static_cast<double>(seconds));
  return true;
}

bool format_time(const Value& time, const Value& format, bool local, Value& output, std::string& error) {
  const std::string name = local ? "strflocaltime/1" : "strftime/1";
  Value parts = time;
  if (time.is_number()) {
    if (!broken_down(time, local, parts, error)) return false;
  } else if (!time.is_array()) {
    return refuse(error, name + " requires parsed datetime inputs");
  }
  if (!format.is_string()) return refuse(error, name + " requires a string format");
  std::tm moment{};
  if (!read_time(parts, moment)) return refuse(error, name + " requires parsed datetime inputs");
  if (local) {
    // The zone is the one that holds at that local time.
    moment.tm_isdst = -1;
    mktime(&moment);
  } else {
    timegm(&moment);
  }
  const std::string pattern(format.string());
  if (pattern.empty()) {
    output = Value::string({});
    return true;
  }
  std::string text;
  if (!write_parts(pattern, moment, text)) return refuse(error, name + ": unknown system failure");
  output = repaired_string(text);
  return true;
}

bool parse_time(const Value& text, const Value& format, Value& output, std::string& error) {
  if (!text.is_string() || !format.is_string()) return refuse(error, "strptime/1 requires string inputs and arguments");
  // C strings, up to the first NUL.
  const std::string input(text.string().substr(0, text.string().find('\0')));
  const std::string pattern(format.string().substr(0, format.string().find('\0')));
  std::tm time{};
  if (!parse_parts(input, pattern, time)) {
    return refuse(error, "date \"" + input + "\" does not match format \"" + pattern + "\"");
  }
  output = time_value(time, static_cast<double>(time.tm_sec));
  return true;
}

}  // namespace riptide::transform::jq
