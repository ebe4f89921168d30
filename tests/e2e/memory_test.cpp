// Peak memory: what ten times as many records may add.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "workspace.hpp"

namespace riptide::e2e {
namespace {

constexpr std::uint64_t kMiB = 1u << 20;

class MemoryTest : public Workspace {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer has memory of its own";
#endif
  }

  // Enough to have every page in flight and every queue at its bound.
  static std::size_t few() { return soak() ? 20'000 : 10'000; }
  static std::size_t many() { return soak() ? 200'000 : 40'000; }

  std::uint64_t peak_of(std::size_t records, const std::vector<std::string>& arguments) {
    const auto server = serve({.spaces = 20, .total_records = records, .record_bytes = 2048});
    point_at(server->url());
    environment_["OCEAN__INTEGRATION__CONFIG__PAGE_SIZE"] = "100";
    EXPECT_THAT(sync(arguments), ExitsWith(0));
    EXPECT_EQ(report().total("read"), records + 20);
    return report().peak_rss_bytes();
  }

  // Spaces with one machine each, so that every scope is one page.
  std::uint64_t peak_of_scopes(std::size_t spaces, const std::vector<std::string>& arguments) {
    simulator::OctopusOptions options{.spaces = spaces, .total_records = 0, .record_bytes = 2048};
    options.kinds = {{.name = "machine", .records_per_space = std::vector<std::size_t>(spaces, 1)}};
    const auto server = serve(std::move(options));
    point_at(server->url());
    environment_["OCEAN__INTEGRATION__CONFIG__PAGE_SIZE"] = "100";
    EXPECT_THAT(sync(arguments), ExitsWith(0));
    EXPECT_EQ(report().total("read"), spaces);
    return report().peak_rss_bytes();
  }

  void expect_flat(const std::vector<std::string>& arguments) {
    const std::uint64_t small = peak_of(few(), arguments);
    const std::uint64_t large = peak_of(many(), arguments);
    RecordProperty("small", std::to_string(small));
    RecordProperty("large", std::to_string(large));
    // Beside the seen set: what each of the two heaps keeps of its busiest moment.
    EXPECT_LE(large, small + 64 * (many() - few()) + 12 * kMiB)
        << readable(small) << " for " << few() << " records, " << readable(large) << " for " << many();
    EXPECT_LE(large, 160 * kMiB);
  }

  static std::string readable(std::uint64_t bytes) { return std::to_string(bytes / 1024) + " KiB"; }
};

TEST_F(MemoryTest, GrowsByASeenSetAndNoMoreIntoNull) { expect_flat({"--sink", "null"}); }

TEST_F(MemoryTest, GrowsByASeenSetAndNoMoreIntoSqlite) {
  // The writer is slower than the source, so that entities fill their half of the budget: a small one is full in both
  // runs, each into a file of its own. SQLite's page cache, 16 MiB at most, fills up on the way.
  const std::uint64_t small = peak_of(few(), {"--sink", "sqlite:small.db", "--memory", "8MiB"});
  const std::uint64_t large = peak_of(many(), {"--sink", "sqlite:large.db", "--memory", "8MiB"});
  EXPECT_LE(large, small + 64 * (many() - few()) + 8 * kMiB + 16 * kMiB) << readable(small) << ", " << readable(large);
  EXPECT_LE(peak_of(many(), {"--sink", "sqlite:default.db"}), 160 * kMiB);
}

TEST_F(MemoryTest, AScopeThatClosedCostsNextToNothing) {
  for (const char* const sink : {"null", "sqlite:scopes.db"}) {
    const std::vector<std::string> arguments = {"--sink", sink, "--memory", "8MiB", "--kind", "machine"};
    const std::uint64_t small = peak_of_scopes(1'000, arguments);
    std::filesystem::remove(path("scopes.db"));
    const std::uint64_t large = peak_of_scopes(10'000, arguments);
    RecordProperty(std::string(sink).substr(0, 4) + "_small", std::to_string(small));
    RecordProperty(std::string(sink).substr(0, 4) + "_large", std::to_string(large));
    // Into SQLite the journal remembers what of each scope is settled, and SQLite's page cache fills up.
    const std::uint64_t each = sink[0] == 'n' ? 512 : 1'024;
    EXPECT_LE(large, small + 9'000 * each + (sink[0] == 'n' ? 4 : 20) * kMiB)
        << sink << ": " << readable(small) << ", " << readable(large);
  }
}

TEST_F(MemoryTest, ASmallBudgetHolds) {
  const std::uint64_t base = peak_of(200, {"--sink", "null", "--memory", "8MiB"});
  const std::uint64_t large = peak_of(many(), {"--sink", "null", "--memory", "8MiB"});
  EXPECT_LE(large, base + 8 * kMiB + 8 * kMiB + 64 * many()) << readable(base) << ", " << readable(large);
}

TEST_F(MemoryTest, ASinkThatIsSlowHoldsUpTheReading) {
  // A pipe whose reader takes a bit now and then: far slower than the source.
  const std::string pipe = path("pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const auto drained = [&](std::size_t records) {
    std::uint64_t lines = 0;
    std::thread reader([&] {
      const int file = ::open(pipe.c_str(), O_RDONLY | O_CLOEXEC);
      std::vector<char> buffer(64 << 10);
      for (ssize_t got = 0; (got = ::read(file, buffer.data(), buffer.size())) > 0;) {
        lines += static_cast<std::uint64_t>(std::count(buffer.data(), buffer.data() + got, '\n'));
        std::this_thread::sleep_for(std::chrono::milliseconds(4));  // What makes it slow: 16 MB a second at most.
      }
      ::close(file);
    });
    const std::uint64_t peak = peak_of(records, {"--sink", "ndjson:pipe", "--memory", "8MiB"});
    reader.join();
    EXPECT_EQ(lines, records + 20);
    return peak;
  };
  const std::uint64_t small = drained(few());
  const std::uint64_t large = drained(many());
  EXPECT_LE(large, small + 64 * (many() - few()) + 8 * kMiB) << readable(small) << ", " << readable(large);
}

}  // namespace
}  // namespace riptide::e2e
