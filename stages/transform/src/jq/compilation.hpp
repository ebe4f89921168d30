#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "jq/compiler.hpp"

namespace riptide::transform::jq {

/// Carries a compile error out of the depth of the compiler; caught in compile().
struct Refused {
  CompileError error;
  bool even_if_unused = false;  ///< An error in a function that nobody calls, too.
};

/// Of all constants of a program.
inline constexpr std::size_t kMostCodeBytes = std::size_t{256} << 20;

[[noreturn]] void refuse(std::string message, ast::Position at, bool even_if_unused = false);

/// Resolves the names of a program and makes its code. compiler.cpp: expressions; compile_calls.cpp: functions;
/// compile_modules.cpp: modules.
class Compiler {
 public:
  Compiler(CompiledCode& out, const CompileOptions& options) : out_(out), options_(options) {}

  void run(const ast::Module& module);
  /// What `modulemeta` gives.
  Value described(const ast::Module& module);

 private:
  struct Binding {
    enum class Kind : std::uint8_t { kVariable, kFunction, kParameter, kLabel, kConstant };
    Kind kind;
    std::string name;
    std::size_t arity = 0;
    std::uint32_t level = 0;  ///< Of the environment that holds it, or around which it is defined.
    std::uint32_t index = 0;
    FunctionCode* function = nullptr;
    const Code* constant = nullptr;
  };

  // Restores the names in scope when a construct ends.
  class Names {
   public:
    explicit Names(Compiler& compiler)
        : compiler_(compiler), size_(compiler.bindings_.size()), level_(compiler.level_) {}
    ~Names() {
      compiler_.bindings_.resize(size_);
      compiler_.level_ = level_;
    }
    Names(const Names&) = delete;
    Names& operator=(const Names&) = delete;

   private:
    Compiler& compiler_;
    std::size_t size_;
    std::uint32_t level_;
  };

  struct Imported {
    ast::Module syntax;
    std::vector<Binding> functions;
    bool complete = false;
  };

  Code& make(Op op, ast::Position at);
  const Code* constant(Value value, ast::Position at);
  const Code* identity(ast::Position at) { return &make(Op::kIdentity, at); }
  void add_global(const std::string& name, Value value);
  const Code* compile(const ast::Node& node);
  const Code* compile_here(const ast::Node& node);

  const Code* unary(Op op, const ast::Node& node);
  const Code* pair(Op op, const ast::Node& node);
  const Code* pipe(const Code* a, const Code* b, ast::Position at);
  const Code* choose(const Code* condition, const Code* then, const Code* otherwise, ast::Position at);
  const Code* string_template(const ast::Node& node);
  Code& extend(const Code* base, ast::Position at);
  const Code* index(const ast::Node& node);
  const Code* attempt(const ast::Node& node);
  Value location(ast::Position at) const;
  const Code* object(const ast::Node& node);
  const Code* binary(const ast::Node& node);
  const Code* fold_constants(const ast::Node& node, const Code* left, const Code* right);

  const Code* variable(const std::string& name, ast::Position at);
  PatternCode pattern_code(const ast::Pattern& pattern, const std::vector<std::string>& names);
  void bind_patterns(const std::vector<ast::Pattern>& patterns, Code& code);
  const Code* fold(const ast::Node& node);

  void define(const ast::Function& function);
  FunctionCode& declare(const ast::Function& function);
  void compile_body(const ast::Function& function, FunctionCode& code);
  FunctionCode& library_function(const ast::Function& function);
  const Code* call(const ast::Node& node);
  const Code* call_function(FunctionCode& function, std::uint32_t hops, const ast::Node& node);
  const Code* call_builtin(const ast::Node& node);
  const Code* replace_constant(const ast::Node& node);
  const Code* map(const Code* filter, ast::Position at);
  const Code* builtin(std::string_view name, std::vector<const Code*> arguments, ast::Position at);
  [[noreturn]] void unknown_function(const ast::Node& node) const;

  /// The constant object that stands behind `module`, or behind what is imported; an empty one if there is none.
  Value metadata(const ast::Node* node);
  /// Brings the names of what `module` imports into scope. `file`: of the module; empty for the program.
  void import_all(const ast::Module& module, const std::string& file);
  void import_data(const ast::Import& import, const ModuleFiles::Found& found, bool raw);
  void import_functions(const ModuleFiles::Found& found, const std::string& prefix, ast::Position at);
  const Imported& imported(const ModuleFiles::Found& found, ast::Position at);

  CompiledCode& out_;
  const CompileOptions& options_;
  std::vector<Binding> bindings_;
  std::size_t globals_ = 0;  ///< The first bindings: what modules see as well.
  std::map<const ast::Function*, FunctionCode*> library_;
  std::map<std::string, std::unique_ptr<Imported>, std::less<>> modules_;  ///< By file.
  std::string file_;                                                       ///< Of the module at hand.
  int inside_library_ = 0;
  std::uint32_t level_ = 0;
};

}  // namespace riptide::transform::jq
