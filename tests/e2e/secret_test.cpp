// A secret shows nowhere: not in what is written, nor in the list of processes; whatever goes wrong.
#include <fstream>
#include <iterator>

#include "fake_port.hpp"
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using loopback::Reply;

// What a careless program would mangle, quote or cut: quotes, a dollar, a percent, markup, a hash, a space.
constexpr char kKey[] = "API-it's \"$HOME\" %41%2F <k&y>#1;\\z";
constexpr char kSecret[] = "s3cr3t/+=?'\"`$(id)` %zz\\u0041 end";
// Parts that survive any quoting.
const std::vector<std::string> kParts = {"%41%2F", "<k&y>", "$HOME\"", "s3cr3t/+=", "$(id)", "%zz", "it's"};

class SecretTest : public Workspace {
 protected:
  void expect_nothing_shown(const Ended& ended, const std::string& what) const {
    const std::string all = ended.out + ended.err + read("report.json");
    for (const std::string& part : kParts) EXPECT_EQ(all.find(part), std::string::npos) << what << " shows " << part;
    EXPECT_EQ(all.find(kKey), std::string::npos) << what;
    EXPECT_EQ(all.find(kSecret), std::string::npos) << what;
  }

  [[nodiscard]] Ended debug_sync() const { return sync({"--log-level", "DEBUG"}); }
};

std::string command_line_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_F(SecretTest, ThatIsRight) {
  const auto server = serve({.spaces = 2, .total_records = 100, .api_key = kKey});
  FakePort port({.client_secret = kSecret});
  point_at(server->url(), kKey);
  for (const auto& [name, value] : port.environment()) environment_[name] = value;
  const Ended ended = debug_sync();
  ASSERT_THAT(ended, ExitsWith(0)) << "odd values arrive as they are";
  EXPECT_EQ(keys_of(port.catalogue()), listed(*server));
  expect_nothing_shown(ended, "a run that went well");
}

TEST_F(SecretTest, ThatIsRefused) {
  const auto server = serve({.spaces = 2, .total_records = 100, .api_key = "another"});
  point_at(server->url(), kKey);
  const Ended refused = debug_sync();
  ASSERT_THAT(refused, ExitsWith(3));
  expect_nothing_shown(refused, "a key that is refused");

  FakePort port({.client_secret = "another"});
  for (const auto& [name, value] : port.environment()) environment_[name] = value;
  environment_["OCEAN__PORT__CLIENT_SECRET"] = kSecret;
  const Ended port_refuses = debug_sync();
  ASSERT_THAT(port_refuses, ExitsWith(4));
  expect_nothing_shown(port_refuses, "a secret that is refused");
}

TEST_F(SecretTest, ThatAServerSendsBack) {
  const loopback::LoopbackServer echo([](const loopback::ReceivedRequest& request) {
    const std::string key = request.header("X-Octopus-ApiKey").value_or("") + request.body;
    return Reply::text(403, "<p>The key " + key + " may not do this</p>").with_header("X-Echo", "the key " + key);
  });
  point_at(echo.url(), kKey);
  const Ended ended = debug_sync();
  ASSERT_THAT(ended, ExitsWith(3));
  expect_nothing_shown(ended, "a server that echoes the key");
}

TEST_F(SecretTest, InAServersAddress) {
  const auto server = serve({.spaces = 1, .total_records = 20, .api_key = kKey});
  const std::string address = server->url().substr(7);
  point_at("http://someone:hidden%21pass@" + address, kKey);
  const Ended ended = debug_sync();
  EXPECT_EQ((ended.err + read("report.json")).find("hidden%21pass"), std::string::npos) << ended.err;
  expect_nothing_shown(ended, "an address with a password");
}

TEST_F(SecretTest, InAConfigurationThatIsWrong) {
  point_at("http://127.0.0.1:1", std::string(kKey) + "\n");
  const Ended ended = sync({});
  ASSERT_THAT(ended, ExitsWith(2));
  expect_nothing_shown(ended, "a key with a line break");
  EXPECT_THAT(ended.err, ::testing::HasSubstr("OCTOPUS_API_KEY"));
  write("config.yaml", "integration:\n  config:\n    octopusApiKey: {a: '" + std::string("%41%2F") + "'}\n");
  environment_.erase("OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY");
  expect_nothing_shown(sync({}), "a key of the wrong type");
}

TEST_F(SecretTest, InTheListOfProcesses) {
  const auto server =
      serve({.spaces = 1, .total_records = 100, .latency = std::chrono::milliseconds(50), .api_key = kKey});
  FakePort port({.client_secret = kSecret});
  point_at(server->url(), kKey);
  for (const auto& [name, value] : port.environment()) environment_[name] = value;
  Process process(sync_command({}));
  ASSERT_TRUE(eventually([&] { return server->stats().requests > 0; }));
  const std::string shown = command_line_of(process.pid());
  EXPECT_NE(shown.find("sync"), std::string::npos) << "it is still running";
  for (const std::string& part : kParts) EXPECT_EQ(shown.find(part), std::string::npos);
  const Ended ended = process.wait();
  EXPECT_THAT(ended, ExitsWith(0));
  expect_nothing_shown(ended, "the run");
}

}  // namespace
}  // namespace riptide::e2e
