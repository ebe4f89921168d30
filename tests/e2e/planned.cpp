#include "planned.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "json_schema.hpp"

namespace riptide::e2e {

Planned::Planned(std::string_view text)
    : json_(Json::parse(text)), identities_{{"create", {}}, {"update", {}}, {"delete", {}}} {
  EXPECT_THAT(against_schema(json_, "plan.schema.json"), ::testing::IsEmpty());
  std::map<std::string, std::map<std::string, std::uint64_t>> rows;
  for (const Json& change : json_["changes"].items()) {
    const std::string action = change["action"].text();
    const std::string blueprint = change["blueprint"].text();
    EXPECT_TRUE(identities_.at(action).emplace(blueprint, change["identifier"].text()).second) << change.dump();
    ++rows[blueprint][action + "d"];
  }
  for (const Json& deletion : json_["deletions"].items()) {
    const std::string blueprint = deletion["blueprint"].text();
    EXPECT_TRUE(identities_.at("delete").emplace(blueprint, deletion["identifier"].text()).second) << deletion.dump();
    ++rows[blueprint]["deleted"];
  }
  EXPECT_EQ(count("created"), of("create").size());
  EXPECT_EQ(count("updated"), of("update").size());
  const bool trips = json_["guard"]["would_trip"].truth();
  EXPECT_EQ(count("deleted"), trips ? 0 : of("delete").size());
  EXPECT_EQ(count("read"), count("created") + count("updated") + count("unchanged") + count("filtered") +
                               count("invalid") + count("rejected") + count("duplicate") + count("abandoned"));
  std::uint64_t unchanged = 0;
  for (const std::string& blueprint : json_["by_blueprint"].keys()) {
    const Json row = json_["by_blueprint"][blueprint];
    EXPECT_EQ(row["created"].count(), rows[blueprint]["created"]) << blueprint;
    EXPECT_EQ(row["updated"].count(), rows[blueprint]["updated"]) << blueprint;
    EXPECT_EQ(row["deleted"].count(), trips ? 0 : rows[blueprint]["deleted"]) << blueprint;
    unchanged += row["unchanged"].count();
    rows.erase(blueprint);
  }
  EXPECT_TRUE(rows.empty()) << "a blueprint without a row";
  EXPECT_EQ(unchanged, count("unchanged"));
}

Json Planned::change(const Identity& identity) const {
  for (const Json& change : json_["changes"].items()) {
    if (change["blueprint"].text() == identity.first && change["identifier"].text() == identity.second) return change;
  }
  throw std::runtime_error("no change of " + identity.first + "/" + identity.second);
}

void expect_done(const Planned& plan, const std::map<Identity, std::string>& before,
                 const std::map<Identity, std::string>& after, const Report& report) {
  std::set<Identity> created, updated, deleted;
  for (const auto& [identity, contents] : after) {
    const auto was = before.find(identity);
    if (was == before.end()) {
      created.insert(identity);
    } else if (was->second != contents) {
      updated.insert(identity);
    }
  }
  for (const auto& [identity, contents] : before) {
    if (!after.contains(identity)) deleted.insert(identity);
  }
  EXPECT_EQ(plan.of("create"), created);
  EXPECT_EQ(plan.of("update"), updated);
  EXPECT_EQ(plan.of("delete"), deleted);
  for (const char* const count : {"read", "created", "updated", "unchanged", "deleted", "filtered", "invalid"}) {
    EXPECT_EQ(plan.count(count), report.total(count)) << count;
  }
}

}  // namespace riptide::e2e
