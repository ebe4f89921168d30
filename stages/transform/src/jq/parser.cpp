#include "jq/parser.hpp"

#include <algorithm>
#include <array>

#include "jq/lexer.hpp"

namespace riptide::transform::jq {
namespace {

using ast::Kind;
using ast::Node;
using ast::NodePtr;
using ast::Operator;
using ast::Pattern;

constexpr int kMaxNesting = 1000;

enum class Associativity : std::uint8_t { kLeft, kRight, kNone };

struct Infix {
  std::string_view text;
  int precedence;
  Associativity associativity;
  Kind kind;
  Operator op = Operator::kAdd;
};

constexpr std::array<Infix, 22> kInfix = {{
    {"//", 1, Associativity::kRight, Kind::kAlternative},
    {"=", 2, Associativity::kNone, Kind::kAssign},
    {"|=", 2, Associativity::kNone, Kind::kUpdate},
    {"+=", 2, Associativity::kNone, Kind::kUpdateOp, Operator::kAdd},
    {"-=", 2, Associativity::kNone, Kind::kUpdateOp, Operator::kSubtract},
    {"*=", 2, Associativity::kNone, Kind::kUpdateOp, Operator::kMultiply},
    {"/=", 2, Associativity::kNone, Kind::kUpdateOp, Operator::kDivide},
    {"%=", 2, Associativity::kNone, Kind::kUpdateOp, Operator::kModulo},
    {"//=", 2, Associativity::kNone, Kind::kUpdateOp, Operator::kAlternative},
    {"or", 3, Associativity::kLeft, Kind::kOr},
    {"and", 4, Associativity::kLeft, Kind::kAnd},
    {"==", 5, Associativity::kNone, Kind::kBinary, Operator::kEqual},
    {"!=", 5, Associativity::kNone, Kind::kBinary, Operator::kNotEqual},
    {"<", 5, Associativity::kNone, Kind::kBinary, Operator::kLess},
    {"<=", 5, Associativity::kNone, Kind::kBinary, Operator::kLessEqual},
    {">", 5, Associativity::kNone, Kind::kBinary, Operator::kGreater},
    {">=", 5, Associativity::kNone, Kind::kBinary, Operator::kGreaterEqual},
    {"+", 6, Associativity::kLeft, Kind::kBinary, Operator::kAdd},
    {"-", 6, Associativity::kLeft, Kind::kBinary, Operator::kSubtract},
    {"*", 7, Associativity::kLeft, Kind::kBinary, Operator::kMultiply},
    {"/", 7, Associativity::kLeft, Kind::kBinary, Operator::kDivide},
    {"%", 7, Associativity::kLeft, Kind::kBinary, Operator::kModulo},
}};

// Carries a syntax error out of the depth of the parser; caught in parse().
struct SyntaxError {
  CompileError error;
};

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  ast::Module module() {
    ast::Module module = directives();
    module.body = definitions_or_query();
    if (token().kind != TokenKind::kEnd) unexpected("end of program");
    return module;
  }

  ast::Module library() {
    ast::Module module = directives();
    while (is_keyword("def")) module.functions.push_back(function());
    if (token().kind != TokenKind::kEnd) unexpected("'def': a module has only definitions");
    return module;
  }

 private:
  class Nesting {
   public:
    explicit Nesting(Parser& parser) : parser_(parser) {
      if (++parser_.nesting_ > kMaxNesting) parser_.fail("program is nested too deeply", parser_.token().at);
    }
    ~Nesting() { --parser_.nesting_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    Parser& parser_;
  };

  [[nodiscard]] const Token& token() const noexcept { return tokens_[at_]; }
  [[nodiscard]] bool is_symbol(std::string_view text) const noexcept {
    return token().kind == TokenKind::kSymbol && token().text == text;
  }
  [[nodiscard]] bool is_keyword(std::string_view text) const noexcept {
    return token().kind == TokenKind::kKeyword && token().text == text;
  }
  Token take() {
    Token taken = token();
    if (taken.kind != TokenKind::kEnd) ++at_;
    return taken;
  }
  bool accept_symbol(std::string_view text) {
    if (!is_symbol(text)) return false;
    ++at_;
    return true;
  }
  bool accept_keyword(std::string_view text) {
    if (!is_keyword(text)) return false;
    ++at_;
    return true;
  }
  void expect_symbol(std::string_view text) {
    if (!accept_symbol(text)) unexpected("'" + std::string(text) + "'");
  }
  void expect_keyword(std::string_view text) {
    if (!accept_keyword(text)) unexpected("'" + std::string(text) + "'");
  }

