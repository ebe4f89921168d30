#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "request_key.hpp"
#include "riptide/json/document.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/stages/wire.hpp"

namespace riptide::stages {

/// One attempt on a cassette.
struct Entry {
  std::int64_t begun_us = 0;  ///< Since the recording began: attempts of the same request count in this order.
  int attempt = 1;
  RequestKey key;
  std::vector<Header> request_headers;
  AttemptEnding ending;
};

/// The last line: how many attempts there are.
struct TapeEnd {
  std::uint64_t attempts = 0;
};

/// Writes lines of a cassette, without the line break. What is in an entry is scrubbed.
[[nodiscard]] std::string to_json(const Entry& entry);
[[nodiscard]] std::string to_json(const TapeEnd& end);

/// How much of an entry is read: all but the answer's headers and body, or everything.
enum class Depth : std::uint8_t { kKey, kAll };

/// Reads a line that is not the header. Errors: kMalformed.
[[nodiscard]] Result<std::variant<Entry, TapeEnd>> parse_entry(std::string_view line, Depth depth);

/// A line of JSON, indexed.
struct Line {
  pipeline::Page page;
  json::Document document;
  json::Value root;

  /// Errors: kMalformed (not a JSON object).
  static Result<Line> read(std::string_view text);
  /// Members by name; empty, 0 or false where there is none of that type.
  [[nodiscard]] std::string text(json::Value object, std::string_view name) const;
  [[nodiscard]] std::int64_t number(json::Value object, std::string_view name) const;
  [[nodiscard]] bool truth(json::Value object, std::string_view name) const;
  [[nodiscard]] std::optional<json::Value> find(json::Value object, std::string_view name) const;
};

}  // namespace riptide::stages
