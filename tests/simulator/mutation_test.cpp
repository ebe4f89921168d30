#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "blocking_client.hpp"

namespace riptide::simulator {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

OctopusOptions small() {
  OctopusOptions options;
  options.spaces = 2;
  options.kinds = {{.name = "project", .records_per_space = {5, 5}},
                   {.name = "release", .records_per_space = {100, 100}},
                   {.name = "machine", .records_per_space = {40, 40}}};
  return options;
}

TEST(Mutation, ANewReleaseShiftsEveryLaterPageByOne) {
  const auto server = start(small());
  BlockingClient client(server->port());
  const std::vector<std::string> first = ids_of(client.get("/api/Spaces-1/releases?skip=0&take=20").body);
  const std::string made = server->create("Spaces-1", "release").value();
  const Reply second = client.get("/api/Spaces-1/releases?skip=20&take=20");
  EXPECT_EQ(ids_of(second.body).front(), first.back()) << "the last of a page comes again";
  EXPECT_EQ(number_of(second.body, "TotalResults"), 101);
  EXPECT_EQ(ids_of(client.get("/api/Spaces-1/releases?take=1").body).front(), made);
  EXPECT_EQ(number_of(client.get("/api/Spaces-2/releases").body, "TotalResults"), 100);
}

TEST(Mutation, ADeletionHidesOne) {
  const auto server = start(small());
  BlockingClient client(server->port());
  const std::vector<std::string> all = server->ids("Spaces-1", "release");
  const std::vector<std::string> first = ids_of(client.get("/api/Spaces-1/releases?take=20").body);
  EXPECT_TRUE(server->remove("Spaces-1", "release", first[3]));
  const Reply second = client.get("/api/Spaces-1/releases?skip=20&take=20");
  EXPECT_EQ(ids_of(second.body).front(), all[21]) << "the one at 20 has moved into the page before";
  EXPECT_EQ(number_of(second.body, "TotalResults"), 99);
  EXPECT_EQ(client.get("/api/Spaces-1/releases/" + first[3]).status, 404);
  EXPECT_FALSE(server->remove("Spaces-1", "release", first[3]));
}

TEST(Mutation, ANewMachineFallsIntoItsPlaceByName) {
  const auto server = start(small());
  std::set<std::string> made;
  for (int i = 0; i < 30; ++i) made.insert(server->create("Spaces-2", "machine").value());
  EXPECT_EQ(made.size(), 30U);
  const std::vector<std::string> ids = server->ids("Spaces-2", "machine");
  EXPECT_EQ(ids.size(), 70U);
  const auto last_forty =
      std::count_if(ids.begin(), ids.begin() + 40, [&](const auto& id) { return made.count(id) > 0; });
  EXPECT_GT(last_forty, 0) << "all new ones at the end";
  std::vector<std::string> names;
  for (const std::string& id : ids) {
    const std::string text = server->record("Spaces-2", "machine", id).value();
    const std::size_t at = text.find(R"("Name": ")") + 9;
    names.push_back(text.substr(at, text.find('"', at) - at));
  }
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
}

TEST(Mutation, AnUpdateChangesWhatTheMappingReads) {
  OctopusOptions options;
  options.spaces = 1;
  options.total_records = 400;
  const auto server = start(options);
  for (const char* kind : {"space", "project", "release", "deployment", "machine"}) {
    for (const std::string& id : server->ids("Spaces-1", kind)) {
      const std::string before = server->record("Spaces-1", kind, id).value();
      EXPECT_TRUE(server->update("Spaces-1", kind, id));
      const std::string once = server->record("Spaces-1", kind, id).value();
      EXPECT_THAT(once, HasSubstr("revision 1"));
      EXPECT_TRUE(is_json(once)) << once;
      EXPECT_TRUE(server->update("Spaces-1", kind, id));
      const std::string twice = server->record("Spaces-1", kind, id).value();
      EXPECT_THAT(twice, HasSubstr("revision 2"));
      EXPECT_THAT(twice, ::testing::StartsWith(before.substr(0, before.find(','))));
    }
  }
  EXPECT_FALSE(server->update("Spaces-1", "machine", "Machines-9999"));
}

TEST(Mutation, SpacesComeAndGo) {
  const auto server = start(small());
  const std::string made = server->create("", "space").value();
  EXPECT_EQ(made, "Spaces-3");
  EXPECT_EQ(number_of(get(*server, "/api/Spaces-3/machines").body, "TotalResults"), 0);
  EXPECT_TRUE(server->create("Spaces-3", "release").has_value());
  EXPECT_TRUE(is_json(get(*server, "/api/Spaces-3/releases").body)) << "no project to refer to";

  EXPECT_TRUE(server->remove("", "space", "Spaces-1"));
  EXPECT_EQ(get(*server, "/api/Spaces-1/releases").status, 404);
  EXPECT_EQ(number_of(get(*server, "/api/spaces").body, "TotalResults"), 2);
  EXPECT_EQ(server->total("machine"), 40U);
  EXPECT_FALSE(server->create("Spaces-1", "release").has_value());
  EXPECT_FALSE(server->create("Spaces-2", "nothing").has_value());
  EXPECT_THAT(server->ids("Spaces-1", "release"), ::testing::IsEmpty());
}

TEST(Mutation, BeforeAnAnswer) {
  OctopusOptions options = small();
  OctopusServer* changed = nullptr;
  std::vector<std::string> targets;
  options.before_answer = [&](std::string_view target) {
    targets.emplace_back(target);
    if (target.find("skip=20") != std::string_view::npos) changed->create("Spaces-1", "release");
  };
  const auto server = start(options);
  changed = server.get();
  EXPECT_EQ(number_of(get(*server, "/api/Spaces-1/releases?skip=0&take=20").body, "TotalResults"), 100);
  EXPECT_EQ(number_of(get(*server, "/api/Spaces-1/releases?skip=20&take=20").body, "TotalResults"), 101);
  EXPECT_THAT(targets, ::testing::ElementsAre("/api/Spaces-1/releases?skip=0&take=20",
                                              "/api/Spaces-1/releases?skip=20&take=20"));
}

TEST(Mutation, WhileItIsReadFromOtherThreads) {
  const auto server = start(small());
  const std::vector<std::string> lasting = server->ids("Spaces-1", "release");
  std::thread writer([&] {
    for (int i = 0; i < 300; ++i) {
      const std::string made = server->create("Spaces-1", "release").value();
      server->update("Spaces-1", "release", made);
      if (i % 2 == 0) server->remove("Spaces-1", "release", made);
    }
  });
  BlockingClient client(server->port());
  for (int i = 0; i < 100; ++i) {
    const Reply reply = client.get("/api/Spaces-1/releases?take=1000");
    const std::vector<std::string> ids = ids_of(reply.body);
    EXPECT_EQ(std::ssize(ids), number_of(reply.body, "TotalResults"));
    EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), ids.size());
  }
  writer.join();
  const std::vector<std::string> ids = ids_of(client.get("/api/Spaces-1/releases?take=1000").body);
  EXPECT_EQ(ids.size(), 250U);
  for (const std::string& id : lasting) EXPECT_THAT(ids, Contains(id));
}

}  // namespace
}  // namespace riptide::simulator
