#include "riptide/pipeline/entity.hpp"

#include <gtest/gtest.h>

namespace riptide::pipeline {
namespace {

TEST(IdentityDigest, TellsBlueprintAndIdentifierApart) {
  EXPECT_EQ(identity_digest("space", "Spaces-1"), identity_digest("space", "Spaces-1"));
  EXPECT_FALSE(identity_digest("space", "Spaces-1") == identity_digest("space", "Spaces-2"));
  EXPECT_FALSE(identity_digest("ab", "c") == identity_digest("a", "bc"));
  EXPECT_FALSE(identity_digest("", "x") == identity_digest("x", ""));
}

TEST(EntityBuffer, CopiesAnEntityWithItsParts) {
  EntityBuffer from;
  from.bytes = R"(xx{"identifier":"a","title":"T"})";
  Entity entity;
  entity.begin = 2;
  entity.length = static_cast<std::uint32_t>(from.bytes.size() - 2);
  entity.identifier = {14, 3};
  entity.title = {26, 3};
  EntityBuffer to;
  to.bytes = "0123456789";
  to.append(from, entity);
  ASSERT_EQ(to.entities.size(), 1u);
  EXPECT_EQ(to.json(to.entities[0]), R"({"identifier":"a","title":"T"})");
  EXPECT_EQ(to.part(to.entities[0], to.entities[0].identifier), R"("a")");
  EXPECT_EQ(to.part(to.entities[0], to.entities[0].title), R"("T")");
  EXPECT_FALSE(to.entities[0].team.present());
}

}  // namespace
}  // namespace riptide::pipeline
