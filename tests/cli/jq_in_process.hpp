#pragma once

#include <string>
#include <vector>

namespace riptide::cli {

/// What `riptide jq` gave.
struct JqRun {
  int code = -1;
  std::string out;
  std::string err;
};

/// Runs the verb in this process, on descriptors of its own.
JqRun jq_run(const std::vector<std::string>& arguments, const std::string& input = "");

/// A descriptor of a file in memory that holds `text`, read from its beginning; closed with the object.
class MemoryFile {
 public:
  explicit MemoryFile(const std::string& text = "");
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  /// All that the file holds now.
  [[nodiscard]] std::string text() const;
  /// A name to open it by.
  [[nodiscard]] std::string name() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

}  // namespace riptide::cli