  [[noreturn]] void fail(std::string message, ast::Position at) const {
    throw SyntaxError{{std::move(message), static_cast<int>(at.line), static_cast<int>(at.column)}};
  }

  [[nodiscard]] std::string shown() const {
    switch (token().kind) {
      case TokenKind::kEnd:
        return "end of program";
      case TokenKind::kField:
        return "'." + token().text + "'";
      case TokenKind::kVariable:
      case TokenKind::kLocation:
        return "'$" + token().text + "'";
      case TokenKind::kFormat:
        return "'@" + token().text + "'";
      case TokenKind::kStringStart:
      case TokenKind::kStringText:
      case TokenKind::kStringEnd:
        return "string";
      case TokenKind::kInterpolationStart:
        return "'\\('";
      case TokenKind::kInterpolationEnd:
        return "')'";
      case TokenKind::kSymbol:
      case TokenKind::kKeyword:
      case TokenKind::kIdentifier:
      case TokenKind::kNumber:
        return "'" + token().text + "'";
    }
    return "token";
  }

  [[noreturn]] void unexpected(const std::string& expected) const {
    fail("syntax error, unexpected " + shown() + (expected.empty() ? "" : ", expecting " + expected), token().at);
  }

  NodePtr make(Kind kind, ast::Position at) const { return std::make_unique<Node>(kind, at); }
  template <class... Children>
  NodePtr make(Kind kind, ast::Position at, Children... children) const {
    NodePtr node = make(kind, at);
    (node->children.push_back(std::move(children)), ...);
    return node;
  }

  // What a program or a module begins with: `module`, then `import` and `include`.
  ast::Module directives() {
    ast::Module module;
    if (accept_keyword("module")) {
      module.metadata = query();
      expect_symbol(";");
    }
    while (is_keyword("import") || is_keyword("include")) module.imports.push_back(import());
    return module;
  }

  ast::Import import() {
    ast::Import import;
    import.at = token().at;
    const bool include = take().text == "include";
    const ast::Position at = token().at;
    const NodePtr path = string({});
    if (path->kind != Kind::kString) fail("the path of an import must be constant", at);
    import.path = path->text;
    if (!include) {
      expect_keyword("as");
      import.is_data = token().kind == TokenKind::kVariable;
      if (!import.is_data && token().kind != TokenKind::kIdentifier && token().kind != TokenKind::kKeyword)
        unexpected("a name");
      import.name = take().text;
    }
    import.metadata_at = token().at;
    if (!is_symbol(";")) import.metadata = query();
    expect_symbol(";");
    return import;
  }

  // A program may be definitions alone: their body is then the identity.
  NodePtr definitions_or_query() {
    if (token().kind == TokenKind::kEnd) return make(Kind::kIdentity, token().at);
    if (!is_keyword("def")) return query();
    const ast::Position at = token().at;
    std::vector<std::unique_ptr<ast::Function>> functions;
    while (is_keyword("def")) functions.push_back(function());
    NodePtr body = token().kind == TokenKind::kEnd ? make(Kind::kIdentity, token().at) : query();
    return define(std::move(functions), std::move(body), at);
  }

  NodePtr define(std::vector<std::unique_ptr<ast::Function>> functions, NodePtr body, ast::Position at) const {
    for (auto function = functions.rbegin(); function != functions.rend(); ++function) {
      NodePtr node = make(Kind::kFunctions, at, std::move(body));
      node->function = std::move(*function);
      body = std::move(node);
    }
    return body;
  }

