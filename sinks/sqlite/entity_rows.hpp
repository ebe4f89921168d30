#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "riptide/stages/sink.hpp"
#include "riptide/state/database.hpp"

namespace riptide::sinks {

// What the sink and its plan share: how an entity is kept in a row of `entities`.

inline constexpr std::int64_t kSchemaVersion = 1;

/// A JSON value as text: a string decoded (into `room` if it has to be), all else as it is written.
[[nodiscard]] std::string_view as_text(std::string_view raw, std::string& room);

/// As `as_text`, nothing for null and for what is not there.
[[nodiscard]] std::optional<std::string_view> as_nullable_text(std::string_view raw, std::string& room);

/// A JSON value as it is written, nothing for null and for what is not there.
[[nodiscard]] std::optional<std::string_view> as_json(std::string_view raw);

/// Calls `visit` with the rows of the integration whose kind is that of one of the resources; false ends it.
[[nodiscard]] pipeline::Result<void> visit_owned(state::Database& database, const stages::SinkContext& context,
                                                 std::span<const std::uint32_t> resources,
                                                 const std::function<bool(const stages::OwnedEntity&)>& visit);

/// The file's `user_version` is not ours yet.
[[nodiscard]] pipeline::Error made_later(const std::string& path, std::int64_t version);
/// The file's table `entities` is another's; `why` is what SQLite says.
[[nodiscard]] pipeline::Error not_ours(const std::string& path, const pipeline::Error& why);

}  // namespace riptide::sinks
