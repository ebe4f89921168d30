#include "batch/batcher.hpp"

#include <gtest/gtest.h>

#include <random>

namespace riptide::stages {
namespace {

using pipeline::CreditPool;
using pipeline::EntityBuffer;
using namespace std::chrono_literals;

const Batcher::Clock::time_point kNow{};

/// An entity of exactly `length` bytes (at least 40).
Entity make(EntityBuffer& buffer, std::string_view blueprint, int id, std::size_t length) {
  Entity entity;
  entity.begin = buffer.bytes.size();
  std::string json =
      R"({"blueprint":")" + std::string(blueprint) + R"(","identifier":)" + std::to_string(id) + R"(,"x":")";
  entity.blueprint = {13, static_cast<std::uint32_t>(blueprint.size() + 2)};
  json.append(length - json.size() - 2, 'x');
  json += "\"}";
  EXPECT_EQ(json.size(), length);
  entity.length = static_cast<std::uint32_t>(length);
  buffer.bytes += json;
  buffer.entities.push_back(entity);
  return entity;
}

TEST(Batcher, FillsToTheExactCountAndKeepsALaneForEachBlueprint) {
  CreditPool bytes("bytes", 1 << 20);
  Batcher batcher({.max_records = 3, .max_bytes = 1 << 20, .one_blueprint = true}, bytes);
  EntityBuffer page;
  std::vector<std::shared_ptr<Batch>> out;
  for (int i = 0; i < 7; ++i) batcher.add(page, make(page, i % 2 == 0 ? "a" : "b", i, 60), kNow, out);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0]->blueprint, "a");
  EXPECT_EQ(out[0]->entities.size(), 3u);
  EXPECT_EQ(out[1]->blueprint, "b");
  EXPECT_EQ(bytes.taken(), 6u * 60u);
  batcher.charge();
  EXPECT_EQ(bytes.taken(), 7u * 60u);
  batcher.flush(out);
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(out[2]->entities.size(), 1u);
  out.clear();
  EXPECT_EQ(bytes.taken(), 0u);
}

TEST(Batcher, MixesBlueprintsWhereTheSinkDoes) {
  CreditPool bytes("bytes", 1 << 20);
  Batcher batcher({.max_records = 4}, bytes);
  EntityBuffer page;
  std::vector<std::shared_ptr<Batch>> out;
  for (int i = 0; i < 4; ++i) batcher.add(page, make(page, i % 2 == 0 ? "a" : "b", i, 60), kNow, out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0]->blueprint, "");
}

TEST(Batcher, CountsTheBytesOfTheBodyExactly) {
  CreditPool bytes("bytes", 1 << 20);
  // {"entities":[ and ]} are 15 bytes; a comma between two.
  const SinkLimits limits{
      .max_records = 100, .max_bytes = 15 + 100 + 1 + 100, .envelope_bytes = 15, .separator_bytes = 1};
  EntityBuffer page;
  std::vector<std::shared_ptr<Batch>> out;
  {
    Batcher batcher(limits, bytes);
    batcher.add(page, make(page, "a", 1, 100), kNow, out);
    batcher.add(page, make(page, "a", 2, 100), kNow, out);
    EXPECT_TRUE(out.empty()) << "fits to the byte";
    batcher.add(page, make(page, "a", 3, 60), kNow, out);
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(out[0]->entities.size(), 2u);
  }
  out.clear();
  Batcher batcher(limits, bytes);
  batcher.add(page, make(page, "a", 1, 100), kNow, out);
  batcher.add(page, make(page, "a", 2, 101), kNow, out);
  ASSERT_EQ(out.size(), 1u) << "one byte too many";
  batcher.add(page, make(page, "a", 3, 5000), kNow, out);
  batcher.add(page, make(page, "a", 4, 60), kNow, out);
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(out[2]->entities.size(), 1u) << "one over the limit travels alone";
}

TEST(Batcher, LetsOldBatchesGo) {
  CreditPool bytes("bytes", 1 << 20);
  Batcher batcher({.max_records = 100, .one_blueprint = true}, bytes);
  EntityBuffer page;
  std::vector<std::shared_ptr<Batch>> out;
  batcher.add(page, make(page, "a", 1, 60), kNow, out);
  batcher.add(page, make(page, "b", 2, 60), kNow + 2s, out);
  batcher.flush_older(kNow + 1s, out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0]->blueprint, "a");
}

TEST(Batcher, LosesAndRepeatsNothing) {
  std::mt19937 random(20261124);
  CreditPool bytes("bytes", 1 << 20);
  Batcher batcher(
      {.max_records = 20, .max_bytes = 4000, .envelope_bytes = 15, .separator_bytes = 1, .one_blueprint = true}, bytes);
  std::string all[3];
  std::string batched[3];
  std::vector<std::shared_ptr<Batch>> out;
  for (int i = 0; i < 3000; ++i) {
    EntityBuffer page;
    const std::string blueprint(1, static_cast<char>('a' + random() % 3));
    const Entity entity = make(page, blueprint, i, 60 + random() % 900);
    all[blueprint[0] - 'a'] += page.json(entity);
    batcher.add(page, entity, kNow, out);
    if (random() % 50 == 0) batcher.flush(out);
  }
  batcher.flush(out);
  for (const auto& batch : out) {
    EXPECT_LE(batch->entities.size(), 20u);
    EXPECT_LE(15 + batch->bytes.size() + batch->entities.size() - 1, 4000u);
    EXPECT_EQ(batch->credit.amount(), batch->bytes.size());
    batched[batch->blueprint[0] - 'a'] += batch->bytes;
  }
  for (int lane = 0; lane < 3; ++lane) EXPECT_EQ(batched[lane], all[lane]);
}

TEST(Split, KeepsOrderAndCredit) {
  CreditPool bytes("bytes", 1 << 20);
  EntityBuffer page;
  Batch batch;
  for (int i = 0; i < 5; ++i) batch.append(page, make(page, "a", i, 60));
  batch.blueprint = "a";
  const auto [first, second] = split(batch, bytes);
  EXPECT_EQ(first->entities.size(), 2u);
  EXPECT_EQ(second->entities.size(), 3u);
  EXPECT_EQ(first->bytes + second->bytes, batch.bytes);
  EXPECT_EQ(second->blueprint, "a");
  EXPECT_EQ(bytes.taken(), 300u);
}

}  // namespace
}  // namespace riptide::stages
