#!/usr/bin/env python3
"""Random programs on random inputs: `riptide jq` against libjq 1.8, through the Python package jq.

usage: compare_with_jq.py RIPTIDE [--programs N] [--seed S] [--jq PATH]

With --jq PATH, that executable of jq is asked instead of the package, and outputs are compared as text: the digits of
numbers and the order of keys count then.

Exits with 1 and prints each difference (program, input, both answers) if there is one. The seed is printed.
"""
import argparse
import json
import os
import random
import subprocess
import sys

KEYS = ["a", "b", "c", "name", "list", "a b", "é"]
SCALARS = [
    None, True, False, 0, 1, -1, 3, 2.5, -0.25, 100, 1e300, 1e-5, 12345678, 0.1,
    "", "a", "b", "abc", "A-b_C", "x,y,z", "a/b/c", " pad ", "12", "1.5e3", "café", "日本語", "😀", "tab\t\"q\"\\",
    "2015-03-05T23:51:47Z", "2024-02-29T00:00:00Z", "10:20 Mon", "aXbXc", "-12.50", "0x1F", "nan", "1e1000", "a,\"b\",c", "%41%20", "<a&'b'>",
    1425599507, 1e17, 123456789012, -1.5, 1e-7, 1700000000.75, 9007199254740993, 3.0, "[[0],1]", "AQI=", "\u0000x", "\u00c5A\u030a", "[1,{\"a\":2}]", "aGVsbG8=",
]
LITERALS = ["null", "true", "false", "0", "1", "-1", "2", "0.5", '"a"', '"b"', '"x,y"', '""', "[]", "{}", "[1,2]", '{"a":1}']
# Not @base32: libjq 1.8.2 as the package has it does not know it.
FUNCTIONS = """not length utf8bytelength keys keys_unsorted values type tostring tonumber tojson fromjson ascii_downcase
ascii_upcase explode implode add any all min max unique sort reverse flatten floor sqrt fabs round ceil trunc abs
to_entries from_entries paths leaf_paths tostream transpose first last isvalid arrays objects iterables booleans
numbers normals strings nulls scalars trim ltrim rtrim ascii @text @json @csv @tsv @html @uri @sh @base64 @base64d
@base64d todate fromdate gmtime mktime isnan isinfinite infinite nan exp10 log2 significand logb frexp modf
toboolean tojson have_literal_numbers recurse getpath(["a","b"]) has("a") has(0) in({"a":1}) split(",") split("X";"g")
join("-") ltrimstr("a") rtrimstr("c") trimstr("a") startswith("a") endswith("c") test("[a-c]") test("B";"i")
match("[a-z]";"g") capture("(?<x>[a-z])(?<y>.)?") scan("[a-z]+") [splits(",")] sub("[a-z]";"_") gsub("[aeiou]";"<>")
gsub("(?<l>[a-z])";"\\(.l|ascii_upcase)") gsub("";"-") ascii(65) index("b") rindex("b") indices("b") indices(1) inside("abcabc") contains("b")
contains({"a":1}) flatten(1) range(3) [range(0;10;3)] combinations [limit(2;.[]?)] [.[:2]] .[1:] .[:-1] .[-2:]
group_by(.a) sort_by(.a) unique_by(length) min_by(.a) max_by(.b) map_values(.) with_entries(.) walk(.) del(.a) del(.[0])
to_entries? splits("b") ascii_downcase? tojson? error ltrimstr(1) pick(.a) pick(.[0]) getpath([0]) setpath(["a"];1)
delpaths([["a"],["b"]]) paths(type=="number") any(.==1) all(.!=null) isempty(.[]?) limit(3;repeat(1)) skip(1;.[]?)
first(.[]?) until(true;.) [.[]?|numbers] env|type $__loc__ @json"x\\(.)y" @base64"z\\(.)" ascii
strftime("%Y-%m-%dT%H:%M:%SZ") strptime("%Y-%m-%dT%H:%M:%SZ") splits("a";"g") tojson|fromjson have_decnum
truncate_stream(1;tostream) fromstream(tostream) [tostream] bsearch(1) pow(.;2) log10 ldexp(.;2) getpath([]) error(null)
INDEX(.a) IN(1,2) IN(.[]?;1,2) INDEX(.[]?;.a) JOIN({"1":2};.[0]?) ascii@base32d
ltrimstr("ab") trimstr("b") ltrimstr(.[0]?) tojson|length getpath(["a",0,"b"]) getpath([null]) has(null) has(-1) has(1.5) .[1.7]? .[-1.5]?
.[null]? .[nan]? .[[1]]? .[{"start":1,"end":null}]? .["a","b"]? .[1,0]? ..|numbers? to_entries|from_entries with_entries(.value|=tostring)
with_entries(select(.key!="a")) map_values(empty) map_values(.,.) map(.+1)? del(.[0,1]) del(.a,.b) del(.[1:]) del(.[]) del(..) delpaths([[]])
to_entries|map(.key) limit(-1;1) limit(2;.[]?) skip(-1;.[]?) first(range(5)) nth(2;range(5)) nth(-1;1) [limit(4;while(.!=3;.+.)?)]
[recurse(if.|type=="number"and.<3then.+1elseemptyend)] [recurse(.[]?;.!=null)] [recurse] [..] input_filename splits(", *";null)
ascii_downcase|ascii_upcase explode|implode implode tojson|tojson @text"\\(.)" @json"\\(.)" @csv"\\([.])" @tsv"\\([.])" @html"<\\(.)>" @uri"?\\(.)" @sh"\\(.)"
@base64d"\\(.)" @urid @urid"\\(.)" fromjson? tojson|fromjson ltrimstr(null) tostring|tonumber? gmtime|mktime gmtime|todate todate|fromdate date dateadd("seconds";1)
datesub("seconds";1) fromdateiso8601 todateiso8601 dateiso8601? strftime("%a,%d%b%Y%H:%M:%S%Z") strftime("%j%U%w%e%y%I%p") strflocaltime("%Y") localtime
strptime("%Y-%m-%d") strptime("%d%b%Y")? gmtime|strftime("%s") mktime? now|type test("a";"x") test("A.*c";"ix") match("";"g") match("(a)|(b)";"g") match(["b","g"])
[match("(?<n>a)?b";"g")|.captures] capture("(?<a>.)(?<b>x)?";"g") [scan("(.)(b)?")] scan("c";"i") [scan("";"g")] split("b";null) split("";null) split("") split(", *";"g")
sub("(?<x>.)";"\\(.x)\\(.x)") sub("b";"1","2") gsub("^";">") gsub("$";"<") gsub("(?<x>[a-c])";"[\\(.x)]";"i") gsub("a";"b";"g") gsub("\\\\s";"") gsub("[^a-z]";"") sub("a*";"x";"g")
ascii_downcase|test("É";"i") any(.[]?;.) all(.[]?;.) any(.a) flatten(-1) flatten(0) range(0;3;1) [range(3;0;-1)] [range(0;1;0.3)] [range(5)|select(.%2==0)] [range(-1)] range(0;2,3)
floor|tostring sqrt|floor pow(2;.) pow(.;0.5) log exp exp2 log1p expm1 cbrt sin cos atan tan asin acos sinh cosh tanh asinh gamma lgamma tgamma lgamma_r trunc significand drem(.;3) ldexp(.;1)
scalb(.;1) scalbln(.;1) nearbyint rint fma(.;2;1) fmin(.;1) fmax(.;1) fmod(.;3) hypot(.;1)? atan2(.;1) copysign(.;-1) logb frexp modf toarray have_literal_numbers trimstr("") getpath(["a"])?
tojson|test("a") splits("a") limit(3;..) paths(..) [paths(type=="array")] pick(.a.b) pick(.[1]) pick(first)? pick(.a,.b)? error({a:1})? try(error)catch. error(null)? (1,2)|error? halt_error? getpath(["x"])|=1
.a|=.?  .a|=empty .[]+=1 .[0]|=.+1? .a.b|=1 .[1:]|=map(.)? .[2:4]=["x"]? .[-1]=9? .["a"]?=1 ..|=. (.a,.b)=1 (.a|.b)|=2 .a//=1 .[]//="d" to_entries[]? .a?//"x" .a+="s" .a-=1 .a*=2 .a/=2 .a%=2 first(.[]?)|=1
limit(1;.[]?)|=5 (.[]|select(.!=null))|=1 getpath(["a","b"])=1 paths|=. .[.a]?=1 reduce.[]?as$xs(0;.+1) ltrimstr("x","a") min_by(.a,.b) sort_by(.a,.b) group_by(type) unique_by(type) unique_by(.a?) sort_by(-.)? max_by(length)?
add(.[]?.a?) add(empty) add/length? walk(iftype=="number"then.+1else.end) walk(select(.!=1)) walk(numbers|=.+1)? transpose? combinations(2)? [combinations]? input? inputs? splits(1)? ascii(.)? tojson? bsearch(0,"a") bsearch(null)
tostream|select(length==2) [tostream]|fromstream(.[]) fromstream(1|truncate_stream([[0],1],[[1,0],2],[[1,0]],[[1]])) [1|truncate_stream([[0],1],[[1,0],2],[[1,0]],[[1]])] limit(5;tostream) getpath(paths) [paths as $p|getpath($p)]
$ENV|type env|type $__loc__.line $__prog_args? splits("";"g") ltrimstr({}) tojson|@sh @sh @html @csv? @tsv? getpath(["a","b","c"])? error("x")? trim? ltrim? abs toboolean have_decnum significand? ldexp? implode? @json|fromjson GROUP_BY limit(0;1) nth(1) nth(0;.[]?) @uri"\\(.)" ltrimstr("") min_by(length) add(.[]?) debug""".split()


