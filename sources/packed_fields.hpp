#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace riptide::sources {

/// Texts in one: "<bytes>:<text>" each. What a request carries in its context.
[[nodiscard]] std::string packed(std::initializer_list<std::string_view> fields);
void append_packed(std::string_view field, std::string& out);

/// The texts again, views into `text`. What is not written by `packed` gives no fields at all.
[[nodiscard]] std::vector<std::string_view> unpacked(std::string_view text);

/// Indexes of resource blocks as text: with commas between them.
[[nodiscard]] std::string packed_indexes(const std::vector<std::uint32_t>& indexes);
[[nodiscard]] std::vector<std::uint32_t> unpacked_indexes(std::string_view text);

}  // namespace riptide::sources
