// Pages with bytes that are no UTF-8: the record is mapped with U+FFFD in their place, as jq reads it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "loopback_server.hpp"
#include "memory_sink.hpp"
#include "octopus_mapping.hpp"
#include "riptide/stages/resync.hpp"

namespace riptide::stages {
namespace {

using loopback::Reply;
using ::testing::HasSubstr;

/// An Octopus with one space and one page of machines.
Reply octopus_of(const loopback::ReceivedRequest& request, const std::string& machines) {
  const auto listing = [](const std::string& items, int count) {
    return Reply::json("{\"Items\":[" + items +
                       "],\"ItemsPerPage\":50,\"LastPageNumber\":0,\"TotalResults\":" + std::to_string(count) + "}");
  };
  if (request.path == "/api/spaces") return listing(R"({"Id":"Spaces-1","Name":"Default"})", 1);
  if (request.path == "/api/Spaces-1/machines") return listing(machines, 3);
  return listing("", 0);
}

class InvalidUtf8 : public ::testing::Test {
 protected:
  pipeline::RunReport resync(const std::string& machines) {
    const loopback::LoopbackServer octopus([&](const loopback::ReceivedRequest& request) {
      if (request.path == "/api/Spaces-1/machines") ++machine_pages_;
      return octopus_of(request, machines);
    });
    ResyncSetup setup;
    setup.url = octopus.url();
    setup.mapping = {};
    setup.mapping.resources.push_back(resource_of("machine", "machine"));
    setup.mapping.resources[0].entities[0].title = transform::ExpressionSpec{".Name", "title"};
    setup.options.log = [&](LogLevel level, std::string_view text) {
      if (level == LogLevel::kWarning) warnings_ += std::string(text) + "\n";
    };
    return run(setup, sinks_of(std::make_unique<MemorySink>(catalogue_, SinkLimits{})));
  }

  const std::string& machine(const std::string& id) { return catalogue_.entities[{"machine", id}]; }

  MemoryCatalogue catalogue_;
  std::atomic<int> machine_pages_{0};
  std::string warnings_;
};

TEST_F(InvalidUtf8, IsRepairedAndThePageAskedForOnce) {
  const auto report = resync(
      "{\"Id\":\"Machines-1\",\"SpaceId\":\"Spaces-1\",\"Name\":\"caf\xE9!\"},"
      "{\"Id\":\"Machines-2\",\"SpaceId\":\"Spaces-1\",\"Name\":\"\xE2\x82\xAC\xE2\x82\"},"
      "{\"Id\":\"Machines-3\",\"SpaceId\":\"Spaces-1\",\"Name\":\"\xED\xA0\x80 \xC3\xA9\"}");
  EXPECT_EQ(report.exit_code, 0) << (report.errors.empty() ? "" : report.errors[0].message);
  EXPECT_EQ(machine_pages_, 1);
  EXPECT_EQ(total(report).created, 3u);
  EXPECT_THAT(machine("Machines-1"), HasSubstr("\"title\":\"caf\xEF\xBF\xBD!\""));
  EXPECT_THAT(machine("Machines-2"), HasSubstr("\"title\":\"\xE2\x82\xAC\xEF\xBF\xBD\""));
  EXPECT_THAT(machine("Machines-3"), HasSubstr("\"title\":\"\xEF\xBF\xBD \xC3\xA9\""));
  EXPECT_THAT(warnings_, HasSubstr("/api/Spaces-1/machines"));
  EXPECT_THAT(warnings_, HasSubstr("UTF-8"));
}

TEST_F(InvalidUtf8, OutsideOfStringsStaysMalformed) {
  const auto report = resync("{\"Id\":\"Machines-1\",\"SpaceId\":\"Spaces-1\",\"Name\":\xFF}");
  EXPECT_EQ(report.exit_code, 3);
  EXPECT_GT(machine_pages_, 1) << "asked for again, as any page that is not JSON";
  EXPECT_EQ(catalogue_.entities.size(), 0u);
}

}  // namespace
}  // namespace riptide::stages
