#include <map>

#include "jq/compiler.hpp"
#include "riptide/pipeline/check.hpp"

namespace riptide::transform::jq {
namespace {

// Builtins that need no speed of their own, in jq. Each is compiled into the programs that use it.
constexpr std::string_view kLibrary = R"jq(
def recurse(f): def r: ., (f | r); r;
def recurse(f; cond): def r: ., (f | select(cond) | r); r;
def values: select(. != null);
def nulls: select(. == null);
def booleans: select(type == "boolean");
def numbers: select(type == "number");
def strings: select(type == "string");
def arrays: select(type == "array");
def objects: select(type == "object");
def iterables: select(type | . == "array" or . == "object");
def scalars: select(type | . != "array" and . != "object");
def finites: select(isfinite);
def normals: select(isnormal);
def transpose: if type == "array" and all(.[]; type == "array") then _transpose
    else [range(0; map(length) | max // 0) as $i | [.[][$i]]] end;
def isfinite: type == "number" and (isinfinite | not);
def map_values(f): .[] |= f;
def paths: path(..) | select(length > 0);
def paths(node_filter): path(.. | select(node_filter)) | select(length > 0);
def pick(pathexps): . as $top | reduce path(pathexps) as $p (null; setpath($p; $top | getpath($p)));
def any: any(.[]; .);
def all: all(.[]; .);
def any(condition): any(.[]; condition);
def all(condition): all(.[]; condition);
def add: add(.[]);
def range($upto): range(0; $upto);
def in(xs): . as $x | xs | has($x);
def inside(xs): . as $x | xs | contains($x);
def todate: strftime("%Y-%m-%dT%H:%M:%SZ");
def fromdateiso8601: strptime("%Y-%m-%dT%H:%M:%SZ") | mktime;
def todateiso8601: strftime("%Y-%m-%dT%H:%M:%SZ");
def fromdate: fromdateiso8601;
def match(re; mode): _match(re; mode; false) | .[];
def match($val): ($val | type) as $vt
  | if $vt == "string" then match($val; null)
    elif $vt == "array" and ($val | length) > 1 then match($val[0]; $val[1])
    elif $vt == "array" and ($val | length) > 0 then match($val[0]; null)
    else error($vt + " not a string or array") end;
def test(re; mode): _match(re; mode; true);
def test($val): ($val | type) as $vt
  | if $vt == "string" then test($val; null)
    elif $vt == "array" and ($val | length) > 1 then test($val[0]; $val[1])
    elif $vt == "array" and ($val | length) > 0 then test($val[0]; null)
    else error($vt + " not a string or array") end;
def capture(re; mods): match(re; mods) | _captures;
def capture($val): match($val) | _captures;
def scan($re; $flags): match($re; "g" + $flags)
  | if (.captures | length) > 0 then [.captures[].string] else .string end;
def scan($re): scan($re; null);
def split($re; flags): . as $s
  | [foreach ((match($re; flags + "g") | [.offset, .length]), null) as $m
      ([0, null];
       if $m == null then [.[0], $s[.[0]:]] else [$m[0] + $m[1], $s[.[0]:$m[0]]] end;
       .[1])];
def splits($re; flags): split($re; flags) | .[];
def splits($re): splits($re; null);
def sub($re; str; $flags): . as $in
  | (reduce match($re; $flags) as $edit ({result: [], previous: 0};
        $in[.previous:$edit.offset] as $gap
        | [$edit | _captures | str] as $inserts
        | reduce range(0; $inserts | length) as $i (.; .result[$i] += $gap + $inserts[$i])
        | .previous = $edit.offset + $edit.length)
      | .result[] + $in[.previous:])
    // $in;
def sub($re; str): sub($re; str; "");
def gsub($re; str; $flags): sub($re; str; $flags + "g");
def gsub($re; str): sub($re; str; "g");
def sort_by(f): _sort_by(map([f]));
def group_by(f): _group_by(map([f]));
def unique_by(f): _unique_by(map([f]));
def min_by(f): _min_by(map([f]));
def max_by(f): _max_by(map([f]));
def first: .[0];
def last: .[-1];
def nth($n): .[$n];
def combinations: if length == 0 then [] else .[0][] as $x | (.[1:] | combinations) as $w | [$x] + $w end;
def combinations(n): . as $dot | [range(n)] | map($dot) | combinations;
def walk(f): def w: if type == "object" then map_values(w) elif type == "array" then map(w) else . end | f; w;
def env: $ENV;
def index($i): indices($i) | .[0];
def rindex($i): indices($i) | .[-1:][0];
def indices($i): if type == "array" and ($i | type) == "array" then .[$i]
  elif type == "array" then .[[$i]]
  elif ($i | type) == "string" and type == "string" then _strindices($i)
  else .[$i] end;
def tostream: path(def r: (.[]? | r), .; r) as $p | getpath($p)
  | reduce path(.[]?) as $q ([$p, .]; [$p + $q]);
def fromstream(f): { x: null, e: false } as $init
  | foreach f as $i ($init;
      if .e then $init else . end
      | if $i | length == 2
        then setpath(["e"]; $i[0] | length == 0) | setpath(["x"] + $i[0]; $i[1])
        else setpath(["e"]; $i[0] | length == 1) end;
      if .e then .x else empty end);
def truncate_stream(stream): . as $n | null | stream | . as $input
  | if (.[0] | length) > $n then setpath([0]; .[0][$n:]) else empty end;
def INDEX(stream; idx_expr): reduce stream as $row ({}; .[$row | idx_expr | tostring] |= $row);
def INDEX(idx_expr): INDEX(.[]; idx_expr);
def IN(s): any(s == .; .);
def IN(src; s): any(src == s; .);
def JOIN($idx; idx_expr): [.[] | [., $idx[idx_expr]]];
def JOIN($idx; stream; idx_expr): stream | [., $idx[idx_expr]];
def JOIN($idx; stream; idx_expr; join_expr): stream | [., $idx[idx_expr]] | join_expr;
def trimstr($x): ltrimstr($x) | rtrimstr($x);
def debug(message): (message | debug | empty), .;
)jq";

using Table = std::map<std::pair<std::string, std::size_t>, std::unique_ptr<ast::Function>, std::less<>>;

Table load() {
  CompileError error;
  auto library = parse_library(kLibrary, error);
  RIPTIDE_CHECK(library.has_value());
  Table table;
  for (std::unique_ptr<ast::Function>& function : library->functions) {
    auto key = std::make_pair(function->name, function->parameters.size());
    table[std::move(key)] = std::move(function);
  }
  return table;
}

}  // namespace

const ast::Function* find_library_function(std::string_view name, std::size_t arity) {
  static const Table table = load();
  const auto found = table.find(std::make_pair(std::string(name), arity));
  return found == table.end() ? nullptr : found->second.get();
}

}  // namespace riptide::transform::jq