  std::unique_ptr<ast::Function> function() {
    auto function = std::make_unique<ast::Function>();
    expect_keyword("def");
    function->at = token().at;
    if (token().kind != TokenKind::kIdentifier && token().kind != TokenKind::kKeyword) unexpected("a function name");
    function->name = take().text;
    if (accept_symbol("(")) {
      do {
        if (token().kind == TokenKind::kVariable) {
          function->parameters.push_back("$" + take().text);
        } else if (token().kind == TokenKind::kIdentifier || token().kind == TokenKind::kKeyword) {
          function->parameters.push_back(take().text);
        } else {
          unexpected("a parameter name");
        }
      } while (accept_symbol(";"));
      expect_symbol(")");
    }
    expect_symbol(":");
    function->body = query();
    expect_symbol(";");
    return function;
  }

  // Query: definitions, bindings and labels reach as far right as they can; then `|` (right), then `,` (left).
  NodePtr query() {
    const Nesting nesting(*this);
    std::vector<NodePtr> pieces;
    std::vector<ast::Position> at;
    while (true) {
      pieces.push_back(comma());
      if (!is_symbol("|")) break;
      at.push_back(take().at);
    }
    NodePtr node = std::move(pieces.back());
    for (std::size_t i = pieces.size() - 1; i-- > 0;) {
      node = make(Kind::kPipe, at[i], std::move(pieces[i]), std::move(node));
    }
    return node;
  }

  NodePtr comma() {
    NodePtr left = element();
    while (is_symbol(",")) {
      const ast::Position at = take().at;
      left = make(Kind::kComma, at, std::move(left), element());
    }
    return left;
  }

  NodePtr element() {
    const ast::Position at = token().at;
    if (is_keyword("def")) {
      std::vector<std::unique_ptr<ast::Function>> functions;
      while (is_keyword("def")) functions.push_back(function());
      return define(std::move(functions), query(), at);
    }
    if (accept_keyword("label")) {
      if (token().kind != TokenKind::kVariable) unexpected("a label like '$out'");
      std::string name = take().text;
      expect_symbol("|");
      NodePtr node = make(Kind::kLabel, at, query());
      node->text = std::move(name);
      return node;
    }
    NodePtr left = expression(0);
    if (!accept_keyword("as")) return left;
    std::vector<Pattern> bound = patterns();
    expect_symbol("|");
    NodePtr node = make(Kind::kBind, at, std::move(left), query());
    node->patterns = std::move(bound);
    return node;
  }

  [[nodiscard]] const Infix* infix() const noexcept {
    if (token().kind != TokenKind::kSymbol && token().kind != TokenKind::kKeyword) return nullptr;
    for (const Infix& candidate : kInfix) {
      if (candidate.precedence > 0 && candidate.text == token().text) return &candidate;
    }
    return nullptr;
  }

  NodePtr expression(int least) {
    const Nesting nesting(*this);
    NodePtr left = prefixed();
    int forbidden = -1;
    while (const Infix* found = infix()) {
      if (found->precedence < least) break;
      if (found->precedence == forbidden) unexpected("");
      const Token op = take();
      const int right_least = found->associativity == Associativity::kRight ? found->precedence : found->precedence + 1;
      NodePtr right = expression(right_least);
      left = make(found->kind, op.at, std::move(left), std::move(right));
      left->op = found->op;
      forbidden = found->associativity == Associativity::kNone ? found->precedence : -1;
    }
    return left;
  }

  // Also what `try` and `catch` take: a term, or a negated one.
  NodePtr prefixed() {
    const Nesting nesting(*this);
    if (!is_symbol("-")) return postfix();
    const ast::Position at = take().at;
    return make(Kind::kNegate, at, prefixed());
  }

  NodePtr postfix() {
    const bool field_first = token().kind == TokenKind::kField;
    const bool dot_first = is_symbol(".");
    NodePtr node = term();
    // `?` right behind a step guards that step only; behind anything else, all of it.
    bool step = field_first || (dot_first && node->kind != Kind::kIdentity);
    while (true) {
      const ast::Position at = token().at;
      if (accept_symbol("?")) {
        node = make(Kind::kTry, at, std::move(node));
        if (step) node->text = "?";
        step = false;
        continue;
      }
      step = true;
      if (token().kind == TokenKind::kField) {
        node = field(std::move(node));
      } else if (is_symbol(".") && at_ + 1 < tokens_.size() && tokens_[at_ + 1].kind == TokenKind::kStringStart) {
        ++at_;
        NodePtr name = string({});
        node = make(Kind::kField, at, std::move(node), std::move(name));
      } else if (is_symbol(".") && at_ + 1 < tokens_.size() && tokens_[at_ + 1].kind == TokenKind::kSymbol &&
                 tokens_[at_ + 1].text == "[") {
        ++at_;
        node = bracket(std::move(node));
      } else if (is_symbol("[")) {
        node = bracket(std::move(node));
      } else {
        return node;
      }
    }
  }

