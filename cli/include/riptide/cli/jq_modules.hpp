#pragma once

#include <optional>
#include <string>
#include <vector>

#include "riptide/transform/jq.hpp"

namespace riptide::cli {

/// The modules of `riptide jq`: files, looked for where jq 1.8 looks for them. Any thread.
class JqModules final : public transform::jq::ModuleFiles {
 public:
  struct Places {
    std::optional<std::vector<std::string>> libraries;  ///< -L; nothing: jq's own list.
    std::string program_folder = ".";                   ///< Of the program's file (-f), or the current one.
    std::string home;                                   ///< $HOME; empty: none.
    std::string origin;                                 ///< The folder of the executable.
  };
  explicit JqModules(Places places);

  [[nodiscard]] pipeline::Result<Found> find(const Wanted& wanted) const override;
  /// ~/.jq, if it is a file.
  [[nodiscard]] std::optional<Found> included_always() const override;
  [[nodiscard]] std::vector<std::string> search_list() const override { return libraries_; }
  [[nodiscard]] std::string jq_origin() const override { return places_.origin; }
  [[nodiscard]] std::string program_origin() const override { return places_.program_folder; }

  /// What `modulemeta` gives for a module: it is looked for in the library folders only. Errors: kConfig.
  [[nodiscard]] pipeline::Result<std::string> meta(std::string_view name) const;

 private:
  [[nodiscard]] std::string expanded(const std::string& folder, const std::string& importer_folder) const;
  [[nodiscard]] pipeline::Result<Found> find_in(const std::vector<std::string>& folders, const std::string& path,
                                                const char* suffix, const std::string& importer_folder) const;

  Places places_;
  std::vector<std::string> libraries_;
};

}  // namespace riptide::cli
