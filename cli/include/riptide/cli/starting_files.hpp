#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "riptide/cli/integration_type.hpp"
#include "riptide/sources/custom_proposal.hpp"
#include "riptide/stages/http_message.hpp"

namespace riptide::cli {

/// A file that `riptide init` makes.
struct StartingFile {
  std::string name;
  std::string text;
};

/// How the requests of a new configuration are signed. Never holds a secret: a value that was given on the command line
/// is asked for by the name of a variable.
struct Signing {
  std::vector<std::pair<std::string, std::string>> settings;  ///< YAML key and value: "authType", "bearer_token".
  std::vector<stages::Header> selector_headers;               ///< What is no credential.
  std::vector<std::string> variables;                         ///< What must be set before a run.
  std::vector<std::string> lost;                              ///< Names of headers for which there is no place.
};

/// What becomes of the headers that the API was asked with, and of the variable with a bearer token (or "").
Signing signing_of(const std::vector<stages::Header>& headers, const std::string& bearer_variable);

/// config.yaml, mapping.yaml and blueprints.json of a proposal.
std::vector<StartingFile> files_of(const sources::custom::Proposal& proposal, const Signing& signing);

/// config.yaml and mapping.yaml of an integration type, from its table of settings and its default mapping.
std::vector<StartingFile> files_of(const IntegrationType& type);

/// A text as a YAML scalar, on one line, whatever is in it.
std::string yaml_scalar(std::string_view text);

}  // namespace riptide::cli
