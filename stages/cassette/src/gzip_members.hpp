#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "riptide/pipeline/result.hpp"

namespace riptide::stages {

using pipeline::Result;

/// Compresses one line, with its line break, as a gzip member of its own (RFC 1952): the file is a plain gzip file, and
/// readable up to its last whole member. Errors: kInternal.
[[nodiscard]] Result<std::string> gzip_member(std::string_view line);

/// Reads a file of such members, one line after the other or from where one begins.
class MemberReader {
 public:
  /// Errors: kConfig.
  static Result<MemberReader> open(const std::string& path);
  MemberReader(MemberReader&& other) noexcept;
  MemberReader& operator=(MemberReader&&) = delete;
  ~MemberReader();

  enum class Found : std::uint8_t { kLine, kEnd, kBroken };
  /// Reads the member that begins at `offset`, and moves that behind it. kBroken: there is no whole one. Errors:
  /// kTransport (the disk), kLimit (a line over 1 GiB).
  Result<Found> read(std::uint64_t& offset, std::string& line);

 private:
  explicit MemberReader(int descriptor) noexcept : descriptor_(descriptor) {}
  int descriptor_;
  std::string buffer_;  ///< Of compressed bytes.
};

}  // namespace riptide::stages
