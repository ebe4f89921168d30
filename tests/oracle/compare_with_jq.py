#!/usr/bin/env python3
"""Random programs on random inputs: `riptide jq` against libjq 1.8, through the Python package jq.

usage: compare_with_jq.py RIPTIDE [--programs N] [--seed S]

Exits with 1 and prints each difference (program, input, both answers) if there is one. The seed is printed.
"""
import argparse
import json
import os
import random
import subprocess
import sys

import jq

KEYS = ["a", "b", "c", "name", "list", "a b", "é"]
SCALARS = [
    None, True, False, 0, 1, -1, 3, 2.5, -0.25, 100, 1e300, 1e-5, 12345678, 0.1,
    "", "a", "b", "abc", "A-b_C", "x,y,z", "a/b/c", " pad ", "12", "1.5e3", "café", "日本語", "😀", "tab\t\"q\"\\",
    "2015-03-05T23:51:47Z", "aXbXc", "[1,{\"a\":2}]", "aGVsbG8=",
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
first(.[]?) until(true;.) [.[]?|numbers] env|type input_line_number $__loc__ @json"x\\(.)y" @base64"z\\(.)" ascii
strftime("%Y-%m-%dT%H:%M:%SZ") strptime("%Y-%m-%dT%H:%M:%SZ") splits("a";"g") tojson|fromjson have_decnum
truncate_stream(1;tostream) fromstream(tostream) [tostream] bsearch(1) pow(.;2) log10 ldexp(.;2) getpath([]) error(null)
INDEX(.a) IN(1,2) GROUP_BY limit(0;1) nth(1) nth(0;.[]?) @uri"\\(.)" ltrimstr("") min_by(length) add(.[]?) debug""".split()


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
            lambda: f"reduce {sub()} as $x ({sub()}; . + $x)",
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
    try:
        compiled = jq.compile(program)
    except ValueError:
        return "does not compile"
    try:
        return compiled.input_text(text).first()
    except ValueError as failure:
        return "fails: " + str(failure)


def by_riptide(riptide, program, text):
    done = subprocess.run([riptide, "jq", "-c", program], input=text.encode(), capture_output=True, timeout=60,
                          env={"TZ": "UTC", "PATH": os.environ.get("PATH", "")})
    if done.returncode == 3:
        return "does not compile"
    if done.returncode != 0:
        return "fails: " + done.stderr.decode(errors="replace").strip()
    return json.loads(done.stdout)


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
    options = arguments.parse_args()
    os.environ["TZ"] = "UTC"
    generate = Generator(options.seed)
    compared = differing = refused = 0
    for _ in range(options.programs):
        program = generate.program()
        inputs = [generate.value() for _ in range(6)]
        text = json.dumps(inputs, ensure_ascii=False)
        theirs = by_libjq(wrapped(program), text)
        ours = by_riptide(options.riptide, wrapped(program), text)
        compared += 1
        if theirs == "does not compile":
            refused += 1
        if isinstance(ours, str) and isinstance(theirs, str) and ours[:5] == theirs[:5]:
            continue
        if comparable(ours) == comparable(theirs):
            continue
        differing += 1
        print(f"program: {program}")
        if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
            for number, (our, their) in enumerate(zip(ours, theirs)):
                if comparable(our) != comparable(their):
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
