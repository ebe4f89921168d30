// What every sink on this machine must keep to. A sink joins with one entry in `sinks()`.

#include <gmock/gmock.h>

#include <functional>
#include <memory>

#include "entities.hpp"
#include "riptide/sinks/ndjson_sink.hpp"
#include "riptide/sinks/null_sink.hpp"
#include "riptide/sinks/sqlite_sink.hpp"
#include "temporary_directory.hpp"

namespace riptide::test {
namespace {

using stages::Batch;
using stages::Finish;
using stages::Outcome;
using ::testing::SizeIs;

struct SinkCase {
  std::string name;
  std::function<std::unique_ptr<stages::LocalSink>(const TemporaryDirectory&)> make;
  std::string spec;  // How the sink calls itself begins with this.
};

std::vector<SinkCase> sinks() {
  return {
      {"null", [](const TemporaryDirectory&) { return std::make_unique<sinks::NullSink>(); }, "null"},
      {"ndjson",
       [](const TemporaryDirectory& directory) { return std::make_unique<sinks::NdjsonSink>(directory.file("out")); },
       "ndjson:"},
      {"sqlite",
       [](const TemporaryDirectory& directory) {
         sinks::SqliteSink::Options options;
         options.path = directory.file("catalogue.db");
         options.context.integration = "i";
         options.context.run_id = "r";
         options.context.kinds = {"service"};
         options.now = [] { return std::string("2026-01-01T00:00:00Z"); };
         return std::make_unique<sinks::SqliteSink>(std::move(options));
       },
       "sqlite:"},
  };
}

class LocalSinkContract : public ::testing::TestWithParam<SinkCase> {
 protected:
  std::unique_ptr<stages::LocalSink> make() {
    auto sink = GetParam().make(directory_);
    sink->set_scope_names([](std::uint32_t scope) { return "Spaces-" + std::to_string(scope); });
    return sink;
  }
  TemporaryDirectory directory_;
};

TEST_P(LocalSinkContract, NamesItself) {
  EXPECT_EQ(make()->spec().substr(0, GetParam().spec.size()), GetParam().spec);
  EXPECT_GT(make()->limits().max_records, 0u);
  EXPECT_GT(make()->limits().max_bytes, 0u);
}

TEST_P(LocalSinkContract, EveryEntityHasItsOutcome) {
  const auto sink = make();
  ASSERT_TRUE(sink->open());
  for (const std::size_t count : {1, 2, 7, 1000}) {
    Batch batch;
    for (std::size_t i = 0; i < count; ++i) add(batch, service("id-" + std::to_string(i), std::to_string(count)));
    const auto outcomes = sink->write(batch);
    ASSERT_TRUE(outcomes) << outcomes.error().message;
    ASSERT_THAT(*outcomes, SizeIs(count));
    for (const Outcome& outcome : *outcomes) {
      EXPECT_TRUE(outcome.kind == Outcome::Kind::kCreated || outcome.kind == Outcome::Kind::kUpdated ||
                  outcome.kind == Outcome::Kind::kUnchanged);
      EXPECT_EQ(outcome.message, "");
    }
  }
  EXPECT_TRUE(sink->finish(Finish::kComplete));
}

TEST_P(LocalSinkContract, AnEmptyBatchIsNothing) {
  const auto sink = make();
  ASSERT_TRUE(sink->open());
  const auto outcomes = sink->write(Batch());
  ASSERT_TRUE(outcomes);
  EXPECT_THAT(*outcomes, SizeIs(0));
  EXPECT_TRUE(sink->finish(Finish::kComplete));
}

TEST_P(LocalSinkContract, TakesOddEntities) {
  const auto sink = make();
  ASSERT_TRUE(sink->open());
  EntityParts huge = service("huge", "\"" + std::string(5 << 20, 'x') + "\"");
  EntityParts bare;
  bare.identifier = "\"bare\"";
  EntityParts odd;
  odd.identifier = "12.50";
  odd.blueprint = R"("\u0000 ' \" ; drop table \ud83d\ude00")";
  odd.title = "[1]";
  odd.icon = "null";
  odd.team = R"({"combinator":"and"})";
  odd.properties = R"({"":null,"a'b\"c":{"x":[]},"A'B\"C":1,"identifier":2})";
  odd.relations = R"({"identifier":[],"":"x"})";
  EntityParts scalars = service("scalars");
  scalars.properties = "null";
  scalars.relations = "[]";
  const auto outcomes = sink->write(batch_of({huge, bare, odd, scalars}));
  ASSERT_TRUE(outcomes) << outcomes.error().message;
  EXPECT_THAT(*outcomes, SizeIs(4));
  const auto finished = sink->finish(Finish::kComplete);
  EXPECT_TRUE(finished) << finished.error().message;
}

TEST_P(LocalSinkContract, CanEndWithoutHavingBegun) {
  EXPECT_TRUE(make()->finish(Finish::kPartial));
  const auto sink = make();
  ASSERT_TRUE(sink->open());
  EXPECT_TRUE(sink->finish(Finish::kPartial));
}

TEST_P(LocalSinkContract, CanBeDroppedAtAnyTime) {
  make();
  { ASSERT_TRUE(make()->open()); }
  const auto sink = make();
  ASSERT_TRUE(sink->open());
  ASSERT_TRUE(sink->write(batch_of({service("a")})));
}

TEST_P(LocalSinkContract, WhatCannotBeDeletedIsNotListed) {
  const auto sink = make();
  ASSERT_TRUE(sink->open());
  if (sink->can_delete()) GTEST_SKIP() << "it deletes";
  ASSERT_TRUE(sink->write(batch_of({service("a")})));
  const std::uint32_t resources[] = {0};
  EXPECT_TRUE(sink->owned(resources, [](const stages::OwnedEntity&) {
    ADD_FAILURE();
    return true;
  }));
  const stages::OwnedEntity a{"service", "a", ""};
  EXPECT_EQ(*sink->remove({&a, 1}), 0u);
}

INSTANTIATE_TEST_SUITE_P(Sinks, LocalSinkContract, ::testing::ValuesIn(sinks()),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace riptide::test
