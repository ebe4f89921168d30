#!/usr/bin/env bash
# The bounds of the transform, each a ratio within one run of its benches (CPU time, medians of three).
# usage: bench/transform/ratios.sh TRANSFORM_BENCH
set -euo pipefail
rows=$("$1" --benchmark_repetitions=3 --benchmark_report_aggregates_only=true --benchmark_format=json 2>/dev/null |
  awk -F'": ' '/"name": / { name = $2 } /"real_time": / { real = $2 } /"cpu_time": / { print name real $2 }')
missed=0

# A row is "NAME_median",REAL,CPU, in nanoseconds.
row() { grep -F "\"$1_median\"" <<<"$rows"; }
real() { row "$1" | cut -d, -f2; }
cpu() { row "$1" | cut -d, -f3; }

# hold WHAT A B RELATION BOUND: A over B
hold() {
  awk -v what="$1" -v a="$2" -v b="$3" -v r="$4" -v bound="$5" 'BEGIN {
    v = a / b
    fine = r == "<=" ? v <= bound : v >= bound
    printf "%-72s %9.2f  %s %-8s %s\n", what, v, r, bound, fine ? "ok" : "MISSED"
    exit fine ? 0 : 1
  }' || missed=1
}

hold "Octopus, default mapping: times libjq" "$(cpu BM_Transform_Libjq/0)" "$(cpu BM_Transform_Octopus/50)" '>=' 50
hold "Jira, default mapping: times libjq" "$(cpu BM_Transform_Libjq/1)" "$(cpu BM_Transform_Jira/50)" '>=' 50
hold "Jira, heavy mapping: times libjq" "$(cpu BM_Transform_Libjq/2)" "$(cpu BM_Transform_JiraHeavy/50)" '>=' 20
hold "Octopus: time beside simdjson's DOM alone" "$(cpu BM_Transform_Octopus/50)" "$(cpu BM_Transform_FloorDom/0)" '<=' 2
hold "Jira: time beside simdjson's DOM alone" "$(cpu BM_Transform_Jira/50)" "$(cpu BM_Transform_FloorDom/1)" '<=' 1
hold "Octopus: time beside extraction by hand" "$(cpu BM_Transform_Octopus/50)" "$(cpu BM_Transform_ByHand/0)" '<=' 0.7
hold "Jira: time beside extraction by hand" "$(cpu BM_Transform_Jira/50)" "$(cpu BM_Transform_ByHand/1)" '<=' 0.7
for shape in Octopus Jira; do
  hold "$shape: speed of two threads beside one's" "$(real "BM_Transform_${shape}Threads/real_time/threads:1")" \
    "$(real "BM_Transform_${shape}Threads/real_time/threads:2")" '>=' 1.8
done
exit "$missed"
