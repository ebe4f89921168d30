#include "fast_reasons.hpp"

#include <charconv>
#include <string_view>

namespace riptide::transform::fast {

using jq::ast::Kind;
using jq::ast::Node;
using jq::ast::Operator;

namespace {

std::string_view symbol(Operator op) {
  switch (op) {
    case Operator::kAdd:
      return "+";
    case Operator::kSubtract:
      return "-";
    case Operator::kMultiply:
      return "*";
    case Operator::kDivide:
      return "/";
    case Operator::kModulo:
      return "%";
    case Operator::kEqual:
      return "==";
    case Operator::kNotEqual:
      return "!=";
    case Operator::kLess:
      return "<";
    case Operator::kLessEqual:
      return "<=";
    case Operator::kGreater:
      return ">";
    case Operator::kGreaterEqual:
      return ">=";
    case Operator::kAlternative:
      return "//";
  }
  return "";
}

Reason uses(std::string_view what) { return {"uses " + std::string(what) + ", which needs the evaluator"}; }

Reason outputs(std::string_view by) {
  return {"makes several outputs with " + std::string(by) + " in a place where the fast path takes one", true};
}

Reason against_object(const Node& node) {
  for (const jq::ast::ObjectEntry& entry : node.entries) {
    const bool plain = entry.key != nullptr && (entry.key->kind == Kind::kString || entry.key->kind == Kind::kVariable);
    if (!plain) return {"makes an object with a computed key"};
  }
  return {"makes an object that names a key twice"};
}

Reason against_call(const Node& node) {
  for (const std::string_view name : {"test", "match", "sub", "gsub", "strptime", "strftime"}) {
    if (node.text != name) continue;
    for (const auto& argument : node.children) {
      if (argument == nullptr || argument->kind != Kind::kString)
        return {"calls " + node.text + "() with what is no literal string, which needs the evaluator"};
    }
  }
  return uses(node.text + "()");
}

}  // namespace

Reason reason_against(const Node& node) {
  switch (node.kind) {
    case Kind::kRecurse:
      return uses("`..`");
    case Kind::kNumber:
      return {"uses the number " + node.text + "; the fast path takes whole numbers of up to 15 digits"};
    case Kind::kNegate:
      return {"negates what is no literal, which needs the evaluator"};
    case Kind::kTemplate:
      return uses("@" + node.text);
    case Kind::kFormat:
      return uses("@" + node.text);
    case Kind::kField:
    case Kind::kIndex:
      if (node.child(1) != nullptr && node.child(1)->kind == Kind::kString) {
        return {"reads a key that has escapes, from a value that is no plain path"};
      }
      return {"looks something up by a computed key or index"};
    case Kind::kSlice:
      return {"cuts a slice with computed bounds"};
    case Kind::kIterate:
      return outputs("`[]`");
    case Kind::kComma:
      return outputs("`,`");
    case Kind::kObject:
      return against_object(node);
    case Kind::kBinary:
      return uses("`" + std::string(symbol(node.op)) + "`");
    case Kind::kAssign:
      return uses("the assignment `=`");
    case Kind::kUpdate:
      return uses("the assignment `|=`");
    case Kind::kUpdateOp:
      return uses("the assignment `" + std::string(symbol(node.op)) + "=`");
    case Kind::kTry:
      return uses("catch");
    case Kind::kReduce:
      return uses("reduce");
    case Kind::kForeach:
      return uses("foreach");
    case Kind::kBind:
      return {"takes a value apart with a pattern, which needs the evaluator"};
    case Kind::kFunctions:
      return {"defines functions, which need the evaluator"};
    case Kind::kCall:
      return against_call(node);
    case Kind::kVariable:
      return uses("$" + node.text);
    case Kind::kLocation:
      return uses("$__loc__");
    case Kind::kLabel:
    case Kind::kBreak:
      return uses("label and break");
    case Kind::kIdentity:
    case Kind::kString:
    case Kind::kArray:
    case Kind::kPipe:
    case Kind::kAnd:
    case Kind::kOr:
    case Kind::kAlternative:
    case Kind::kIf:
      break;  // refused only for what is in them
  }
  return {"has a form that needs the evaluator"};
}

/// A literal whole number that fits; jq's own forms of all others are the evaluator's business.
std::optional<std::int64_t> whole_number(const Node& node) {
  const bool negative = node.kind == Kind::kNegate;
  const Node* const literal = negative ? node.child(0) : &node;
  if (literal == nullptr || literal->kind != Kind::kNumber || literal->text.size() > 15) return std::nullopt;
  std::int64_t number = 0;
  const char* const end = literal->text.data() + literal->text.size();
  const auto [stop, failure] = std::from_chars(literal->text.data(), end, number);
  if (failure != std::errc{} || stop != end) return std::nullopt;
  if (std::to_string(number) != literal->text || (negative && number == 0)) return std::nullopt;
  return negative ? -number : number;
}

}  // namespace riptide::transform::fast
