#include "diff/diff.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>

#include "riptide/state/state_file.hpp"

namespace riptide::stages {
namespace {

using state::DigestStore;

// A target in memory that answers when it is told to.
class FakeTarget final : public Catalogue {
 public:
  std::vector<OwnedEntity> holds;
  std::optional<Error> error;
  std::promise<void> go;
  bool waits = false;
  int listings = 0;

  pipeline::Result<void> owned(const std::function<void(const OwnedEntity&)>& visit) override {
    ++listings;
    if (waits) go.get_future().wait();
    if (error) return pipeline::unexpected(*error);
    for (const OwnedEntity& entity : holds) visit(entity);
    return {};
  }
  pipeline::Result<std::size_t> remove(std::span<const OwnedEntity> entities) override { return entities.size(); }
};

class DiffTest : public ::testing::Test {
 protected:
  DiffTest() {
    std::string name = (std::filesystem::temp_directory_path() / "riptide-diff-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  ~DiffTest() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<Diff> open(SinkContext context = {}) {
    auto file = state::StateFile::open((directory_ / "state.db").string(), {"port:x", "mine"});
    EXPECT_TRUE(file) << file.error().message;
    auto store = DigestStore::open(*file);
    EXPECT_TRUE(store) << store.error().message;
    return std::make_unique<Diff>(
        std::move(*store), context,
        [](const Entity& entity) {
          return std::pair(std::string("machine"), "Spaces-" + std::to_string(entity.scope));
        },
        [](const Entity&, const pipeline::Digest&) {});
  }

  static EntityBuffer page(int first, int last, const std::string& text = "a") {
    EntityBuffer buffer;
    for (int i = first; i < last; ++i) {
      Entity entity;
      entity.begin = buffer.bytes.size();
      const std::string json = R"({"identifier":"e)" + std::to_string(i) + R"(","title":")" + text + "\"}";
      entity.length = static_cast<std::uint32_t>(json.size());
      entity.identifier = {14, static_cast<std::uint32_t>(std::to_string(i).size() + 3)};
      entity.identity = pipeline::identity_digest("bp", "e" + std::to_string(i));
      entity.scope = static_cast<std::uint32_t>(i % 2);
      buffer.bytes += json;
      buffer.entities.push_back(entity);
    }
    return buffer;
  }
  static std::vector<OwnedEntity> owned(int first, int last) {
    std::vector<OwnedEntity> entities;
    for (int i = first; i < last; ++i) entities.push_back({"bp", "e" + std::to_string(i), ""});
    return entities;
  }
  // A run that sends and confirms everything.
  void send(const EntityBuffer& buffer, SinkContext context = {}) {
    const auto diff = open(std::move(context));
    FakeTarget target;
    diff->begin(target, 1 << 20);
    EXPECT_EQ(target.listings, 0) << "nothing is known: the listing can wait";
    EXPECT_EQ(diff->filter(buffer).value().changed.size(), buffer.entities.size());
    diff->settled(buffer, std::vector<Outcome>(buffer.entities.size()));
    EXPECT_TRUE(diff->finish(DigestStore::Ending::kWholeRun));
  }
  static Diff::Split split_when_ready(Diff& diff, const EntityBuffer& buffer) {
    std::promise<Diff::Split> split;
    diff.when_ready([&] { split.set_value(diff.filter(buffer).value()); });
    return split.get_future().get();
  }

