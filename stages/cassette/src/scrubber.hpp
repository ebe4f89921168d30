#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "riptide/stages/auth.hpp"
#include "riptide/stages/http_message.hpp"

namespace riptide::stages {

/// What stands in the place of a secret.
inline constexpr std::string_view kBlank = "***";

/// Takes secrets out of what goes onto a cassette. A request is scrubbed in the same way before it is looked up, so
/// that it is found whether the credentials of the replay are those of the recording, others, or none.
class Scrubber {
 public:
  /// @param fields  Names of members whose values are blanked, beside those that everybody calls their secrets.
  Scrubber(const std::vector<std::string>& secrets, const std::vector<std::string>& fields);

  /// From now on cuts this out too, in all the forms in which a server may send it back. Short ones are let through.
  void learn(std::string_view secret);
  void learn(const Credentials& credentials);
  /// The password in a URL, if there is one.
  void learn_user_info(std::string_view url);

  /// The text without secrets.
  [[nodiscard]] std::string text(std::string text) const;
  /// A URL without secrets, user info, and the values of parameters that are named like secrets.
  [[nodiscard]] std::string url(std::string_view url) const;
  /// A body without secrets and, if it is JSON or looks like it, without the values of members named like secrets.
  [[nodiscard]] std::string body(std::string_view body) const;
  [[nodiscard]] std::vector<Header> headers(const std::vector<Header>& headers) const;

  /// An answer that brings credentials: JSON with every string blanked, all else blanked altogether.
  [[nodiscard]] static std::string blanked(std::string_view body);
  /// Headers of which only those that say how the body is to be read, and how long to wait, keep their values.
  [[nodiscard]] static std::vector<Header> blanked(const std::vector<Header>& headers);

 private:
  [[nodiscard]] bool is_secret_member(std::string_view name) const;

  std::vector<std::pair<std::string, std::string>>
      forms_;  ///< What is cut out, and what takes its place. Longest first.
  std::vector<std::string> learned_;
  std::vector<std::string> fields_;  ///< In lower case.
};

}  // namespace riptide::stages
