#include "riptide/pipeline/peak_memory.hpp"

#include <fstream>
#include <string>

namespace riptide::pipeline {

std::uint64_t peak_rss_bytes() {
  constexpr char kName[] = "VmHWM:";  // in KiB, proc(5)
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::uint64_t kib = 0;
    if (word == kName && status >> kib) return kib * 1024;
  }
  return 0;
}

}  // namespace riptide::pipeline