  std::filesystem::path directory_;
};

TEST_F(DiffTest, PagesWaitForTheListing) {
  send(page(0, 10));
  const auto diff = open();
  FakeTarget target;
  target.holds = owned(0, 10);
  target.waits = true;
  diff->begin(target, 1 << 20);
  std::promise<void> told;
  std::atomic<bool> ready{false};
  diff->when_ready([&] {
    ready = true;
    told.set_value();
  });
  EXPECT_FALSE(ready);
  target.go.set_value();
  told.get_future().wait();
  const auto split = split_when_ready(*diff, page(0, 10));
  EXPECT_EQ(split.unchanged.size(), 10u);
  EXPECT_FALSE(split.wait);
}

TEST_F(DiffTest, AnotherWayToUpsertIsAChange) {
  send(page(0, 10));
  for (const bool merge : {false, true}) {
    SinkContext context;
    (merge ? context.merge : context.create_missing_related) = false;
    const auto diff = open(context);
    FakeTarget target;
    target.holds = owned(0, 10);
    diff->begin(target, 1 << 20);
    const auto split = split_when_ready(*diff, page(0, 10));
    EXPECT_EQ(split.changed.size(), 10u);
    EXPECT_EQ(split.wait, !merge) << "what was known is taken back before the first of them is sent";
    ASSERT_TRUE(diff->finish(DigestStore::Ending::kPartial));
  }
}

TEST_F(DiffTest, WhatWasRefusedOrNotHeardOfIsSentAgain) {
  {
    const auto diff = open();
    const EntityBuffer buffer = page(0, 4);
    ASSERT_TRUE(diff->filter(buffer));
    std::vector<Outcome> outcomes(4);
    outcomes[1].kind = Outcome::Kind::kRejected;
    outcomes[2].kind = Outcome::Kind::kAbandoned;
    outcomes[3].kind = Outcome::Kind::kCreated;
    diff->settled(buffer, outcomes);
    const EntityBuffer unheard = page(4, 6);
    ASSERT_TRUE(diff->filter(unheard));
    diff->settled(unheard, {});
    ASSERT_TRUE(diff->finish(DigestStore::Ending::kPartial));
  }
  const auto diff = open();
  FakeTarget target;
  target.holds = owned(0, 6);
  diff->begin(target, 1 << 20);
  const auto split = split_when_ready(*diff, page(0, 6));
  ASSERT_EQ(split.unchanged.size(), 2u);
  EXPECT_EQ(split.unchanged[0].identity, pipeline::identity_digest("bp", "e0"));
  EXPECT_EQ(split.unchanged[1].identity, pipeline::identity_digest("bp", "e3"));
}

TEST_F(DiffTest, ReconcilingSeesTheFirstListingAndWhereEntitiesCameFrom) {
  send(page(0, 10));
  for (const std::size_t name_bytes : {std::size_t{1} << 20, std::size_t{20}}) {
    const auto diff = open();
    FakeTarget target;
    target.holds = owned(0, 11);
    diff->begin(target, name_bytes);
    (void)split_when_ready(*diff, page(0, 9));
    RememberingCatalogue catalogue(target, *diff, 5);
    std::vector<OwnedEntity> visited;
    ASSERT_TRUE(catalogue.owned([&](const OwnedEntity& entity) { visited.push_back(entity); }));
    ASSERT_EQ(visited.size(), 11u);
    EXPECT_EQ(visited[3].identifier, "e3");
    EXPECT_EQ(visited[3].kind, "machine");
    EXPECT_EQ(visited[3].partition, "Spaces-1");
    EXPECT_EQ(visited[10].kind, "") << "nothing is remembered of it";
    EXPECT_FALSE(visited[10].partition);
    const bool has_names = name_bytes > 20;
    EXPECT_EQ(target.listings, has_names ? 1 : 2) << "more names than fit are asked for once more";
    EXPECT_EQ(catalogue.unlisted(), has_names ? 5u : 0u);
    ASSERT_TRUE(diff->finish(DigestStore::Ending::kPartial));
  }
}

TEST_F(DiffTest, AListingThatFailedIsTheReasonWhyNothingIsDeleted) {
  send(page(0, 10));
  const auto diff = open();
  FakeTarget target;
  target.error = Error(ErrorKind::kTransport, "no list today");
  diff->begin(target, 1 << 20);
  EXPECT_EQ(split_when_ready(*diff, page(0, 10)).changed.size(), 10u);
  RememberingCatalogue catalogue(target, *diff, 0);
  auto listed = catalogue.owned([](const OwnedEntity&) { FAIL(); });
  ASSERT_FALSE(listed);
  EXPECT_THAT(listed.error().message, testing::HasSubstr("no list today"));
  EXPECT_EQ(target.listings, 1);
}

}  // namespace
}  // namespace riptide::stages
