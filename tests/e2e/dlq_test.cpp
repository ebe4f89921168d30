// What was given up: kept with its bytes and its reason, shown, tried again, dropped.
#include "fake_port.hpp"
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class DlqTest : public Workspace {
 protected:
  std::vector<Json> letters(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {"dlq", "list"});
    const Ended ended = riptide(arguments);
    EXPECT_THAT(ended, ExitsWith(0)) << ended;
    std::vector<Json> lines;
    std::size_t begin = 0;
    while (begin < ended.out.size()) {
      const std::size_t end = ended.out.find('\n', begin);
      lines.push_back(Json::parse(ended.out.substr(begin, end - begin)));
      begin = end + 1;
    }
    return lines;
  }
};

TEST_F(DlqTest, ARecordWithoutAnIdentityIsKeptRawAndReplayedThroughTodaysMapping) {
  const auto server = serve({.spaces = 1, .total_records = 0, .kinds = only("project", {7})});
  point_at(server->url());
  const std::vector<std::string> where = {"--sink", "sqlite:a.db", "--mapping", "mapping.yaml"};
  write("mapping.yaml", small_mapping({"project"}, ".Nothing"));
  ASSERT_THAT(sync(where), ExitsWith(1));
  const auto all = letters({"--sink", "sqlite:a.db"});
  ASSERT_THAT(all, SizeIs(7));
  EXPECT_EQ(all[0]["stage"].text(), "transform");
  EXPECT_EQ(all[0]["kind"].text(), "project");
  EXPECT_EQ(all[0]["scope"].text(), "Spaces-1");
  EXPECT_THAT(all[0]["reason"].text(), Not(IsEmpty()));
  EXPECT_THAT(all[0]["url"].text(), AllOf(HasSubstr("/api/Spaces-1/projects?skip=0"), Not(HasSubstr("API-KEY"))));
  const std::string id = std::to_string(all[0]["id"].count());
  const Ended shown = riptide({"dlq", "show", id, "--sink", "sqlite:a.db"});
  ASSERT_THAT(shown, ExitsWith(0));
  const Json record = Json::parse(shown.out);
  EXPECT_THAT(record["Id"].text(), HasSubstr("Projects-"));
  EXPECT_THAT(record["__url"].text(), HasSubstr("/app#/Spaces-1/projects/")) << "as the mapping saw it";

  // The same failures again are the same letters.
  ASSERT_THAT(sync(where), ExitsWith(1));
  EXPECT_THAT(letters({"--sink", "sqlite:a.db"}), SizeIs(7));
  const Ended useless = riptide({"dlq", "replay", "--all", "--sink", "sqlite:a.db", "--mapping", "mapping.yaml"});
  EXPECT_THAT(useless, ExitsWith(1));
  EXPECT_THAT(letters({"--sink", "sqlite:a.db"}), SizeIs(7));

  write("mapping.yaml", small_mapping({"project"}));
  const Ended one = riptide({"dlq", "replay", id, "--sink", "sqlite:a.db", "--mapping", "mapping.yaml"});
  EXPECT_THAT(one, ExitsWith(0)) << one;
  EXPECT_THAT(identities(path("a.db")), SizeIs(1));
  const Ended rest = riptide({"dlq", "replay", "--all", "--sink", "sqlite:a.db", "--mapping", "mapping.yaml"});
  EXPECT_THAT(rest, ExitsWith(0)) << rest;
  EXPECT_THAT(rest.err, HasSubstr("6 of 6 dead letters settled"));
  EXPECT_THAT(letters({"--sink", "sqlite:a.db"}), IsEmpty());
  ASSERT_THAT(sync(where), ExitsWith(0));
  EXPECT_EQ(report().of("project", "unchanged"), 7u) << "what was replayed is what a run writes";
}

TEST_F(DlqTest, WhatPortRefusedIsSentAgainAndGoneWhenPortTakesIt) {
  const auto server = serve({.spaces = 1, .total_records = 0, .kinds = only("project", {30})});
  point_at(server->url());
  const std::string victim = server->ids("Spaces-1", "project").at(3);
  auto refuses = std::make_shared<std::atomic<bool>>(true);
  FakePort::Options options;
  options.refuse = [victim, refuses](const Json& entity) -> std::optional<FakePort::Complaint> {
    if (!*refuses || entity["identifier"].text() != victim) return std::nullopt;
    return FakePort::Complaint{422, "invalid", "SECRET is not a team", false};
  };
  FakePort port(options);
  for (const auto& [name, value] : port.environment()) environment_[name] = value;
  ASSERT_THAT(sync({}), ExitsWith(1));
  const auto all = letters();
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0]["stage"].text(), "upload");
  EXPECT_EQ(all[0]["sink"].text(), "port");
  EXPECT_EQ(all[0]["identifier"].text(), victim);
  EXPECT_EQ(all[0]["blueprint"].text(), blueprint_of("project"));
  EXPECT_THAT(all[0]["reason"].text(), AllOf(HasSubstr("422"), HasSubstr("*** is not a team")));
  EXPECT_THAT(letters({"--stage", "transform"}), IsEmpty());
  EXPECT_THAT(letters({"--kind", "project", "--reason", "not a team"}), SizeIs(1));
  EXPECT_THAT(letters({"--run", "no-such-run"}), IsEmpty());

  const Ended again = riptide({"dlq", "replay", "--all"});
  EXPECT_THAT(again, ExitsWith(1)) << again;
  EXPECT_THAT(letters(), SizeIs(1));
  *refuses = false;
  const Ended taken = riptide({"dlq", "replay", "--all"});
  EXPECT_THAT(taken, ExitsWith(0)) << taken;
  EXPECT_TRUE(port.has({blueprint_of("project"), victim}));
  EXPECT_THAT(letters(), IsEmpty());
}

