#include "riptide/sinks/sqlite_sink.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "entities.hpp"
#include "temporary_directory.hpp"

namespace riptide::sinks {
namespace {

using stages::Finish;
using stages::Outcome;
using stages::OwnedEntity;
using test::batch_of;
using test::EntityParts;
using test::service;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr auto kCreated = Outcome::Kind::kCreated;
constexpr auto kUpdated = Outcome::Kind::kUpdated;
constexpr auto kUnchanged = Outcome::Kind::kUnchanged;

// Rows of a query, columns joined by '|', NULL as "-". An error is the only row.
std::vector<std::string> query(const std::string& path, const std::string& sql) {
  sqlite3* handle = nullptr;
  std::vector<std::string> rows;
  if (sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK) {
    const auto add = [](void* to, int columns, char** values, char**) {
      std::string row;
      for (int i = 0; i < columns; ++i)
        row += (i == 0 ? "" : "|") + std::string(values[i] == nullptr ? "-" : values[i]);
      static_cast<std::vector<std::string>*>(to)->push_back(row);
      return 0;
    };
    if (sqlite3_exec(handle, sql.c_str(), add, &rows, nullptr) != SQLITE_OK) rows = {sqlite3_errmsg(handle)};
  }
  sqlite3_close(handle);
  return rows;
}

std::vector<Outcome::Kind> kinds_of(const pipeline::Result<std::vector<Outcome>>& outcomes) {
  std::vector<Outcome::Kind> kinds;
  EXPECT_TRUE(outcomes) << outcomes.error().message;
  if (!outcomes) return kinds;
  for (const Outcome& outcome : *outcomes) kinds.push_back(outcome.kind);
  return kinds;
}

class SqliteSinkTest : public ::testing::Test {
 protected:
  SqliteSink::Options options() {
    SqliteSink::Options made;
    made.path = path_;
    made.context.integration = "my-octopus-integration";
    made.context.run_id = "run-1";
    made.context.kinds = {"space", "project", "space"};
    made.now = [this] { return now_; };
    made.open_timeout = std::chrono::milliseconds(1);
    return made;
  }

  std::unique_ptr<SqliteSink> opened(SqliteSink::Options with) {
    auto sink = std::make_unique<SqliteSink>(std::move(with));
    sink->set_scope_names([](std::uint32_t scope) { return "Spaces-" + std::to_string(scope); });
    const auto done = sink->open();
    EXPECT_TRUE(done) << done.error().message;
    return sink;
  }
  std::unique_ptr<SqliteSink> opened() { return opened(options()); }

  // One run that writes these entities.
  std::vector<Outcome::Kind> run(const std::vector<EntityParts>& entities) {
    const auto sink = opened();
    const auto kinds = kinds_of(sink->write(batch_of(entities)));
    const auto finished = sink->finish(Finish::kComplete);
    EXPECT_TRUE(finished) << finished.error().message;
    return kinds;
  }

