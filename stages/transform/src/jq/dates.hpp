#pragma once

#include <ctime>
#include <string>

#include "jq/value.hpp"

/// jq's "broken down time": [year, month 0..11, day, hours, minutes, seconds, weekday, day of the year].
namespace riptide::transform::jq {

// False: `error` has jq's message.
bool broken_down(const Value& seconds, bool local, Value& output, std::string& error);
bool seconds_since_epoch(const Value& time, Value& output, std::string& error);
bool format_time(const Value& time, const Value& format, bool local, Value& output, std::string& error);
bool parse_time(const Value& text, const Value& format, Value& output, std::string& error);

/// strptime over all of `text`. False: it does not match.
bool parse_parts(const std::string& text, const std::string& format, std::tm& parts);
/// strftime, of UTC. False: the C library cannot.
bool format_parts(const std::string& format, std::tm& parts, std::string& text);
/// gmtime; towards zero. False: out of range.
bool parts_of(double seconds, std::tm& parts);
/// timegm. False: it has no such moment.
bool seconds_of(std::tm& parts, std::time_t& seconds);

}  // namespace riptide::transform::jq
