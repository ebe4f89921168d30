#include "riptide/pipeline/cores.hpp"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

namespace riptide::pipeline {
namespace {

std::string text_of(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

int cores_by_affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return CPU_COUNT(&set);
  return static_cast<int>(std::thread::hardware_concurrency());
}

int cores_by_control_group() {
  if (const int cores = cores_of_quota(text_of("/sys/fs/cgroup/cpu.max")); cores > 0) return cores;
  return cores_of_quota(text_of("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") + " " +
                        text_of("/sys/fs/cgroup/cpu/cpu.cfs_period_us"));
}

}  // namespace

int cores_of_quota(std::string_view cpu_max) noexcept {
  const auto number = [&cpu_max] {
    cpu_max.remove_prefix(std::min(cpu_max.find_first_not_of(" \n"), cpu_max.size()));
    long long value = 0;
    const auto [end, failed] = std::from_chars(cpu_max.data(), cpu_max.data() + cpu_max.size(), value);
    cpu_max.remove_prefix(static_cast<std::size_t>(end - cpu_max.data()));
    return failed == std::errc() ? value : 0;
  };
  const long long quota = number();
  const long long period = number();
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<int>(std::clamp<long long>(quota / period, 1, 1 << 16));
}

int cores_allowed() {
  const int by_affinity = std::max(1, cores_by_affinity());
  const int by_group = cores_by_control_group();
  return by_group > 0 ? std::min(by_affinity, by_group) : by_affinity;
}

}  // namespace riptide::pipeline
