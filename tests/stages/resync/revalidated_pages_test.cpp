// A server with entity tags: what it vouches for is not sent again, and the result is the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <mutex>

#include "loopback_server.hpp"
#include "memory_sink.hpp"
#include "octopus_mapping.hpp"
#include "riptide/stages/resync.hpp"

namespace riptide::stages {
namespace {

using loopback::LoopbackServer;
using loopback::ReceivedRequest;
using loopback::Reply;

constexpr std::size_t kMachines = 1'000;
constexpr std::size_t kPage = 50;

class RevalidatedPages : public ::testing::Test {
 protected:
  RevalidatedPages() {
    std::string name = (std::filesystem::temp_directory_path() / "riptide-pages-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    for (std::size_t i = 0; i < kMachines; ++i) names_.push_back("Machine " + std::to_string(i));
  }
  ~RevalidatedPages() override { std::filesystem::remove_all(directory_); }

  /// An Octopus with one space of machines, whose pages have weak tags of their bodies.
  Reply serve(const ReceivedRequest& request) {
    const auto listing = [](const std::string& items, std::size_t count) {
      return "{\"Items\":[" + items +
             "],\"ItemsPerPage\":50,\"LastPageNumber\":" + std::to_string(count == 0 ? 0 : (count - 1) / kPage) +
             ",\"TotalResults\":" + std::to_string(count) + "}";
    };
    std::string body = listing("", 0);
    const std::lock_guard lock(mutex_);
    if (request.path == "/api/spaces") body = listing(R"({"Id":"Spaces-1","Name":"Default"})", 1);
    if (request.path == "/api/Spaces-1/machines") {
      const std::size_t skip = std::stoul(request.parameter("skip").value_or("0"));
      std::string items;
      for (std::size_t i = skip; i < std::min(names_.size(), skip + kPage); ++i) {
        items += (items.empty() ? "" : ",") + std::string(R"({"Id":"Machines-)") + std::to_string(i) +
                 R"(","SpaceId":"Spaces-1","Name":")" + names_[i] + "\"}";
      }
      body = listing(items, names_.size());
    }
    const std::string tag = "W/\"" + std::to_string(std::hash<std::string>()(lies_ ? request.target : body)) + "\"";
    if (request.header("if-none-match") == tag) {
      ++not_modified_;
      return Reply::text(304).with_header("ETag", tag);
    }
    ++sent_;
    return Reply::json(std::move(body)).with_header("ETag", tag);
  }

  pipeline::RunReport resync() {
    sent_ = not_modified_ = 0;
    catalogue_.entities.clear();
    const LoopbackServer octopus([this](const ReceivedRequest& request) { return serve(request); });
    // The same address run after run, as a real server has it: what is remembered goes by the URL.
    ResyncSetup setup;
    setup.url = octopus.url();
    setup.mapping = {};
    setup.mapping.resources.push_back(resource_of("machine", "machine"));
    setup.mapping.resources[0].entities[0].title = transform::ExpressionSpec{".Name", "title"};
    setup.options.memory_bytes = memory_;
    const auto run_once = [&] {
      setup.remembered_pages =
          std::move(RememberedPages::open({.path = (directory_ / "pages").string(), .owner = {"x", "mine"}}).value());
      return run(setup, sinks_of(std::make_unique<MemorySink>(catalogue_, SinkLimits{})));
    };
    (void)run_once();
    first_ = catalogue_.entities;
    catalogue_.entities.clear();
    if (between_) between_();
    sent_ = not_modified_ = 0;
    return run_once();
  }

  std::filesystem::path directory_;
  std::mutex mutex_;  ///< Guards what the server has.
  std::vector<std::string> names_;
  bool lies_ = false;
  int sent_ = 0;
  int not_modified_ = 0;
  std::size_t memory_ = 128u << 20;
  std::function<void()> between_;
  MemoryCatalogue catalogue_;
  decltype(MemoryCatalogue::entities) first_;
};

TEST_F(RevalidatedPages, WhatDidNotChangeIsNotSentAgain) {
  const auto report = resync();
  EXPECT_EQ(report.exit_code, 0);
  EXPECT_EQ(sent_, 0);
  EXPECT_EQ(not_modified_, 21);
  EXPECT_EQ(catalogue_.entities.size(), kMachines);
  EXPECT_EQ(catalogue_.entities, first_);
  ASSERT_EQ(report.hosts.size(), 1u);
  EXPECT_EQ(report.hosts[0].status_304, 21u);
  EXPECT_EQ(report.kinds[0].records, kMachines);
  EXPECT_EQ(report.kinds[0].bytes_in, 0u);
}

TEST_F(RevalidatedPages, WhatChangedIs) {
  between_ = [this] {
    const std::lock_guard lock(mutex_);
    names_[120] = "Changed";
  };
  const auto report = resync();
  EXPECT_EQ(report.exit_code, 0);
  EXPECT_EQ(sent_, 1);
  EXPECT_EQ(not_modified_, 20);
  first_.at({"machine", "Machines-120"}) = catalogue_.entities.at({"machine", "Machines-120"});
  EXPECT_EQ(catalogue_.entities, first_);
}

// Every page but the last is new in the first place, and the last is only vouched for under the old total.
TEST_F(RevalidatedPages, ATotalThatMovedChangesEveryPage) {
  between_ = [this] {
    const std::lock_guard lock(mutex_);
    names_.pop_back();
  };
  const auto report = resync();
  EXPECT_EQ(report.exit_code, 0);
  EXPECT_EQ(not_modified_, 1) << "the spaces";
  EXPECT_EQ(catalogue_.entities.size(), kMachines - 1);
}

// A tag that never changes is the server's word: the remembered pages state the old total among themselves, so that the
// run is whole, as it was then.
TEST_F(RevalidatedPages, ATagThatLiesIsBelieved) {
  lies_ = true;
  between_ = [this] {
    const std::lock_guard lock(mutex_);
    names_.resize(100);
  };
  const auto report = resync();
  EXPECT_EQ(report.exit_code, 0);
  EXPECT_EQ(not_modified_, 21);
  EXPECT_EQ(catalogue_.entities, first_);
}

TEST_F(RevalidatedPages, ASmallBudgetHoldsForRememberedPagesToo) {
  memory_ = 3u * 32u << 10;  // A third of it is for pages: about six.
  const auto report = resync();
  EXPECT_EQ(report.exit_code, 0);
  EXPECT_EQ(catalogue_.entities, first_);
  EXPECT_EQ(sent_ + not_modified_, 21) << "none is asked for twice";
}

}  // namespace
}  // namespace riptide::stages
