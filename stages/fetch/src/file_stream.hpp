#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "riptide/pipeline/result.hpp"

namespace riptide::stages {

/// Wakes those who wait for a pipe. Any thread.
class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  void raise() noexcept;
  [[nodiscard]] bool raised() const noexcept { return raised_.load(std::memory_order_acquire); }
  /// Becomes readable.
  [[nodiscard]] int file() const noexcept { return file_; }

 private:
  std::atomic<bool> raised_{false};
  int file_ = -1;
};

/// An open file and its bytes in order, unpacked if it is gzip. One thread at a time. Errors once are errors always.
class FileStream {
 public:
  /// @param path  "-" is `standard_input`. @param interruption  Borrowed; ends waiting for a pipe (kStopped).
  static pipeline::Result<std::unique_ptr<FileStream>> open(const std::string& path, int standard_input,
                                                            const Interruption& interruption);
  ~FileStream();
  FileStream(const FileStream&) = delete;
  FileStream& operator=(const FileStream&) = delete;

  /// Reads the next bytes, fewer than asked for if no more are there; 0 at the end.
  pipeline::Result<std::size_t> read(char* to, std::size_t bytes);
  /// Moves to a place in the unpacked bytes. Packed ones are unpacked up to there. Errors: also kRejected (a stream,
  /// a file that is too short).
  pipeline::Result<void> go_to(std::uint64_t at);
  /// Where it is.
  [[nodiscard]] std::uint64_t at() const noexcept { return at_; }

  /// Whether bytes can be had from anywhere: a plain file.
  [[nodiscard]] bool anywhere() const noexcept { return regular_ && inflate_ == nullptr; }
  /// Whether it can be read from its beginning again.
  [[nodiscard]] bool again() const noexcept { return regular_; }
  /// Reads from anywhere; does not move.
  pipeline::Result<std::size_t> read_at(char* to, std::size_t bytes, std::uint64_t at);

  struct Facts {
    std::uint64_t size = 0;
    std::string edition;  ///< Empty for a stream.
  };
  [[nodiscard]] pipeline::Result<Facts> facts() const;

 private:
  struct Inflate;
  FileStream(int file, bool owned, bool regular, const Interruption& interruption);
  pipeline::Result<void> look_whether_packed();
  pipeline::Result<std::size_t> read_file(char* to, std::size_t bytes);
  pipeline::Result<std::size_t> unpack(char* to, std::size_t bytes);
  pipeline::Result<void> refill();
  pipeline::Unexpected fail(pipeline::Error error);

  const int file_;
  const bool owned_;
  const bool regular_;
  const Interruption& interruption_;
  std::uint64_t at_ = 0;
  std::uint64_t file_at_ = 0;  ///< In the file itself, with `regular_`.
  std::string input_;          ///< Read and not given yet: packed bytes, and the first ones of a stream.
  std::size_t input_at_ = 0;
  std::unique_ptr<Inflate> inflate_;  ///< Null: the file is not packed.
  std::optional<pipeline::Error> failed_;
};

}  // namespace riptide::stages
