#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/json/document.hpp"
#include "riptide/pipeline/page.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/transform/jq.hpp"

namespace riptide::sources::custom {

using pipeline::Result;

/// The records of an answer.
struct Items {
  pipeline::Page page;                ///< What `raw` lies in; null where that is the answer's body.
  std::vector<std::string_view> raw;  ///< JSON of each record.
  bool whole = false;                 ///< The answer itself is the one record.
};

/// An expression that only names members: `.a.b["c d"]`, with `[]` behind it or not.
struct PlainPath {
  std::vector<std::string> keys;
  bool iterates = false;
};

/// Reads a plain path; nothing for any other expression.
[[nodiscard]] std::optional<PlainPath> plain_path(std::string_view text);

/// Where the records of an answer are: a jq expression. A plain path is walked; anything else is evaluated, and all its
/// outputs count.
class DataPath {
 public:
  /// Empty and "." are the answer itself. Errors: kConfig.
  [[nodiscard]] static Result<DataPath> compile(std::string_view text);

  /// Takes the records out of an answer that `document` has indexed. An array's elements are records, null is none, and
  /// anything else is one. Errors: kMalformed, naming the path.
  [[nodiscard]] Result<Items> extract(std::string_view body, json::Value root, json::Document& document,
                                      transform::jq::Evaluator& evaluator) const;
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  [[nodiscard]] Result<std::optional<Items>> walk(json::Value root, json::Document& document) const;
  [[nodiscard]] Result<Items> evaluate(std::string_view body, transform::jq::Evaluator& evaluator) const;

  std::string text_;
  std::optional<PlainPath> plain_;
  std::shared_ptr<const transform::jq::Program> program_;  // Null for ".".
};

}  // namespace riptide::sources::custom