# What is split at spaces above may need some: they are left out of names and kept in texts by these.
FUNCTIONS = [function for function in FUNCTIONS if function != "ascii@base32d"] + [
    "if . == null then 1 else . end", "[recurse(if type == \"number\" and . < 3 then . + 1 else empty end)]",
    "[foreach .[]? as [$k, $v] (0; . + 1; [$k, $v, .])]", "[foreach range(3) as $i (.; .; $i)]", "[limit(3; repeat(.))]",
    "reduce .[]? as {a: $x} (0; . + ($x // 1))", "[.[]? as {a: $x, b: [$y]} ?// [$x, $y] ?// $x | [$x, $y]]",
    "[.[]? | (.a, .b)?]", "label $f | .[]? | if . == 1 then break $f else . end", "[splits(\", *\"; null)]", "ltrimstr(\"a\") | rtrimstr(\"c\")",
    "strptime(\"%H:%M %a\")?", "strptime(\"%d %b %Y\")?", "strftime(\"%A, %B %d, %Y\")", "strftime(\"%e %k %l %D %T\")?", "todate | strptime(\"%Y-%m-%dT%H:%M:%SZ\") | mktime",
    "def f: if type == \"array\" then map(f) else . end; f", "def f(x): x * 2; f(.[]?)", "def f($a; $b): $a + $b; f(.; .)", "def r: if . > 3 then . else (. + 1 | r) end; 0 | r",
    "try error catch (., 1)", "(try error(\"x\") catch .), 2", "[.[]? | try tonumber catch \"no\"]", "first(.[]? | select(. != null)) // \"none\"", ".. |= (if type == \"string\" then length else . end)",
    "[paths as $p | [$p, getpath($p)]]", "to_entries | map(select(.value != null)) | from_entries", "[.[]? | strings | ascii_downcase]", "tojson | [match(\"[0-9]+\"; \"g\").string]",
    ". as [$a, [$b]] | {$a, $b}", ". as {a: $x} | $x", ". as {\"a b\": $x, (\"c\"): $y, $name} | [$x, $y, $name]", "{(.[]? | tostring): 1}", "{a, b: .c, \"x\\(1)\": 2, @base64 \"k\": 3}", "[.[:-1][]?, .[-1:][]?]",
    "getpath([\"a\", \"b\"]) as $x | $x", "@text \"\\(1 + 2)\", @json \"v: \\(.)\"", "limit(3; .[]?, 1, 2, 3)", "[range(0, 1; 3, 4)]", "[.[]?] | sort | unique | reverse", "ascii", "@uri \"\\(.)/x\"",
    "(.a, .b) |= (. // 1)", ".[]? |= (., .)", "(.. | numbers) |= . + 1", "del(.. | nulls)", "to_entries | group_by(.value | type) | map(length)", "[.[]? | objects | keys_unsorted]", "delpaths([paths(numbers)])", "reduce paths as $p (.; .)",
]


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def value(self, depth=3):
        kind = self.random.random()
        if depth == 0 or kind < 0.45:
            return self.random.choice(SCALARS)
        count = self.random.randrange(4)
        if kind < 0.7:
            return [self.value(depth - 1) for _ in range(count)]
        return {self.random.choice(KEYS): self.value(depth - 1) for _ in range(count)}

    def path(self):
        text = ""
        for _ in range(self.random.randint(1, 3)):
            step = self.random.choice(['.a', '.b', '.c', '.list', '.name', '["a b"]', '[0]', '[-1]', '[]', '[1:]', '[:1]'])
            text += step if step[0] == "." or text else "." + step
            if self.random.random() < 0.3:
                text += "?"
        return text

    def program(self, depth=3):
        pick = self.random.choice
        if depth == 0:
            return pick([self.path(), self.path(), ".", pick(LITERALS), pick(FUNCTIONS)])

        def sub():
            return "(" + self.program(depth - 1) + ")"

        return pick([
            lambda: f"{sub()} | {pick(FUNCTIONS)}",
            lambda: f"{sub()} | {pick(FUNCTIONS)}",
            lambda: f"{sub()} | {sub()}",
            lambda: f"{sub()}, {sub()}",
            lambda: f"{sub()} {pick(['+', '-', '*', '/', '%'])} {sub()}",
            lambda: f"{sub()} {pick(['==', '!=', '<', '<=', '>', '>='])} {sub()}",
            lambda: f"{sub()} {pick(['and', 'or', '//'])} {sub()}",
            lambda: f"[{sub()}, {sub()}]",
            lambda: "{" + f"a: {sub()}, \"b\\(1)\": {sub()}, ({sub()} | tostring): 1" + "}",
            lambda: f"if {sub()} then {sub()} elif {sub()} then {sub()} else {sub()} end",
            lambda: f"if {sub()} then {sub()} end",
            lambda: f"try {sub()} catch {sub()}",
            lambda: f"{sub()}?",
            lambda: f"{sub()} as $x | {sub()} | [$x, .]",
            lambda: f"{sub()} as [$x, {{a: $y}}] | [$x, $y]",
            # Taken by itself: libjq's `?//` also catches what is raised behind it.
            lambda: f"[. as [$x] ?// {{a: $x}} ?// $x | [., $x]] | {sub()}",
            # One state only: with several, libjq forgets what it has moved out of its input.
            lambda: f"reduce {sub()} as $x (first({sub()}); . + $x)",
            lambda: f"[foreach {sub()} as $x (0; . + 1; [$x, .])]",
            lambda: f"label $out | {sub()} | ., break $out",
            lambda: f"def f(g): g | {sub()}; f({sub()})",
            lambda: f"def f($v; g): [$v, g]; f({sub()}; {sub()})",
            lambda: f"{self.path()} {pick(['=', '|=', '+=', '-=', '*=', '//=', '%='])} {sub()}",
            lambda: f"del({self.path()})",
            lambda: f"[paths({sub()})]",
            lambda: f"path({self.path()})",
            lambda: f"map({sub()})",
            lambda: f"map(select({sub()}))",
            lambda: f"first({sub()}), [limit(2; {sub()})]",
            lambda: f"any({sub()}), all({sub()})",
            lambda: f"sort_by({sub()}) | group_by({sub()})",
            lambda: f"\"x\\({sub()})y\\({sub()})\"",
            lambda: f"with_entries({sub()})",
            lambda: f"[.. | {sub()}]",
            lambda: f"-{sub()}",
            lambda: f"getpath({sub()})",
            lambda: f"to_entries | map({sub()})",
            lambda: f"walk({sub()})",
        ])()


