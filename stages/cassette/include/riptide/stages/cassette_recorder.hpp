#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "riptide/pipeline/result.hpp"
#include "riptide/stages/cassette_header.hpp"
#include "riptide/stages/wire.hpp"

namespace riptide::stages {

/// Writes every attempt of a client to a cassette (docs/record.md), one entry as soon as it ended; answers nothing.
///
/// Secrets never reach the file: no credentials are in what it is shown of a request; the configured ones and those
/// that were fetched are cut out of everything, in all the forms in which servers send them back; request and answer of
/// a fetch of credentials are blanked, and so are headers and members that are named like secrets.
class CassetteRecorder final : public Wire {
 public:
  struct Options {
    std::string path;  ///< Must not be there yet.
    CassetteHeader header;
    std::vector<std::string>
        secrets;                      ///< Shorter than six bytes: let through, as they would take ordinary words along.
    std::vector<std::string> fields;  ///< Members of bodies whose values are blanked too, by name, whatever the case.
  };

  /// Makes the file, readable by its owner alone, and starts the writer's thread. Errors: kConfig.
  static Result<std::unique_ptr<CassetteRecorder>> create(Options options);
  /// Ends the recording, if `finish` did not.
  ~CassetteRecorder() override;

  [[nodiscard]] std::optional<AttemptEnding> answer(const Attempt& attempt) override;
  void ended(const Attempt& attempt, const AttemptEnding& ending) override;
  [[nodiscard]] bool offline() const noexcept override { return false; }

  /// Writes what waits, and the last line. The client that it listens to has ended. Returns the number of attempts on
  /// the cassette. Errors: kTransport (the disk), what was written stays readable.
  Result<std::uint64_t> finish();

 private:
  class Writer;
  explicit CassetteRecorder(std::unique_ptr<Writer> writer);
  std::unique_ptr<Writer> writer_;
};

}  // namespace riptide::stages
