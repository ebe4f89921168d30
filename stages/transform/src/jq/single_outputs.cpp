#include "jq/single_outputs.hpp"

#include <algorithm>

namespace riptide::transform::jq {
namespace {

bool pattern_single(const PatternCode& pattern) {
  for (const PatternCode& element : pattern.elements) {
    if (!pattern_single(element)) return false;
  }
  for (const PatternCode::Entry& entry : pattern.entries) {
    if (entry.key != nullptr && !entry.key->single) return false;
    if (entry.value && !pattern_single(*entry.value)) return false;
  }
  return true;
}

bool patterns_single(const Code& code) {
  return std::all_of(code.patterns.begin(), code.patterns.end(),
                     [](const PatternCode& p) { return pattern_single(p); });
}

bool has_single_output(const Code& code) {
  const auto single = [](const Code* child) { return child == nullptr || child->single; };
  switch (code.op) {
    case Op::kIdentity:
    case Op::kConstant:
    case Op::kPath:
    case Op::kCollect:
    case Op::kVariable:
    case Op::kBreak:
    case Op::kFormat:
    case Op::kEmpty:
    case Op::kUpdate:
    case Op::kFirst:
    case Op::kLast:
    case Op::kIsEmpty:
    case Op::kAny:
    case Op::kAll:
    case Op::kAdd:
      return true;
    case Op::kError:
      return single(code.a);
    case Op::kIterate:
    case Op::kRecurse:
    case Op::kComma:
    case Op::kForeach:
    case Op::kRange:
    case Op::kRangeBy:
    case Op::kLimit:
    case Op::kSkip:
    case Op::kWhile:
    case Op::kRepeat:
    case Op::kInputs:
      return false;
    case Op::kIndex:
    case Op::kSlice:
    case Op::kNegate:
    case Op::kPipe:
    case Op::kBinary:
    case Op::kAnd:
    case Op::kOr:
    case Op::kAlternative:
    case Op::kTry:
    case Op::kIf:
    case Op::kLabel:
    case Op::kUntil:
      return single(code.a) && single(code.b) && single(code.c);
    case Op::kPathOf:
    case Op::kGetPath:
    case Op::kNth:
      return single(code.a);
    case Op::kAssign:
    case Op::kUpdateOp:
    case Op::kReduce:
      return single(code.b);
    case Op::kBind:
      return single(code.a) && single(code.b) && patterns_single(code);
    case Op::kObject:
    case Op::kTemplate:
    case Op::kBuiltin:
      for (const Code* part : code.list) {
        if (!part->single) return false;
      }
      return true;
    case Op::kCall:
      if (!code.function->single) return false;
      for (std::size_t i = 0; i < code.list.size(); ++i) {
        if (code.function->parameters[i].by_value && !code.list[i]->single) return false;
      }
      return true;
    case Op::kParameter:
      return code.function->parameters[code.index].single;
  }
  return false;
}

}  // namespace

void find_single_outputs(CompiledCode& program) {
  // Everything is taken to have one output until something shows otherwise.
  bool changed = true;
  while (changed) {
    changed = false;
    for (Code& code : program.nodes) {
      if (!code.single || has_single_output(code)) continue;
      code.single = false;
      changed = true;
    }
    for (FunctionCode& function : program.functions) {
      if (function.single && !function.body->single) {
        function.single = false;
        changed = true;
      }
    }
    for (const Code& code : program.nodes) {
      if (code.op != Op::kCall) continue;
      for (std::size_t i = 0; i < code.list.size(); ++i) {
        FunctionCode::Parameter& parameter = code.function->parameters[i];
        if (parameter.single && !code.list[i]->single) {
          parameter.single = false;
          changed = true;
        }
      }
    }
  }
}

}  // namespace riptide::transform::jq