def wrapped(program):
    """One array in, one array out: for each element what the program gives, or what it raises."""
    return f"[.[] | try {{ok: [limit(20; {program}\n)]}} catch {{error: .}}]"


def by_libjq(program, text):
    import jq
    try:
        compiled = jq.compile(program)
    except ValueError:
        return "does not compile"
    try:
        return compiled.input_text(text).first()
    except ValueError as failure:
        return "fails: " + str(failure)


def by_executable(path, program, text):
    done = subprocess.run([path, "-c", program], input=text.encode(), capture_output=True, timeout=60,
                          env={"TZ": "UTC", "PATH": os.environ.get("PATH", "")})
    if done.returncode == 3:
        return "does not compile"
    if done.returncode != 0:
        return "fails: " + done.stderr.decode(errors="replace").strip()
    return done.stdout.decode()


def as_values(answer):
    return json.loads(answer) if answer[:1] == "[" else answer


def by_riptide(riptide, program, text):
    done = subprocess.run([riptide, "jq", "-c", program], input=text.encode(), capture_output=True, timeout=60,
                          env={"TZ": "UTC", "PATH": os.environ.get("PATH", "")})
    if done.returncode == 3:
        return "does not compile"
    if done.returncode != 0:
        return "fails: " + done.stderr.decode(errors="replace").strip()
    return done.stdout.decode()


