#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jq/ast.hpp"
#include "riptide/transform/jq.hpp"

namespace riptide::transform::jq {

enum class TokenKind : std::uint8_t {
  kEnd,
  kSymbol,      ///< Punctuation and operators: `text`.
  kKeyword,     ///< `text`.
  kIdentifier,  ///< May have a module prefix: a::b.
  kField,       ///< `.name`: `text` without the dot.
  kVariable,    ///< `$name`: `text` without the dollar.
  kLocation,    ///< `$__loc__`
  kFormat,      ///< `@name`: `text` without the at sign.
  kNumber,
  kStringStart,  ///< The opening quote.
  kStringText,   ///< Decoded characters.
  kInterpolationStart,
  kInterpolationEnd,
  kStringEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  ast::Position at;
  std::string text;
};

/// Cuts a program into tokens; strings come as a start, texts and interpolations, and an end. The last token is kEnd.
/// False on an error, which is in `error` then.
bool tokenize(std::string_view program, std::vector<Token>& tokens, CompileError& error);

}  // namespace riptide::transform::jq
