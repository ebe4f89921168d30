#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "riptide/pipeline/result.hpp"

namespace riptide::stages {

/// What was confirmed since the journal was last written: a small file that is mapped into memory, so that a note costs
/// a copy and no system call, and is there when the process is killed right after. Two halves: while what is in one is
/// brought into the journal, notes go into the other. One thread at a time.
class JournalTail {
 public:
  static constexpr std::size_t kHalfBytes = 512u << 10;

  /// Makes the file anew for the journal that `nonce` names. Errors: kTransport (no room, or a file system that cannot
  /// map files): then there is none, and what was confirmed last is repeated after a kill.
  [[nodiscard]] static pipeline::Result<std::unique_ptr<JournalTail>> create(const std::string& path,
                                                                             std::uint64_t nonce);
  /// Calls `visit` with each note of the file, if it is of the journal that `nonce` names. A file that is not there, or
  /// not as it should be, has no notes.
  static void read(const std::string& path, std::uint64_t nonce, const std::function<void(std::string_view)>& visit);
  static void remove(const std::string& path) noexcept;

  ~JournalTail();
  JournalTail(const JournalTail&) = delete;
  JournalTail& operator=(const JournalTail&) = delete;

  /// Notes something. False: there is no room, until `swept`.
  [[nodiscard]] bool note(std::string_view text) noexcept;

  /// From now on notes go into the other half; false when that is not empty yet.
  [[nodiscard]] bool turn() noexcept;
  /// What was noted before the last `turn` is in the journal now.
  void swept() noexcept;

 private:
  struct Header;
  explicit JournalTail(char* map) noexcept : map_(map) {}
  [[nodiscard]] Header& header(std::size_t half) noexcept;
  char* map_;
  std::size_t half_ = 0;  ///< Where notes go.
};

}  // namespace riptide::stages