def comparable(value):
    """JSON text in which equal numbers are equal; a text, as Python takes 1 for true."""
    def as_double(part):
        if isinstance(part, bool) or part is None or isinstance(part, str):
            return part
        if isinstance(part, (int, float)):
            return float(part)
        if isinstance(part, list):
            return [as_double(element) for element in part]
        return {key: as_double(member) for key, member in part.items()}

    return json.dumps(as_double(value), sort_keys=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("riptide")
    arguments.add_argument("--programs", type=int, default=2000)
    arguments.add_argument("--seed", type=int, default=20240131)
    arguments.add_argument("--jq")
    options = arguments.parse_args()
    os.environ["TZ"] = "UTC"
    generate = Generator(options.seed)
    compared = differing = refused = 0
    for _ in range(options.programs):
        program = generate.program()
        inputs = [generate.value() for _ in range(6)]
        text = json.dumps(inputs, ensure_ascii=False)
        ours = by_riptide(options.riptide, wrapped(program), text)
        if options.jq:
            theirs = by_executable(options.jq, wrapped(program), text)
            if ours == theirs:
                compared += 1
                refused += theirs == "does not compile"
                continue
            theirs = as_values(theirs)
        else:
            theirs = by_libjq(wrapped(program), text)
        ours = as_values(ours)
        compared += 1
        if theirs == "does not compile":
            refused += 1
        if isinstance(ours, str) and isinstance(theirs, str) and ours[:5] == theirs[:5]:
            continue
        if not options.jq and comparable(ours) == comparable(theirs):
            continue
        differing += 1
        print(f"program: {program}")
        if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
            for number, (our, their) in enumerate(zip(ours, theirs)):
                if json.dumps(our) != json.dumps(their):
                    print(f"  input:   {json.dumps(inputs[number], ensure_ascii=False)}")
                    print(f"  riptide: {json.dumps(our, ensure_ascii=False)}")
                    print(f"  libjq:   {json.dumps(their, ensure_ascii=False)}")
                    break
        else:
            print(f"  input:   {text}\n  riptide: {ours}\n  libjq:   {theirs}")
    print(f"seed {options.seed}: {compared} programs on 6 inputs each, {refused} of them refused, {differing} differ")
    return 1 if differing or compared == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
