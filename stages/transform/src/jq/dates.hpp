#pragma once

#include <string>

#include "jq/value.hpp"

/// jq's "broken down time": [year, month 0..11, day, hours, minutes, seconds, weekday, day of the year].
namespace riptide::transform::jq {

// False: `error` has jq's message.
bool broken_down(const Value& seconds, bool local, Value& output, std::string& error);
bool seconds_since_epoch(const Value& time, Value& output, std::string& error);
bool format_time(const Value& time, const Value& format, bool local, Value& output, std::string& error);
bool parse_time(const Value& text, const Value& format, Value& output, std::string& error);

}  // namespace riptide::transform::jq
