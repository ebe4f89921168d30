#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace riptide::pipeline {

/// A file without a name, for what does not fit into memory during a run: it is gone with the process. Any thread.
class SpillFile {
 public:
  /// Nothing if there can be no file in `directory`.
  [[nodiscard]] static std::optional<SpillFile> make(const std::string& directory);
  SpillFile(SpillFile&& other) noexcept;
  SpillFile& operator=(SpillFile&&) = delete;
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;
  ~SpillFile();

  /// Writes bytes to the end and returns where they are; nothing if the disk does not take them.
  [[nodiscard]] std::optional<std::uint64_t> append(const void* bytes, std::size_t length) noexcept;
  /// False if they cannot be read.
  [[nodiscard]] bool read(std::uint64_t at, void* bytes, std::size_t length) const noexcept;
  /// Gives the space back; nobody reads it any more.
  void release(std::uint64_t at, std::size_t length) noexcept;

 private:
  explicit SpillFile(int descriptor) noexcept : descriptor_(descriptor) {}
  int descriptor_ = -1;
  std::atomic<std::uint64_t> end_{0};
};

}  // namespace riptide::pipeline