  test::TemporaryDirectory directory_;
  std::string path_ = directory_.file("catalogue.db");
  std::string now_ = "2026-01-01T00:00:00Z";
};

TEST_F(SqliteSinkTest, ARowIsAnEntity) {
  EntityParts entity;
  entity.identifier = R"("Projects-1")";
  entity.blueprint = R"("octopusProject")";
  entity.title = R"("Ledger \"API\" \u00e9")";
  entity.icon = R"("Octopus")";
  entity.team = R"(["a","b"])";
  entity.properties = R"({"slug":"ledger","n":1.10})";
  entity.relations = R"({"space":"Spaces-2"})";
  entity.resource = 1;
  entity.scope = 2;
  EXPECT_THAT(run({entity}), ElementsAre(kCreated));
  EXPECT_THAT(query(path_, "SELECT * FROM entities"),
              ElementsAre(R"(my-octopus-integration|project|Spaces-2|octopusProject|Projects-1|Ledger "API" é|Octopus|)"
                          R"(["a","b"]|{"slug":"ledger","n":1.10}|{"space":"Spaces-2"}|run-1|2026-01-01T00:00:00Z|)"
                          R"(2026-01-01T00:00:00Z)"));
}

TEST_F(SqliteSinkTest, NullAndAbsentAreNull) {
  EntityParts entity;
  entity.identifier = "12";
  entity.title = "null";
  entity.properties = "null";
  run({entity});
  EXPECT_THAT(query(path_, "SELECT identifier, title, icon, team, properties, relations FROM entities"),
              ElementsAre("12|-|-|-|-|-"));
}

TEST_F(SqliteSinkTest, AnUnchangedRowIsNotRewritten) {
  run({service("a", "1"), service("b", "1"), service("c", "1")});
  now_ = "2026-01-02T00:00:00Z";
  SqliteSink::Options second = options();
  second.context.run_id = "run-2";
  const auto sink = opened(second);
  EXPECT_THAT(kinds_of(sink->write(batch_of({service("a", "1"), service("b", "2"), service("d", "1")}))),
              ElementsAre(kUnchanged, kUpdated, kCreated));
  ASSERT_TRUE(sink->finish(Finish::kComplete));
  EXPECT_THAT(query(path_, "SELECT identifier, run_id, first_seen, updated_at FROM entities ORDER BY identifier"),
              ElementsAre("a|run-1|2026-01-01T00:00:00Z|2026-01-01T00:00:00Z",
                          "b|run-2|2026-01-01T00:00:00Z|2026-01-02T00:00:00Z",
                          "c|run-1|2026-01-01T00:00:00Z|2026-01-01T00:00:00Z",
                          "d|run-2|2026-01-02T00:00:00Z|2026-01-02T00:00:00Z"));
}

TEST_F(SqliteSinkTest, EveryColumnThatIsMappedCounts) {
  EntityParts before = service("a");
  before.title = before.icon = before.team = R"("x")";
  before.relations = R"({"r":"x"})";
  run({before});
  const std::function<void(EntityParts&)> changes[] = {
      [](EntityParts& entity) { entity.title = R"("y")"; },
      [](EntityParts& entity) { entity.icon = "null"; },
      [](EntityParts& entity) { entity.team = ""; },
      [](EntityParts& entity) { entity.properties = R"({"size":1.0})"; },
      [](EntityParts& entity) { entity.relations = R"({"r":null})"; },
      [](EntityParts& entity) { entity.scope = 9; },
      [](EntityParts& entity) { entity.resource = 1; },
  };
  EntityParts entity = before;
  for (const auto& change : changes) {
    EXPECT_THAT(run({entity}), ElementsAre(kUnchanged));
    change(entity);
    EXPECT_THAT(run({entity}), ElementsAre(kUpdated));
  }
  // Another resource block of the same kind is no difference.
  entity.resource = 0;
  run({entity});
  entity.resource = 2;
  EXPECT_THAT(run({entity}), ElementsAre(kUnchanged));
}

TEST_F(SqliteSinkTest, TheLastOfAnIdentityWins) {
  EXPECT_THAT(run({service("a", "1"), service("a", "2"), service("a", "2")}),
              ElementsAre(kCreated, kUpdated, kUnchanged));
  EXPECT_THAT(query(path_, "SELECT properties FROM entities"), ElementsAre(R"({"size":2})"));
}

TEST_F(SqliteSinkTest, OwnedAreTheRowsOfTheKindsOfThisIntegration) {
  EntityParts project = service("p");
  project.resource = 1;
  EntityParts space = service("s");
  space.resource = 2;
  run({service("a"), space, project});
  SqliteSink::Options other = options();
  other.context.integration = "other";
  const auto theirs = opened(other);
  ASSERT_TRUE(theirs->write(batch_of({service("a"), service("z")})));
  ASSERT_TRUE(theirs->finish(Finish::kComplete));

  const auto sink = opened();
  const auto owned = [&sink](std::vector<std::uint32_t> resources) {
    std::vector<std::string> found;
    EXPECT_TRUE(sink->owned(resources, [&found](const OwnedEntity& entity) {
      found.push_back(entity.kind + ": " + entity.blueprint + "/" + entity.identifier);
      return true;
    }));
    return found;
  };
  EXPECT_THAT(owned({0}), UnorderedElementsAre("space: service/a", "space: service/s"));
  EXPECT_THAT(owned({0, 2}), UnorderedElementsAre("space: service/a", "space: service/s"));
  EXPECT_THAT(owned({1}), UnorderedElementsAre("project: service/p"));
  EXPECT_THAT(owned({2, 1}), UnorderedElementsAre("space: service/a", "space: service/s", "project: service/p"));
  EXPECT_THAT(owned({}), IsEmpty());
  EXPECT_THAT(owned({77}), IsEmpty());
  int visits = 0;
  const std::uint32_t spaces[] = {0};
  ASSERT_TRUE(sink->owned(spaces, [&visits](const OwnedEntity&) { return ++visits < 1; }));
  EXPECT_EQ(visits, 1);

  const std::vector<OwnedEntity> stale = {{"service", "a", ""}, {"service", "gone", ""}, {"other", "s", ""}};
  EXPECT_EQ(*sink->remove(stale), 1u);
  ASSERT_TRUE(sink->finish(Finish::kComplete));
  EXPECT_THAT(query(path_, "SELECT integration, identifier FROM entities ORDER BY 1, 2"),
              ElementsAre("my-octopus-integration|p", "my-octopus-integration|s", "other|a", "other|z"));
}

TEST_F(SqliteSinkTest, AViewShowsABlueprintByColumn) {
  EntityParts entity = service("a");
  entity.blueprint = R"("octopusProject")";
  entity.properties = R"({"slug":"led'ger","isDisabled":true,"roles":["x",{"y":1}],"n":12,"none":null})";
  entity.relations = R"({"space":"Spaces-2","many":["a","b"]})";
  run({entity, service("b")});
  EXPECT_THAT(
      query(path_,
            "SELECT identifier, title, slug, isDisabled, roles, n, none, space, many, integration, scope "
            "FROM octopusProject"),
      ElementsAre(R"(a|Service|led'ger|1|["x",{"y":1}]|12|-|Spaces-2|["a","b"]|my-octopus-integration|Spaces-0)"));
  EXPECT_THAT(query(path_, "SELECT size FROM service"), ElementsAre("1"));
}

TEST_F(SqliteSinkTest, ColumnsThatClashGetAPrefixOrANumber) {
  EntityParts entity = service("a");
  entity.properties = R"({"Title":1,"url":2,"URL":3,"property_url":4,"scope":5,"x":6})";
  entity.relations = R"({"url":"r1","kind":"r2","x":"r3","y":"r4"})";
  run({entity});
  EXPECT_THAT(query(path_, "SELECT name FROM pragma_table_info('service')"),
              ElementsAre("identifier", "title", "icon", "team", "property_Title", "url", "property_URL",
                          "property_property_url", "property_scope", "x", "relation_url", "relation_kind", "relation_x",
                          "y", "integration", "kind", "scope", "run_id", "first_seen", "updated_at"));
  EXPECT_THAT(query(path_,
                    "SELECT property_Title, url, property_URL, property_property_url, property_scope, x, relation_url, "
                    "relation_kind, relation_x, y FROM service"),
              ElementsAre("1|2|3|4|5|6|r1|r2|r3|r4"));
}

TEST_F(SqliteSinkTest, OddNamesHaveTheirColumnToo) {
  EntityParts entity = service("a");
  entity.blueprint = R"("it's \"odd\"")";
  entity.properties = R"({"a'b":1,"c\"d":2,"e\\f":3,"g.h[0]":4,"":5,"\u00e9":6,"i\tj":7,"\u0000":8})";
  run({entity});
  EXPECT_THAT(
      query(path_, R"sql(SELECT "a'b", "c""d", "e\f", "g.h[0]", property_, "é", "i	j" FROM "it's ""odd""")sql"),
      ElementsAre("1|2|3|4|5|6|7"));
}

TEST_F(SqliteSinkTest, AViewFollowsItsRows) {
  const auto columns = [this] {
    return query(path_, "SELECT group_concat(name) FROM pragma_table_info('service') WHERE name IN ('size', 'b', 'r')");
  };
  run({service("a"), service("z")});
  EXPECT_THAT(columns(), ElementsAre("size"));
  const auto schema = query(path_, "PRAGMA schema_version");
  run({service("a"), service("z")});
  EXPECT_EQ(query(path_, "PRAGMA schema_version"), schema) << "a run without changes made the view anew";

  EntityParts changed = service("a");
  changed.properties = R"({"b":1})";
  changed.relations = R"({"r":"x"})";
  run({changed});  // "z" still has a size.
  EXPECT_THAT(columns(), ElementsAre("b,size,r"));
  EntityParts other = service("z");
  other.properties = R"({"b":1})";
  run({changed, other});
  EXPECT_THAT(columns(), ElementsAre("b,r"));

  const auto sink = opened();
  const std::vector<OwnedEntity> all = {{"service", "a", ""}, {"service", "z", ""}};
  EXPECT_EQ(*sink->remove(all), 2u);
  ASSERT_TRUE(sink->write(batch_of({[] {
    EntityParts entity = service("n");
    entity.blueprint = "\"other\"";
    return entity;
  }()})));
  ASSERT_TRUE(sink->finish(Finish::kComplete));
  EXPECT_THAT(query(path_, "SELECT name FROM sqlite_schema WHERE type = 'view'"), ElementsAre("other"));
  EXPECT_THAT(query(path_, "SELECT name FROM riptide_views"), ElementsAre("other"));
}

TEST_F(SqliteSinkTest, NamesOfOthersAreLeftAlone) {
  run({});
  query(path_, "CREATE TABLE Service(mine TEXT)");
  EntityParts reserved = service("r");
  reserved.blueprint = R"("sqlite_thing")";
  EntityParts table = service("t");
  table.blueprint = R"("Entities")";
  EntityParts upper = service("u");
  upper.blueprint = R"("SERVICE")";
  run({service("a"), reserved, table, upper});
  EXPECT_THAT(query(path_, "SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name"),
              ElementsAre("blueprint_Entities", "blueprint_SERVICE", "blueprint_service_2", "blueprint_sqlite_thing"));
  // Seen again they keep their names.
  run({service("a"), upper});
  EXPECT_THAT(query(path_, "SELECT identifier FROM blueprint_SERVICE"), ElementsAre("u"));
  EXPECT_THAT(query(path_, "SELECT identifier FROM blueprint_service_2"), ElementsAre("a"));

  // A view that the user changed is his.
  query(path_, "DROP VIEW blueprint_SERVICE; CREATE VIEW blueprint_SERVICE AS SELECT 1 AS mine");
  run({service("a"), upper});
  EXPECT_THAT(query(path_, "SELECT mine FROM blueprint_SERVICE"), ElementsAre("1"));
  EXPECT_THAT(query(path_, "SELECT identifier FROM blueprint_SERVICE_3"), ElementsAre("u"));
  // One that he dropped comes back.
  query(path_, "DROP VIEW blueprint_service_2");
  run({service("a")});
  EXPECT_THAT(query(path_, "SELECT identifier FROM blueprint_service_2"), ElementsAre("a"));
}

TEST_F(SqliteSinkTest, TooManyPropertiesLeaveTheViewShort) {
  EntityParts entity = service("a");
  entity.properties = "{";
  for (int i = 0; i < 2500; ++i) entity.properties += (i == 0 ? "\"p" : ",\"p") + std::to_string(i) + "\":1";
  entity.properties += "}";
  run({entity});
  EXPECT_THAT(query(path_, "SELECT p0, p1800 FROM service"), ElementsAre("1|1"));
}

TEST_F(SqliteSinkTest, ReadersLookOnAndCommitsComeInBetween) {
  SqliteSink::Options often = options();
  often.rows_per_commit = 3;
  const auto sink = opened(often);
  ASSERT_TRUE(sink->write(batch_of({service("a"), service("b")})));
  EXPECT_THAT(query(path_, "SELECT count(*) FROM entities"), ElementsAre("0"));
  ASSERT_TRUE(sink->write(batch_of({service("c")})));
  EXPECT_THAT(query(path_, "SELECT count(*) FROM entities"), ElementsAre("3"));
  ASSERT_TRUE(sink->write(batch_of({service("d")})));
  EXPECT_THAT(query(path_, "SELECT count(*) FROM entities"), ElementsAre("3"));
  ASSERT_TRUE(sink->finish(Finish::kPartial));
  EXPECT_THAT(query(path_, "SELECT count(*) FROM entities"), ElementsAre("4"));
}

TEST_F(SqliteSinkTest, OneFileHoldsTheCatalogueAfterwards) {
  run({service("a")});
  EXPECT_FALSE(std::filesystem::exists(path_ + "-wal"));
  EXPECT_EQ(test::contents(path_).substr(0, 15), "SQLite format 3");
}

TEST_F(SqliteSinkTest, ADatabaseThatAnotherHoldsIsNamed) {
  const auto holder = opened();
  SqliteSink second(options());
  const auto held = second.open();
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().kind, pipeline::ErrorKind::kRejected);
  EXPECT_THAT(held.error().message, AllOf(HasSubstr(path_), HasSubstr("held by another process")));
  EXPECT_TRUE(second.finish(Finish::kPartial));
  ASSERT_TRUE(holder->finish(Finish::kComplete));
  EXPECT_TRUE(second.open());
}

TEST_F(SqliteSinkTest, WhatCannotBeOpenedIsNamed) {
  const auto message = [this](const std::string& path) {
    SqliteSink::Options with = options();
    with.path = path;
    SqliteSink sink(with);
    const auto done = sink.open();
    EXPECT_FALSE(done);
    if (done) return std::string();
    EXPECT_EQ(done.error().kind, pipeline::ErrorKind::kConfig);
    EXPECT_THAT(done.error().message, HasSubstr(path));
    return done.error().message;
  };
  EXPECT_THAT(message(directory_.file("no/such.db")), HasSubstr("does its directory exist"));
  EXPECT_THAT(message(directory_.file("")), HasSubstr("cannot be opened"));
  std::ofstream(directory_.file("text")) << std::string(4096, 'x');
  EXPECT_THAT(message(directory_.file("text")), HasSubstr("is not a SQLite database"));

  run({});
  query(path_, "PRAGMA user_version = 2");
  EXPECT_THAT(message(path_), HasSubstr("later riptide"));
  const std::string other = directory_.file("other.db");
  std::ofstream(other).flush();
  query(other, "CREATE TABLE entities(id INTEGER)");
  EXPECT_THAT(message(other), HasSubstr("not riptide's"));
}

TEST_F(SqliteSinkTest, AFullDiskEndsTheSinkAndSparesTheCatalogue) {
  run({service("old")});
  SqliteSink::Options often = options();
  often.rows_per_commit = 10;
  const auto sink = opened(often);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit tight = before;
  tight.rlim_cur = 4 << 20;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  pipeline::Result<std::vector<Outcome>> written(std::vector<Outcome>{});
  for (int i = 0; i < 1000 && written; ++i) {
    written = sink->write(batch_of({service(std::to_string(i), "\"" + std::string(100'000, 'x') + "\"")}));
  }
  const auto finished = sink->finish(Finish::kPartial);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, pipeline::ErrorKind::kTransport);
  EXPECT_THAT(written.error().message, HasSubstr(path_));
  EXPECT_THAT(query(path_, "PRAGMA integrity_check"), ElementsAre("ok"));
  EXPECT_THAT(query(path_, "SELECT count(*) FROM entities WHERE identifier = 'old'"), ElementsAre("1"));
  EXPECT_THAT(run({service("old"), service("new")}), ElementsAre(kUnchanged, kCreated));
}

TEST_F(SqliteSinkTest, BeingKilledCostsWorkButNothingElse) {
  int committed = 0;
  for (int round = 0; round < 5; ++round) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      SqliteSink::Options often = options();
      often.rows_per_commit = 50;
      SqliteSink sink(often);
      sink.set_scope_names([](std::uint32_t) { return std::string("Spaces-0"); });
      if (!sink.open()) ::_exit(1);
      for (int i = 0;; ++i) {
        if (!sink.write(batch_of({service(std::to_string(round) + "-" + std::to_string(i))}))) ::_exit(1);
        if (i == 120 + round * 31 && ::write(ready[1], "x", 1) != 1) ::_exit(1);
      }
    }
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status));
    ::close(ready[0]);
    ::close(ready[1]);
    EXPECT_THAT(query(path_, "PRAGMA integrity_check"), ElementsAre("ok"));
    const int rows = std::stoi(query(path_, "SELECT count(*) FROM entities").at(0));
    EXPECT_GE(rows, committed + 100);
    EXPECT_EQ(rows % 50, 0);
    committed = rows;
  }
  EXPECT_THAT(run({service("0-0"), service("new")}), ElementsAre(kUnchanged, kCreated));
}

}  // namespace
}  // namespace riptide::sinks
