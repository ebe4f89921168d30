# What modulemeta tells of a module, and how its imports are found: beside it, beside the folder above, by -L.
module {whatever: null};
import "a" as foo;
import "d" as d {search: "./"};
import "d" as d2 {search: "./"};
import "e" as e {search: "./../lib/jq"};
import "f" as f {search: "./../lib/jq"};
import "data" as $d;
def a: if $d == $d::d and ($d | length) == 1 then 0 else error("data") end;
def c: if d::meh == d2::meh and f::f == "f" then foo::a + "c" + d::meh + e::bah else error("names") end;