  NodePtr field(NodePtr base) {
    const Token name = take();
    NodePtr text = make(Kind::kString, name.at);
    text->text = name.text;
    return make(Kind::kField, name.at, std::move(base), std::move(text));
  }

  NodePtr bracket(NodePtr base) {
    const ast::Position at = token().at;
    expect_symbol("[");
    if (accept_symbol("]")) return make(Kind::kIterate, at, std::move(base));
    if (accept_symbol(":")) {
      NodePtr to = query();
      expect_symbol("]");
      return make(Kind::kSlice, at, std::move(base), NodePtr(), std::move(to));
    }
    NodePtr from = query();
    if (accept_symbol("]")) return make(Kind::kIndex, at, std::move(base), std::move(from));
    if (!accept_symbol(":")) unexpected("']' or ':'");
    if (accept_symbol("]")) return make(Kind::kSlice, at, std::move(base), std::move(from), NodePtr());
    NodePtr to = query();
    expect_symbol("]");
    return make(Kind::kSlice, at, std::move(base), std::move(from), std::move(to));
  }

  // A string after its opening quote is next; a template if something is interpolated.
  NodePtr string(std::string format) {
    const ast::Position at = token().at;
    if (token().kind != TokenKind::kStringStart) unexpected("a string");
    ++at_;
    NodePtr node = make(Kind::kTemplate, at);
    bool interpolated = false;
    while (token().kind != TokenKind::kStringEnd) {
      if (token().kind == TokenKind::kStringText) {
        NodePtr text = make(Kind::kString, token().at);
        text->text = take().text;
        node->children.push_back(std::move(text));
      } else if (token().kind == TokenKind::kInterpolationStart) {
        ++at_;
        interpolated = true;
        NodePtr inner = query();
        if (token().kind != TokenKind::kInterpolationEnd) unexpected("')'");
        ++at_;
        // A string that is interpolated is a template of its own, so that it is not taken for text.
        const ast::Position inner_at = inner->at;
        if (inner->kind == Kind::kString) {
          inner = make(Kind::kPipe, inner_at, make(Kind::kIdentity, inner_at), std::move(inner));
        }
        node->children.push_back(std::move(inner));
      } else {
        unexpected("the end of the string");
      }
    }
    ++at_;
    if (!interpolated) {
      node->kind = Kind::kString;
      if (!node->children.empty()) node->text = std::move(node->children[0]->text);
      node->children.clear();
      return node;
    }
    node->text = std::move(format);
    return node;
  }

  NodePtr term() {
    const ast::Position at = token().at;
    switch (token().kind) {
      case TokenKind::kNumber: {
        NodePtr node = make(Kind::kNumber, at);
        node->text = take().text;
        return node;
      }
      case TokenKind::kStringStart:
        return string({});
      case TokenKind::kFormat: {
        std::string name = take().text;
        if (token().kind == TokenKind::kStringStart) {
          NodePtr node = string(name);
          return node;
        }
        NodePtr node = make(Kind::kFormat, at);
        node->text = std::move(name);
        return node;
      }
      case TokenKind::kField:
        return field(make(Kind::kIdentity, at));
      case TokenKind::kVariable: {
        NodePtr node = make(Kind::kVariable, at);
        node->text = take().text;
        return node;
      }
      case TokenKind::kLocation:
        ++at_;
        return make(Kind::kLocation, at);
      case TokenKind::kIdentifier:
        return call();
      case TokenKind::kKeyword:
        return keyword_term();
      case TokenKind::kSymbol:
        return symbol_term();
      case TokenKind::kEnd:
      case TokenKind::kStringText:
      case TokenKind::kStringEnd:
      case TokenKind::kInterpolationStart:
      case TokenKind::kInterpolationEnd:
        break;
    }
    unexpected("");
  }

