// Looking into a run: the socket, the table, the picture with what flowed.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "riptide/cli/live_socket.hpp"
#include "riptide/cli/live_view.hpp"

namespace riptide::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

LiveGraph some_flow() {
  LiveGraph live;
  live.seconds = 2;
  live.memory_taken = 1 << 20;
  live.memory_budget = 64 << 20;
  live.nodes = {{"in", 0, 2000, 0, 0, 0.5, 0, 0}, {"keep \"x\"", 2000, 500, 1500, 1, 1.5, 3, 9}};
  live.edges = {{"in", "keep \"x\"", 2000, 4'000'000}};
  live.bottleneck = "keep \"x\"";
  live.bottleneck_reason = "CPU";
  return live;
}

class LiveSocketTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("riptide_live_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    ::setenv("XDG_RUNTIME_DIR", folder_.c_str(), 1);
  }
  void TearDown() override {
    ::unsetenv("XDG_RUNTIME_DIR");
    std::filesystem::remove_all(folder_);
  }

  LookIn look_in() {
    return {.live = &some_flow,
            .tap = [](std::string_view node, std::size_t count,
                      std::function<void(const TappedItem&)> hear) -> pipeline::Result<void> {
              if (node != "keep \"x\"") return pipeline::unexpected(pipeline::ErrorKind::kNotFound, "only keep \"x\"");
              for (std::size_t i = 0; i < count; ++i)
                hear({.node = node, .output = "", .kind = "k", .json = "{\"i\":1}"});
              return {};
            }};
  }
  std::vector<std::string> ask(const std::string& run, const std::string& request, std::size_t lines,
                               std::string* error = nullptr) {
    std::vector<std::string> out;
    const auto asked = ask_run(run, request, [&](std::string_view line) {
      out.emplace_back(line);
      return out.size() < lines;
    });
    if (error != nullptr) *error = asked ? "" : asked.error().message;
    return out;
  }

  std::filesystem::path folder_;
};

TEST_F(LiveSocketTest, ShowsTheStateAndItems) {
  std::string why;
  const LiveSocket socket("run-1", look_in(), why);
  ASSERT_EQ(why, "");
  EXPECT_THAT(live_runs(), ElementsAre("run-1"));
  const auto states = ask("", "live", 1);
  ASSERT_EQ(states.size(), 1u);
  const auto state = read_live(states[0]);
  ASSERT_TRUE(state);
  EXPECT_EQ(to_json(*state), to_json(some_flow()));
  EXPECT_THAT(ask("run", "tap 2 keep \"x\"", 5), ElementsAre(R"({"node":"keep \"x\"","kind":"k","item":{"i":1}})",
                                                             R"({"node":"keep \"x\"","kind":"k","item":{"i":1}})"));
  std::string error;
  EXPECT_THAT(ask("", "tap 2 other", 5, &error), IsEmpty());
  EXPECT_EQ(error, "only keep \"x\"");
  EXPECT_THAT(ask("", "what", 5, &error), IsEmpty());
  EXPECT_THAT(error, HasSubstr("ask for `live`"));
}

TEST_F(LiveSocketTest, SaysWhichRunsThereAre) {
  std::string error;
  ask("", "live", 1, &error);
  EXPECT_THAT(error, HasSubstr("no run of this user is going on"));
  std::string why;
  const LiveSocket one("run-1", look_in(), why);
  const LiveSocket two("run-2", look_in(), why);
  ask("", "live", 1, &error);
  EXPECT_THAT(error, AllOf(HasSubstr("several runs"), HasSubstr("run-1"), HasSubstr("run-2")));
  EXPECT_EQ(ask("run-2", "live", 1).size(), 1u);
}

TEST_F(LiveSocketTest, EndsWhileSomebodyLooksIn) {
  std::string why;
  auto socket = std::make_unique<LiveSocket>("run-1", look_in(), why);
  std::atomic<int> lines{0};
  std::thread visitor([&] {
    (void)ask_run("run-1", "live", [&](std::string_view) {
      ++lines;
      return true;
    });
  });
  while (lines == 0) std::this_thread::yield();
  socket.reset();
  visitor.join();
  EXPECT_THAT(live_runs(), IsEmpty());
}

TEST_F(LiveSocketTest, AnotherUsersDirectoryIsNotUsed) {
  std::filesystem::create_directories(folder_ / "riptide");
  std::filesystem::permissions(folder_ / "riptide", std::filesystem::perms::all);
  std::string why;
  const LiveSocket socket("run-1", look_in(), why);
  EXPECT_THAT(why, HasSubstr("must be a directory of this user alone"));
}

TEST(LiveViewTest, ShowsRatesAndTheBottleneck) {
  LiveGraph before = some_flow();
  before.seconds = 1;
  before.edges[0].items = 500;
  before.nodes[1].busy_seconds = 0.5;
  const std::string table = live_table(before, some_flow(), 0, false);
  EXPECT_THAT(table, AllOf(HasSubstr("in -> keep \"x\""), HasSubstr("1,500"), HasSubstr("100%"),
                           HasSubstr("<- waits for: CPU")));
}

TEST(LiveViewTest, ThePictureSaysWhatFlowed) {
  GraphDescription graph;
  graph.title = "t";
  graph.nodes = {{"in", "reads", {}, {}}, {"keep \"x\"", "keeps", {}, {}}};
  graph.edges = {{0, 1, "records", false}};
  const GraphDescription flow = with_flow(graph, some_flow());
  EXPECT_EQ(flow.edges[0].carries, "records: 2,000, 1,000/s");
  EXPECT_THAT(flow.nodes[1].says,
              AllOf(HasSubstr("BOTTLENECK (CPU): keeps"), HasSubstr("at most 9 waiting"), HasSubstr("1,500 filtered")));
  pipeline::RunReport report;
  report.sinks = {{"null", {{"machine", 0, {.read = 3, .updated = 3}, 0, 0}}, ""}};
  report.errors = {{"", "", "", "redact", "<bad>", 2}};
  EXPECT_THAT(report_html(report, flow), AllOf(HasSubstr("<svg"), HasSubstr("<td>machine</td>"),
                                               HasSubstr("&lt;bad&gt;"), HasSubstr("BOTTLENECK")));
}

}  // namespace
}  // namespace riptide::cli
