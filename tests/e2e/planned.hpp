#pragma once

#include <map>
#include <set>
#include <string>

#include "catalogue.hpp"
#include "json_value.hpp"
#include "program.hpp"
#include "run_checks.hpp"

namespace riptide::e2e {

/// What `riptide plan` wrote to stdout, read and held against docs/plan.schema.json and its own numbers. What is wrong
/// becomes a failure of the current test.
class Planned {
 public:
  explicit Planned(std::string_view text);

  [[nodiscard]] const Json& json() const { return json_; }
  [[nodiscard]] std::uint64_t count(std::string_view name) const { return json_["counts"][name].count(); }
  /// Identities by what would become of them: "create", "update", "delete".
  [[nodiscard]] const std::set<Identity>& of(const std::string& action) const { return identities_.at(action); }
  /// The entry of one change. Throws if there is none.
  [[nodiscard]] Json change(const Identity& identity) const;

 private:
  Json json_;
  std::map<std::string, std::set<Identity>> identities_;
};

/// Holds a plan against what a sync did afterwards to what was there before: contents of a catalogue by identity.
void expect_done(const Planned& plan, const std::map<Identity, std::string>& before,
                 const std::map<Identity, std::string>& after, const Report& report);

}  // namespace riptide::e2e
