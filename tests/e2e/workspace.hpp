#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalogue.hpp"
#include "json_value.hpp"
#include "made_up_octopus.hpp"
#include "program.hpp"
#include "run_checks.hpp"

namespace riptide::e2e {

/// A folder of its own for a test, with an environment of its own, in which the real program runs. Its name has a space
/// and a quote in it, since users' folders have. Removed at the end.
class Workspace : public ::testing::Test {
 protected:
  Workspace();
  ~Workspace() override;

  /// Sets the environment for a made-up Octopus: all deployments, quick retries.
  void point_at(const std::string& url, const std::string& key = "API-KEY");

  [[nodiscard]] std::filesystem::path path(std::string_view name) const { return directory_ / name; }
  void write(std::string_view name, std::string_view text) const;
  /// A file's text; "" when it is not there.
  [[nodiscard]] std::string read(std::string_view name) const;
  [[nodiscard]] bool exists(std::string_view name) const { return std::filesystem::exists(path(name)); }

  [[nodiscard]] Command command(std::vector<std::string> arguments) const;
  /// `riptide` with these arguments.
  [[nodiscard]] Ended riptide(std::vector<std::string> arguments, std::string input = {}) const;

  /// `riptide sync --progress none --report report.json` and these. Every run is held against the contract by
  /// `check_end_of_sync`.
  [[nodiscard]] Ended sync(std::vector<std::string> arguments) const;
  [[nodiscard]] Command sync_command(std::vector<std::string> arguments) const;
  [[nodiscard]] Report report() const { return Report(read("report.json")); }

  /// Runs the last line of stderr in sh, as a user would who pastes it.
  [[nodiscard]] Ended paste(const Ended& ended) const;

  std::filesystem::path directory_;
  std::map<std::string, std::string> environment_;
};

/// Whether the long forms were asked for.
bool soak();

/// A mapping with one resource block for each of the kinds: identifier, blueprint (the kind's default), title.
std::string small_mapping(const std::vector<std::string>& kinds, const std::string& identifier = ".Id");

MATCHER_P(ExitsWith, code, "") { return arg.exit_code == code; }

}  // namespace riptide::e2e
