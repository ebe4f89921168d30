#include "jira/jql.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "jql_query.hpp"

namespace riptide::sources::jira {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct ShapeCase {
  const char* jql;
  bool closed;
  bool names_project;
  const char* conditions;
};

class JqlShapes : public ::testing::TestWithParam<ShapeCase> {};

TEST_P(JqlShapes, AreSeen) {
  const JqlShape shape = shape_of(GetParam().jql);
  EXPECT_EQ(shape.closed, GetParam().closed);
  if (!GetParam().closed) return;
  EXPECT_EQ(shape.names_project, GetParam().names_project);
  EXPECT_EQ(shape.conditions, GetParam().conditions);
}

INSTANTIATE_TEST_SUITE_P(
    Jql, JqlShapes,
    ::testing::Values(ShapeCase{"", true, false, ""}, ShapeCase{"  \n", true, false, ""},
                      ShapeCase{" status = Done ", true, false, "status = Done"},
                      ShapeCase{"status = Done ORDER BY created", true, false, "status = Done"},
                      ShapeCase{"order by rank", true, false, ""},
                      ShapeCase{"a = 1 oRdEr\n By x", true, false, "a = 1"},
                      ShapeCase{"summary ~ \"order by me\"", true, false, "summary ~ \"order by me\""},
                      ShapeCase{"summary ~ 'order' by", true, false, "summary ~ 'order' by"},
                      ShapeCase{"status changed by order", true, false, "status changed by order"},
                      ShapeCase{"summary ~ \"a \\\" order by b\" ORDER BY c", true, false,
                                "summary ~ \"a \\\" order by b\""},
                      ShapeCase{"project = X", true, true, "project = X"},
                      ShapeCase{"PROJECT in (A, B)", true, true, "PROJECT in (A, B)"},
                      ShapeCase{"\"Project\" = X", true, true, "\"Project\" = X"},
                      ShapeCase{"labels = projects", true, false, "labels = projects"},
                      ShapeCase{"(a = 1) OR (b = 2)", true, false, "(a = 1) OR (b = 2)"},
                      ShapeCase{"a in membersOf('x') ORDER BY y", true, false, "a in membersOf('x')"},
                      ShapeCase{"a = 1) OR (b = 2", false, false, ""}, ShapeCase{"(a = 1", false, false, ""},
                      ShapeCase{"a = \"open", false, false, ""}, ShapeCase{"a = 'open\\'", false, false, ""},
                      ShapeCase{"(a = 1 ORDER BY x", false, false, ""}, ShapeCase{"a = 1]", false, false, ""},
                      ShapeCase{"a = x\\", true, false, "a = x\\"}));

TEST(Jql, IsNarrowedWithoutChangingWhatItMeans) {
  EXPECT_EQ(narrowed("a = 1 OR b = 2", "project = 7"), "(a = 1 OR b = 2) AND project = 7");
  EXPECT_EQ(narrowed("", "project = 7"), "project = 7");
  EXPECT_EQ(in_projects({"7"}), "project = 7");
  EXPECT_EQ(in_projects({"7", "8"}), "project in (7, 8)");
  EXPECT_EQ(outside_projects({}), "");
  EXPECT_EQ(outside_projects({"7", "8"}), "project not in (7, 8)");
  const std::vector<std::string_view> many(1'001, "7");
  const std::string text = outside_projects(many);
  EXPECT_EQ(std::count(text.begin(), text.end(), '('), 3) << "no list is longer than 500";
}

TEST(Jql, MinutesAreReadAndWritten) {
  EXPECT_EQ(jql_text(*minute_of("2024-03-01T10:11:12.345+0100")), "2024-03-01 10:11");
  EXPECT_EQ(jql_text(*minute_of("1999-12-31T23:59:59.999-1130")), "1999-12-31 23:59");
  for (const char* wrong : {"", "2024-03-01", "2024-13-01T10:11", "2024-02-30T10:11", "2024-03-01T24:11",
                            "2024-03-01T10:60", "2024x03-01T10:11", "1709283072000", "2024-03-01T1a:11"}) {
    EXPECT_FALSE(minute_of(wrong)) << wrong;
  }
}

TEST(Jql, IsNotCutWithoutRoom) {
  const Minute minute = *minute_of("2024-03-01T10:11");
  EXPECT_THAT(cut_by_created("a", minute, minute, 10), IsEmpty());
  EXPECT_THAT(cut_by_created("a", minute, minute - std::chrono::minutes(5), 10), IsEmpty());
  EXPECT_THAT(cut_by_created("a", minute, minute + std::chrono::minutes(1), 10), IsEmpty());
  EXPECT_THAT(cut_by_created("a", minute, minute + std::chrono::hours(1), 1), IsEmpty());
  EXPECT_THAT(cut_by_created("", minute, minute + std::chrono::minutes(2), 2),
              ElementsAre("created < \"2024-03-01 10:12\"", "created >= \"2024-03-01 10:12\""));
  EXPECT_THAT(cut_by_created("a", minute, minute + std::chrono::minutes(3), 64), SizeIs(3));
}

// Whatever the zone in which the cuts are read, on their minutes and beside them, before and behind: each moment is in
// one part.
TEST(Jql, EveryMomentIsInExactlyOnePart) {
  const Minute first = *minute_of("2024-02-28T23:50");
  const Minute last = *minute_of("2024-03-01T00:10");
  const auto queries = cut_by_created("status = Done", first, last, 7);
  ASSERT_THAT(queries, SizeIs(7));
  std::mt19937 random(5);
  for (const std::int64_t offset : {-720, 0, 90, 840}) {
    std::vector<simulator::JqlQuery> parts;
    for (const std::string& query : queries) {
      const auto part = simulator::JqlQuery::parse(query, offset * 60'000, 0);
      ASSERT_TRUE(part) << query;
      parts.push_back(*part);
    }
    const std::int64_t from = (first.time_since_epoch().count() - 3'000) * 60'000;
    for (int i = 0; i < 20'000; ++i) {
      std::int64_t moment = from + static_cast<std::int64_t>(random() % (8'000u * 60'000u));
      if (i % 2 == 0) moment -= moment % 60'000;
      if (i % 4 == 0) --moment;
      const auto hits = std::count_if(parts.begin(), parts.end(), [moment](const simulator::JqlQuery& part) {
        return part.finds({.key = "A-1", .project_key = "A", .created_ms = moment, .status = "Done"});
      });
      ASSERT_EQ(hits, 1) << moment;
    }
  }
}

}  // namespace
}  // namespace riptide::sources::jira
