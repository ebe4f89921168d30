#include <array>
#include <chrono>

#include "jq/builtins.hpp"
#include "jq/dates.hpp"

namespace riptide::transform::jq {
namespace {

Status b_gmtime(Machine& m, Value& input, Value*, Value& output) {
  std::string problem;
  return broken_down(input, false, output, problem) ? Status::kOk : m.fail(problem);
}
Status b_localtime(Machine& m, Value& input, Value*, Value& output) {
  std::string problem;
  return broken_down(input, true, output, problem) ? Status::kOk : m.fail(problem);
}
Status b_mktime(Machine& m, Value& input, Value*, Value& output) {
  std::string problem;
  return seconds_since_epoch(input, output, problem) ? Status::kOk : m.fail(problem);
}
Status b_strftime(Machine& m, Value& input, Value* arguments, Value& output) {
  std::string problem;
  return format_time(input, arguments[0], false, output, problem) ? Status::kOk : m.fail(problem);
}
Status b_strflocaltime(Machine& m, Value& input, Value* arguments, Value& output) {
  std::string problem;
  return format_time(input, arguments[0], true, output, problem) ? Status::kOk : m.fail(problem);
}
Status b_strptime(Machine& m, Value& input, Value* arguments, Value& output) {
  std::string problem;
  return parse_time(input, arguments[0], output, problem) ? Status::kOk : m.fail(problem);
}
Status b_now(Machine&, Value&, Value*, Value& output) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  output = Value::number(static_cast<double>(micros) / 1e6);
  return Status::kOk;
}

constexpr auto kBuiltins = std::to_array<Builtin>({
    {"gmtime", 0, b_gmtime},
    {"localtime", 0, b_localtime},
    {"mktime", 0, b_mktime},
    {"strftime", 1, b_strftime},
    {"strflocaltime", 1, b_strflocaltime},
    {"strptime", 1, b_strptime},
    {"now", 0, b_now},
});

}  // namespace

std::span<const Builtin> time_builtins() noexcept { return kBuiltins; }

}  // namespace riptide::transform::jq