TEST_F(DlqTest, ALetterCountsOnceHoweverManyEntitiesComeOfIt) {
  const auto server = serve({.spaces = 1, .total_records = 0, .kinds = only("project", {7})});
  point_at(server->url());
  const std::string victim = server->ids("Spaces-1", "project").at(3);
  FakePort::Options options;
  options.refuse = [victim](const Json& entity) -> std::optional<FakePort::Complaint> {
    const std::string identifier = entity["identifier"].text();
    if (identifier != victim + "-2" && identifier != victim + "-3") return std::nullopt;
    return FakePort::Complaint{422, "invalid", "no", false};
  };
  FakePort port(options);
  for (const auto& [name, value] : port.environment()) environment_[name] = value;
  write("mapping.yaml", small_mapping({"project"}, ".Nothing"));
  ASSERT_THAT(sync({"--mapping", "mapping.yaml"}), ExitsWith(1));
  ASSERT_THAT(letters(), SizeIs(7));
  write("mapping.yaml", R"(resources:
  - kind: project
    selector:
      query: 'true'
    port:
      itemsToParse: '[{"n":1},{"n":2},{"n":3}]'
      itemsToParseTopLevelTransform: false
      entity:
        mappings:
          identifier: .Id + "-" + (.item.n | tostring)
          blueprint: '"octopusProject"'
)");
  const Ended replayed = riptide({"dlq", "replay", "--all", "--mapping", "mapping.yaml"});
  EXPECT_THAT(replayed, ExitsWith(1)) << replayed;
  EXPECT_THAT(replayed.err, HasSubstr("6 of 7 dead letters settled"));
  EXPECT_EQ(port.catalogue().size(), 19u);
  const auto left = letters();
  ASSERT_THAT(left, SizeIs(2)) << "the refused entities are letters of their own";
  for (const Json& letter : left) EXPECT_EQ(letter["stage"].text(), "upload");
  const Ended again = riptide({"dlq", "replay", "--all", "--mapping", "mapping.yaml"});
  EXPECT_THAT(again, ExitsWith(1)) << again;
  EXPECT_THAT(again.err, HasSubstr("0 of 2 dead letters settled"));
}

TEST_F(DlqTest, ALaterRunThatDeliversTakesTheLetterAway) {
  const auto server = serve({.spaces = 1, .total_records = 0, .kinds = only("project", {30})});
  point_at(server->url());
  auto refuses = std::make_shared<std::atomic<bool>>(true);
  FakePort::Options options;
  options.refuse = [refuses](const Json& entity) -> std::optional<FakePort::Complaint> {
    if (!*refuses || entity["blueprint"].text() != blueprint_of("project")) return std::nullopt;
    return FakePort::Complaint{422, "invalid", "no", false};
  };
  FakePort port(options);
  for (const auto& [name, value] : port.environment()) environment_[name] = value;
  ASSERT_THAT(sync({}), ExitsWith(1));
  EXPECT_THAT(letters(), SizeIs(30));
  *refuses = false;
  server->remove("Spaces-1", "project", server->ids("Spaces-1", "project").front());
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_THAT(letters(), IsEmpty()) << "delivered, or of a record that is no more";
}

TEST_F(DlqTest, TheOldestGoFirstAndThatIsSaid) {
  const auto server = serve({.spaces = 1, .total_records = 0, .kinds = only("project", {40})});
  point_at(server->url());
  environment_["OCEAN__RIPTIDE__DEAD_LETTERS"] = "20KiB";
  write("mapping.yaml", small_mapping({"project"}, ".Nothing"));
  const Ended ended = sync({"--sink", "sqlite:a.db", "--mapping", "mapping.yaml"});
  ASSERT_THAT(ended, ExitsWith(1));
  EXPECT_THAT(ended.err, HasSubstr("dead letters were dropped, the oldest first"));
  const auto left = letters({"--sink", "sqlite:a.db"});
  EXPECT_GT(left.size(), 2u);
  EXPECT_LT(left.size(), 20u);
  const std::string id = std::to_string(left.front()["id"].count());
  EXPECT_THAT(riptide({"dlq", "drop", id, "--sink", "sqlite:a.db"}), ExitsWith(0));
  EXPECT_THAT(letters({"--sink", "sqlite:a.db"}), SizeIs(left.size() - 1));
  EXPECT_THAT(riptide({"dlq", "drop", id, "--sink", "sqlite:a.db"}), ExitsWith(2)) << "it is gone";
  EXPECT_THAT(riptide({"dlq", "drop", "--all", "--sink", "sqlite:a.db"}), ExitsWith(0));
  EXPECT_THAT(letters({"--sink", "sqlite:a.db"}), IsEmpty());
}

TEST_F(DlqTest, WhatIsWrongWithTheCommandIsSaid) {
  point_at("http://127.0.0.1:1");
  EXPECT_THAT(riptide({"dlq", "lst"}), ExitsWith(2));
  EXPECT_THAT(riptide({"dlq", "replay"}).err, HasSubstr("--all"));
  EXPECT_THAT(riptide({"dlq", "show"}), ExitsWith(2));
  EXPECT_THAT(riptide({"dlq", "show", "1", "--sink", "sqlite:a.db"}), ExitsWith(2));
  EXPECT_THAT(riptide({"dlq", "list", "--sink", "sqlite:a.db"}), ExitsWith(0)) << "there are none";
}

}  // namespace
}  // namespace riptide::e2e
