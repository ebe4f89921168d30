// What a run costs at Port when nothing, or little, has changed: 100,000 entities in the long form.
#include <chrono>

#include "fake_port.hpp"
#include "seed.hpp"
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

class EconomyTest : public Workspace {
 protected:
  static std::size_t entities() { return soak() ? 100'000 : 10'000; }

  void SetUp() override {
    server_ = serve({.spaces = 10,
                     .total_records = 0,
                     .kinds = only("machine", std::vector<std::size_t>(10, entities() / 10)),
                     .record_bytes = 600});
    point_at(server_->url());
    environment_["OCEAN__INTEGRATION__CONFIG__PAGE_SIZE"] = "200";
    // Attempts are no matter here: a quota is.
    environment_["OCEAN__RIPTIDE__RETRY_ATTEMPTS"] = "20";
    port_ = std::make_unique<FakePort>(
        FakePort::Options{.owned_page = 5000, .quota = {.limit = 500, .period = std::chrono::seconds(1)}});
    for (const auto& [name, value] : port_->environment()) environment_[name] = value;
  }
  // Seconds that a run takes.
  double timed_sync() {
    upserts_ = port_->count("upsert");
    others_ = others();
    EXPECT_THAT(sync({}), ExitsWith(0));
    return report().json()["seconds"].number();
  }
  [[nodiscard]] std::size_t others() const {
    std::size_t sum = 0;
    for (const char* const route : {"owned", "delete", "blueprint", "blueprint_create", "blueprint_patch"}) {
      sum += port_->count(route);
    }
    return sum;
  }
  // Upserts from the first to the last, beside what the quota allows in that time.
  [[nodiscard]] double share_of_quota() const {
    std::vector<std::chrono::steady_clock::time_point> times;
    for (const auto& request : port_->server().requests()) {
      if (request.path.ends_with("/entities/bulk")) times.push_back(request.received);
    }
    if (times.size() < 2) return 0;
    const auto span = std::chrono::duration<double>(times.back() - times.front()).count();
    return static_cast<double>(times.size() - 1) / 500 / span;
  }
  [[nodiscard]] std::size_t refused_by_quota() const {
    std::size_t sum = 0;
    for (const Json& host : report().json()["hosts"].items()) sum += host["status_429"].count();
    return sum;
  }
  [[nodiscard]] std::size_t upserts() const { return port_->count("upsert") - upserts_; }
  [[nodiscard]] std::size_t entity_and_blueprint_requests() const { return upserts() + others() - others_; }

  std::unique_ptr<simulator::OctopusServer> server_;
  std::unique_ptr<FakePort> port_;
  std::size_t upserts_ = 0;
  std::size_t others_ = 0;
};

TEST_F(EconomyTest, ASecondRunCostsTheListingAndAFewChangesAFewUpserts) {
  const double first = timed_sync();
  const std::size_t spaces = 10;
  // Full to the count, across pages and spaces: only the last batch of a blueprint may be less.
  EXPECT_EQ(report().total("requests"), entities() / 20 + 1);
  EXPECT_EQ(report().total("created"), entities() + spaces);
  EXPECT_EQ(refused_by_quota(), 0u) << "Port tells its quota: nothing may be sent over it";
  std::printf("first run: %.3f of the quota used while there was something to send\n", share_of_quota());

  const double second = timed_sync();
  EXPECT_EQ(upserts(), 0u);
  EXPECT_LE(entity_and_blueprint_requests(), 25u);
  EXPECT_EQ(report().total("unchanged"), entities() + spaces);
  std::printf("%zu entities: first run %.2f s, second run %.2f s, %.1f times faster, %zu requests\n", entities(), first,
              second, first / second, entity_and_blueprint_requests());
  double diff = 0;
  double all = 0;
  for (const Json& stage : report().json()["stages"].items()) {
    all += stage["busy_seconds"].number();
    if (stage["name"].text() == "diff") diff = stage["busy_seconds"].number();
  }
  std::printf("diff: %.3f of %.3f busy seconds, %.0f %%\n", diff, all, 100 * diff / all);
  if (soak()) {
    EXPECT_GE(first / second, 3.0);
  }

  std::size_t changed = 0;
  for (const std::string& space : server_->spaces()) {
    const std::vector<std::string> ids = server_->ids(space, "machine");
    for (std::size_t i = 0; i < ids.size(); i += 100, ++changed) ASSERT_TRUE(server_->update(space, "machine", ids[i]));
  }
  (void)timed_sync();
  EXPECT_EQ(report().total("updated"), changed);
  EXPECT_LE(upserts(), changed / 20 + 10);
  EXPECT_LE(upserts(), 60u);
  std::printf("%zu changed: %zu upsert requests\n", changed, upserts());
}

}  // namespace
}  // namespace riptide::e2e
