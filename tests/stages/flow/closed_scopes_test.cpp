#include "reconcile/closed_scopes.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace riptide::stages {
namespace {

// Kinds of the blocks: two blocks read issues.
const std::vector<std::string> kKinds = {"space", "machine", "release", "issue", "issue"};

struct Made {
  std::vector<std::uint32_t> resources;
  std::string partition;
  bool closed = false;
  std::vector<std::uint32_t> dependents;
};

Made scope(std::vector<std::uint32_t> resources, std::string partition, bool closed,
           std::vector<std::uint32_t> dependents = {}) {
  return {std::move(resources), std::move(partition), closed, std::move(dependents)};
}

bool covers(const std::vector<Made>& scopes, const UnreadableScopes& unreadable, const char* kind,
            const char* partition) {
  ClosedScopes closed(kKinds, unreadable);
  std::uint32_t number = 0;
  for (const Made& made : scopes) {
    closed.enter({number++, made.resources, made.dependents, made.partition, made.closed, 1, 1, {}});
  }
  return closed.covers(kind, partition);
}

struct Case {
  const char* what;
  std::vector<Made> scopes;
  UnreadableScopes unreadable;
  const char* kind;
  const char* partition;
  bool covered;
};

TEST(ClosedScopes, SayWhatHasDisappeared) {
  const Made spaces = scope({0}, "*", true, {1, 2});
  const Made broken_spaces = scope({0}, "*", false, {1, 2});
  const Made here = scope({1}, "Spaces-1", true);
  const Made dead = scope({1}, "Spaces-2", false);
  const Made releases = scope({2}, "Spaces-2", true);
  const Case cases[] = {
      {"a closed scope", {spaces, here, dead}, {}, "machine", "Spaces-1", true},
      {"an open one", {spaces, here, dead}, {}, "machine", "Spaces-2", false},
      {"the same partition of another kind", {spaces, dead, releases}, {}, "release", "Spaces-2", true},
      {"the listing's own records", {spaces, dead}, {}, "space", "*", true},
      {"of a listing that is open", {broken_spaces, here}, {}, "space", "*", false},
      {"a space that is no more, though another is dead", {spaces, here, dead}, {}, "machine", "Spaces-9", true},
      {"a space that an open listing did not name", {broken_spaces, here}, {}, "machine", "Spaces-9", false},
      {"a scope that is closed, under an open listing", {broken_spaces, here}, {}, "machine", "Spaces-1", true},
      {"a kind none of whose spaces is left", {spaces}, {}, "release", "Spaces-1", true},
      {"a kind that was not read", {spaces, here}, {}, "project", "Spaces-1", false},
      {"nothing was read", {}, {}, "machine", "Spaces-1", false},
      {"an unreadable identity in it", {spaces, here}, {{1, 1}}, "machine", "Spaces-1", false},
      {"an unreadable identity elsewhere", {spaces, here, dead}, {{1, 2}}, "machine", "Spaces-1", true},
      {"an unreadable identity of another block in it", {spaces, here}, {{2, 1}}, "machine", "Spaces-1", true},
      {"an unreadable space", {spaces, here}, {{0, 0}}, "machine", "Spaces-1", true},
      {"two blocks of a kind, both closed", {scope({3}, "*", true), scope({4}, "*", true)}, {}, "issue", "*", true},
      {"two blocks of a kind, one open", {scope({3}, "*", true), scope({4}, "*", false)}, {}, "issue", "*", false},
      {"no listing, all is closed", {scope({3}, "A", true), scope({4}, "B", true)}, {}, "issue", "C", true},
      {"no listing, and one scope is open", {scope({3}, "A", true), scope({4}, "B", false)}, {}, "issue", "C", false},
      {"no listing, and one scope is unreadable", {scope({3}, "A", true)}, {{3, 0}}, "issue", "C", false},
      {"one scope for several blocks", {scope({3, 4}, "*", true)}, {{4, 0}}, "issue", "*", false},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(covers(c.scopes, c.unreadable, c.kind, c.partition), c.covered) << c.what;
  }
}

}  // namespace
}  // namespace riptide::stages
