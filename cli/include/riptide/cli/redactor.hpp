#pragma once

#include <string>
#include <vector>

namespace riptide::cli {

/// Takes secrets out of text that is about to be shown: what servers and libraries say may hold what we sent them. The
/// last line of defence; nothing of ours puts a secret into a message.
class Redactor {
 public:
  Redactor() = default;
  /// Secrets shorter than six bytes are let through: they would take ordinary words along.
  explicit Redactor(const std::vector<std::string>& secrets);

  /// The text with `***` for each secret, as it is and as it stands inside of a JSON string.
  [[nodiscard]] std::string operator()(std::string text) const;

 private:
  std::vector<std::string> forms_;  ///< Longest first.
};

}  // namespace riptide::cli