  NodePtr call() {
    NodePtr node = make(Kind::kCall, token().at);
    node->text = take().text;
    if (accept_symbol("(")) {
      do {
        node->children.push_back(query());
      } while (accept_symbol(";"));
      expect_symbol(")");
    }
    return node;
  }

  NodePtr symbol_term() {
    const ast::Position at = token().at;
    if (accept_symbol("..")) return make(Kind::kRecurse, at);
    if (accept_symbol(".")) {
      if (token().kind == TokenKind::kStringStart) {
        NodePtr name = string({});
        return make(Kind::kField, at, make(Kind::kIdentity, at), std::move(name));
      }
      if (is_symbol("[")) return bracket(make(Kind::kIdentity, at));
      return make(Kind::kIdentity, at);
    }
    if (accept_symbol("(")) {
      NodePtr inner = query();
      expect_symbol(")");
      return inner;
    }
    if (accept_symbol("[")) {
      if (accept_symbol("]")) return make(Kind::kArray, at);
      NodePtr inner = query();
      expect_symbol("]");
      return make(Kind::kArray, at, std::move(inner));
    }
    if (accept_symbol("{")) return object(at);
    unexpected("");
  }

  NodePtr object(ast::Position at) {
    NodePtr node = make(Kind::kObject, at);
    while (!accept_symbol("}")) {
      node->entries.push_back(object_entry());
      if (accept_symbol("}")) break;
      if (!accept_symbol(",")) unexpected("',' or '}'");
    }
    return node;
  }

  ast::ObjectEntry object_entry() {
    ast::ObjectEntry entry;
    const ast::Position at = token().at;
    bool needs_value = false;
    switch (token().kind) {
      case TokenKind::kIdentifier:
      case TokenKind::kKeyword:
        entry.key = make(Kind::kString, at);
        entry.key->text = take().text;
        break;
      case TokenKind::kVariable:
        entry.key = make(Kind::kVariable, at);
        entry.key->text = take().text;
        break;
      case TokenKind::kLocation:
        ++at_;
        entry.key = make(Kind::kLocation, at);
        break;
      case TokenKind::kStringStart:
        entry.key = string({});
        break;
      case TokenKind::kFormat: {
        std::string format = take().text;
        entry.key = string(std::move(format));
        break;
      }
      case TokenKind::kNumber:
        entry.key = make(Kind::kNumber, at);
        entry.key->text = take().text;
        needs_value = true;
        break;
      case TokenKind::kSymbol:
        if (accept_symbol("(")) {
          entry.key = query();
          expect_symbol(")");
          needs_value = true;
          break;
        }
        unexpected("a key");
      case TokenKind::kEnd:
      case TokenKind::kField:
      case TokenKind::kStringText:
      case TokenKind::kStringEnd:
      case TokenKind::kInterpolationStart:
      case TokenKind::kInterpolationEnd:
        unexpected("a key");
    }
    if (accept_symbol(":")) {
      entry.value = object_value();
    } else if (needs_value) {
      unexpected("':'");
    }
    return entry;
  }

  NodePtr object_value() {
    NodePtr left = expression(0);
    while (is_symbol("|")) {
      const ast::Position at = take().at;
      left = make(Kind::kPipe, at, std::move(left), expression(0));
    }
    return left;
  }

  NodePtr keyword_term() {
    const Nesting nesting(*this);
    const ast::Position at = token().at;
    if (accept_keyword("if")) return conditional(at);
    if (accept_keyword("try")) {
      NodePtr body = prefixed();
      if (!accept_keyword("catch")) return make(Kind::kTry, at, std::move(body));
      return make(Kind::kTry, at, std::move(body), prefixed());
    }
    if (accept_keyword("reduce")) return reduction(at);
    if (accept_keyword("foreach")) return iteration(at);
    if (accept_keyword("break")) {
      if (token().kind != TokenKind::kVariable) unexpected("a label like '$out'");
      NodePtr node = make(Kind::kBreak, at);
      node->text = take().text;
      return node;
    }
    unexpected("");
  }

