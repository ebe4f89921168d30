#include "run_checks.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

namespace riptide::e2e {
namespace {

constexpr std::array kEnds = {"created", "updated",  "unchanged", "filtered",
                              "invalid", "rejected", "duplicate", "abandoned"};

enum class Is { kText, kCount, kNumber, kArray };

void expect_fields(const Json& object, const char* what, std::initializer_list<std::pair<const char*, Is>> fields) {
  ASSERT_TRUE(object.is_object()) << what << ": " << object.dump();
  for (const auto& [name, type] : fields) {
    const auto field = object.find(name);
    if (!field) {
      ADD_FAILURE() << what << " has no " << name << ": " << object.dump().substr(0, 500);
      continue;
    }
    switch (type) {
      case Is::kText:
        EXPECT_TRUE(field->is_string()) << what << "." << name << " = " << field->dump();
        break;
      case Is::kCount:
        EXPECT_NO_THROW((void)field->count()) << what << "." << name;
        break;
      case Is::kNumber:
        EXPECT_TRUE(field->is_number()) << what << "." << name << " = " << field->dump();
        break;
      case Is::kArray:
        EXPECT_TRUE(field->is_array()) << what << "." << name;
        break;
    }
  }
}

std::string status_for(std::uint64_t exit_code) {
  switch (exit_code) {
    case 0:
      return "complete";
    case 1:
      return "rejected";
    case 3:
      return "incomplete";
    case 4:
      return "failed";
    case 5:
      return "guarded";
    case 130:
    case 143:
      return "stopped";
    default:
      return "a code that the contract does not have";
  }
}

}  // namespace

Report::Report(std::string_view text) : json_(Json::parse(text)) {
  check_schema();
  check_accounting();
}

std::uint64_t Report::total(std::string_view count, std::size_t sink) const {
  std::uint64_t sum = 0;
  for (const Json& kind : json_["sinks"][sink]["kinds"].items()) sum += kind[count].count();
  return sum;
}

std::uint64_t Report::of(std::string_view kind, std::string_view count, std::size_t sink) const {
  std::uint64_t sum = 0;
  for (const Json& one : json_["sinks"][sink]["kinds"].items()) {
    if (one["kind"].text() == kind) sum += one[count].count();
  }
  return sum;
}

void Report::check_schema() const {
  expect_fields(json_, "report",
                {{"run_id", Is::kText},
                 {"version", Is::kText},
                 {"status", Is::kText},
                 {"exit_code", Is::kCount},
                 {"started_at", Is::kText},
                 {"seconds", Is::kNumber},
                 {"peak_rss_bytes", Is::kCount},
                 {"sinks", Is::kArray},
                 {"kinds", Is::kArray},
                 {"scopes", Is::kArray},
                 {"scopes_total", Is::kCount},
                 {"hosts", Is::kArray},
                 {"errors", Is::kArray},
                 {"errors_total", Is::kCount},
                 {"stages", Is::kArray}});
  EXPECT_EQ(json_["status"].text(), status_for(json_["exit_code"].count()));
  EXPECT_GT(json_["peak_rss_bytes"].count(), 1u << 20);
  for (const Json& sink : json_["sinks"].items()) {
    expect_fields(sink, "sink", {{"sink", Is::kText}, {"kinds", Is::kArray}});
    for (const Json& kind : sink["kinds"].items()) {
      expect_fields(kind, "sink's kind",
                    {{"kind", Is::kText},
                     {"index", Is::kCount},
                     {"read", Is::kCount},
                     {"created", Is::kCount},
                     {"updated", Is::kCount},
                     {"unchanged", Is::kCount},
                     {"filtered", Is::kCount},
                     {"invalid", Is::kCount},
                     {"rejected", Is::kCount},
                     {"duplicate", Is::kCount},
                     {"abandoned", Is::kCount},
                     {"deleted", Is::kCount},
                     {"bytes_out", Is::kCount},
                     {"requests", Is::kCount}});
    }
  }
  for (const Json& kind : json_["kinds"].items()) {
    expect_fields(kind, "kind",
                  {{"kind", Is::kText},
                   {"index", Is::kCount},
                   {"pages", Is::kCount},
                   {"records", Is::kCount},
                   {"bytes_in", Is::kCount},
                   {"scopes_closed", Is::kCount},
                   {"scopes_open", Is::kCount},
                   {"misconfigured", Is::kArray}});
    for (const Json& field : kind["misconfigured"].items()) {
      expect_fields(field, "misconfigured", {{"field", Is::kText}, {"expression", Is::kText}, {"count", Is::kCount}});
      EXPECT_TRUE(field.find("example").has_value());
    }
  }
  EXPECT_LE(json_["scopes"].items().size(), 1000u);
  EXPECT_LE(json_["scopes"].items().size(), json_["scopes_total"].count());
  for (const Json& scope : json_["scopes"].items()) {
    expect_fields(scope, "scope",
                  {{"kind", Is::kText},
                   {"partition", Is::kText},
                   {"pages_expected", Is::kCount},
                   {"pages_read", Is::kCount},
                   {"error", Is::kText}});
  }
  for (const Json& host : json_["hosts"].items()) {
    expect_fields(host, "host",
                  {{"host", Is::kText},
                   {"requests", Is::kCount},
                   {"retries", Is::kCount},
                   {"status_304", Is::kCount},
                   {"status_429", Is::kCount},
                   {"seconds_paused", Is::kNumber},
                   {"max_in_flight", Is::kCount},
                   {"p50_ms", Is::kNumber},
                   {"p99_ms", Is::kNumber}});
  }
  EXPECT_LE(json_["errors"].items().size(), 1000u);
  for (const Json& error : json_["errors"].items()) {
    expect_fields(error, "error",
                  {{"kind", Is::kText},
                   {"identifier", Is::kText},
                   {"blueprint", Is::kText},
                   {"stage", Is::kText},
                   {"message", Is::kText},
                   {"count", Is::kCount}});
  }
  for (const Json& stage : json_["stages"].items()) {
    expect_fields(stage, "stage",
                  {{"name", Is::kText},
                   {"messages_in", Is::kCount},
                   {"messages_out", Is::kCount},
                   {"busy_seconds", Is::kNumber},
                   {"waiting_on", Is::kText}});
  }
}

void Report::check_accounting() const {
  for (const Json& sink : json_["sinks"].items()) {
    for (const Json& kind : sink["kinds"].items()) {
      std::uint64_t ends = 0;
      for (const char* const end : kEnds) ends += kind[end].count();
      EXPECT_EQ(kind["read"].count(), ends) << sink["sink"].text() << ": " << kind.dump();
    }
  }
}

void check_end_of_sync(const Command& command, const Ended& ended, const std::string& report) {
  EXPECT_FALSE(ended.timed_out) << ended.err;
  EXPECT_EQ(ended.signal, 0) << "a run ends with a code of its own: " << ended.err;
  const auto& arguments = command.arguments;
  if (std::find(arguments.begin(), arguments.end(), "ndjson:-") == arguments.end()) {
    EXPECT_EQ(ended.out, "") << "stdout carries data only";
  }
  const int code = ended.exit_code;
  const bool goes_on = code == 3 || code == 4 || code == 130 || code == 143;
  EXPECT_EQ(ended.last_line().find(riptide_path()) == 0, goes_on)
      << "the last line is the command that goes on with 3, 4, 130 and 143, and only then: " << ended.err;
  if (code == 2) {
    EXPECT_EQ(report, "") << "nothing was read, so there is nothing to report";
  } else if (std::find(arguments.begin(), arguments.end(), "--report") != arguments.end() && ended.signal == 0) {
    ASSERT_NE(report, "") << "no report was written: " << ended.err;
    EXPECT_EQ(Report(report).json()["exit_code"].count(), static_cast<std::uint64_t>(code));
  }
}

}  // namespace riptide::e2e
