#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "riptide/pipeline/result.hpp"
#include "riptide/stages/cassette_header.hpp"
#include "riptide/stages/wire.hpp"

namespace riptide::stages {

/// Answers a client from a cassette: no socket, no waiting.
///
/// An attempt is matched by method, URL and body, then by its number; of those that are alike the earliest that was not
/// played yet comes, and when all are used up the last again. One that the cassette does not know is a
/// permanent kConfig error that names it and the nearest that is there.
class CassettePlayer final : public Wire {
 public:
  struct Options {
    std::string path;
    std::vector<std::string> secrets;  ///< Of this run's configuration, cut out of requests before they are matched.
  };

  /// Reads the cassette once, keeps where each entry lies, and reads bodies when they are asked for.
  /// Errors: kConfig (not there), kMalformed (no cassette), kLimit (an entry over 1 GiB).
  static Result<std::unique_ptr<CassettePlayer>> open(Options options);
  ~CassettePlayer() override;

  [[nodiscard]] const CassetteHeader& header() const noexcept;
  [[nodiscard]] std::uint64_t num_attempts() const noexcept;
  /// Whether its last line is there. If not, the recording was broken off, or the file was: what is whole is played.
  [[nodiscard]] bool complete() const noexcept;

  [[nodiscard]] std::optional<AttemptEnding> answer(const Attempt& attempt) override;
  void ended(const Attempt&, const AttemptEnding&) override {}
  [[nodiscard]] bool offline() const noexcept override { return true; }

 private:
  class Tape;
  explicit CassettePlayer(std::unique_ptr<Tape> tape);
  std::unique_ptr<Tape> tape_;
};

/// Reads the header of a cassette alone. Errors: as `CassettePlayer::open`.
[[nodiscard]] Result<CassetteHeader> read_cassette_header(const std::string& path);

}  // namespace riptide::stages