  NodePtr conditional(ast::Position at) {
    const Nesting nesting(*this);
    NodePtr condition = query();
    expect_keyword("then");
    NodePtr then = query();
    const ast::Position next = token().at;
    if (accept_keyword("elif")) return make(Kind::kIf, at, std::move(condition), std::move(then), conditional(next));
    if (accept_keyword("else")) {
      NodePtr otherwise = query();
      expect_keyword("end");
      return make(Kind::kIf, at, std::move(condition), std::move(then), std::move(otherwise));
    }
    if (!accept_keyword("end")) unexpected("'elif', 'else' or 'end'");
    return make(Kind::kIf, at, std::move(condition), std::move(then), NodePtr());
  }

  NodePtr reduction(ast::Position at) {
    NodePtr source = expression(0);
    expect_keyword("as");
    std::vector<Pattern> bound = patterns();
    expect_symbol("(");
    NodePtr initial = query();
    expect_symbol(";");
    NodePtr update = query();
    expect_symbol(")");
    NodePtr node = make(Kind::kReduce, at, std::move(source), std::move(initial), std::move(update));
    node->patterns = std::move(bound);
    return node;
  }

  NodePtr iteration(ast::Position at) {
    NodePtr source = expression(0);
    expect_keyword("as");
    std::vector<Pattern> bound = patterns();
    expect_symbol("(");
    NodePtr initial = query();
    expect_symbol(";");
    NodePtr update = query();
    NodePtr extract;
    if (accept_symbol(";")) extract = query();
    expect_symbol(")");
    NodePtr node =
        make(Kind::kForeach, at, std::move(source), std::move(initial), std::move(update), std::move(extract));
    node->patterns = std::move(bound);
    return node;
  }

  std::vector<Pattern> patterns() {
    std::vector<Pattern> alternatives;
    do {
      alternatives.push_back(pattern());
    } while (accept_symbol("?//"));
    return alternatives;
  }

  Pattern pattern() {
    const Nesting nesting(*this);
    Pattern result;
    result.at = token().at;
    if (token().kind == TokenKind::kVariable) {
      result.name = take().text;
      return result;
    }
    if (accept_symbol("[")) {
      result.kind = Pattern::Kind::kArray;
      do {
        result.elements.push_back(pattern());
      } while (accept_symbol(","));
      expect_symbol("]");
      return result;
    }
    if (accept_symbol("{")) {
      result.kind = Pattern::Kind::kObject;
      do {
        result.entries.push_back(pattern_entry());
      } while (accept_symbol(","));
      expect_symbol("}");
      return result;
    }
    unexpected("a variable, '[' or '{'");
  }

  Pattern::Entry pattern_entry() {
    Pattern::Entry entry;
    entry.at = token().at;
    if (token().kind == TokenKind::kVariable) {
      entry.variable = take().text;
      if (accept_symbol(":")) entry.value = std::make_unique<Pattern>(pattern());
      return entry;
    }
    if (token().kind == TokenKind::kIdentifier || token().kind == TokenKind::kKeyword) {
      entry.key = make(Kind::kString, token().at);
      entry.key->text = take().text;
    } else if (token().kind == TokenKind::kStringStart) {
      entry.key = string({});
    } else if (accept_symbol("(")) {
      entry.key = query();
      expect_symbol(")");
    } else {
      unexpected("a key or a variable");
    }
    expect_symbol(":");
    entry.value = std::make_unique<Pattern>(pattern());
    return entry;
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int nesting_ = 0;
};

}  // namespace

std::optional<ast::Module> parse(std::string_view program, CompileError& error) {
  std::vector<Token> tokens;
  if (!tokenize(program, tokens, error)) return std::nullopt;
  try {
    return Parser(std::move(tokens)).module();
  } catch (SyntaxError& failure) {
    error = std::move(failure.error);
    return std::nullopt;
  }
}

std::optional<ast::Module> parse_library(std::string_view text, CompileError& error) {
  std::vector<Token> tokens;
  if (!tokenize(text, tokens, error)) return std::nullopt;
  try {
    return Parser(std::move(tokens)).library();
  } catch (SyntaxError& failure) {
    error = std::move(failure.error);
    return std::nullopt;
  }
}

}  // namespace riptide::transform::jq
