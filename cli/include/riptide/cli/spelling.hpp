#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace riptide::cli {

/// Returns the candidate nearest to `word` if it is near enough to be a slip of the fingers, else "".
/// Case and the difference between `-` and `_` do not count.
std::string nearest(std::string_view word, std::span<const std::string> candidates);

/// Returns "; did you mean 'x'?" or "".
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

/// Joins names for a sentence: "a, b and c".
std::string listed(std::span<const std::string> names);

/// serverUrl -> server_url, clientID -> client_id; leaves snake_case as it is.
std::string snake_case(std::string_view name);

/// server_url -> serverUrl.
std::string camel_case(std::string_view name);

/// Quotes an argument for a POSIX shell, if it needs quotes.
std::string shell_quoted(std::string_view argument);

}  // namespace riptide::cli
