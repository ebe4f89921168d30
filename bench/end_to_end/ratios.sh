#!/usr/bin/env bash
# The ratios that the project holds itself to, each within one run of `riptide bench`, whose answers are checked.
# usage: bench/end_to_end/ratios.sh RIPTIDE [REPEATS]   (results as JSON lines go to bench/results/)
set -euo pipefail
riptide=$1
repeats=${2:-10}
results=$(dirname "$0")/../results/end_to_end.ndjson
: >"$results"
missed=0

# measure NAME ARGS...: runs `riptide bench --json ARGS`, keeps its lines.
measure() {
  local name=$1
  shift
  lines=$("$riptide" bench --json --repeat "$repeats" "$@" 2>/dev/null | grep '^{')
  while IFS= read -r line; do printf '{"bench":"%s","command":"riptide bench --repeat %s %s",%s\n' \
    "$name" "$repeats" "$*" "${line#\{}"; done <<<"$lines" >>"$results"
}

# median PROGRAM FIELD: of the lines measured last.
median() {
  grep -F "\"program\":\"$1\"" <<<"$lines" | sed -E "s/.*\"$2\":([0-9.]+).*/\1/" | sort -g |
    awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# hold WHAT VALUE RELATION BOUND
hold() {
  local verdict
  verdict=$(awk -v v="$2" -v r="$3" -v b="$4" 'BEGIN { print ((r == "<=" && v <= b) || (r == ">=" && v >= b)) ? "ok" : "MISSED" }')
  [[ $verdict == ok ]] || missed=1
  printf '%-72s %9.2f  %s %-8s %s\n' "$1" "$2" "$3" "$4" "$verdict"
}
over() { awk -v a="$1" -v b="$2" 'BEGIN { print a / b }'; }

measure zero-latency --floor
zero_rate=$(median riptide records_per_second)
hold "zero latency, 200,000 x 2 KB: rate beside the one-thread floor" \
  "$(over "$zero_rate" "$(median 'floor: one thread' records_per_second)")" '>=' 0.85
hold "zero latency: CPU a record beside the one-thread floor" \
  "$(over "$(median riptide cpu_us_per_record)" "$(median 'floor: one thread' cpu_us_per_record)")" '<=' 1.5
hold "zero latency: CPU of the server beside the client's" \
  "$(over "$(median riptide server_cpu_seconds)" "$(median riptide cpu_seconds)")" '<=' 0.2
large=$(median riptide peak_rss_bytes)
hold "peak memory of 200,000 records, MiB" "$(over "$large" 1048576)" '<=' 160

measure twenty-thousand --entities 20000
small=$(median riptide peak_rss_bytes)
growth=$(awk -v a="$large" -v b="$small" 'BEGIN { print (a - b) / 1048576 }')
hold "peak memory from 20,000 to 200,000 records, MiB more" "$growth" '<=' 18.98

slow=$(awk -v r="$zero_rate" 'BEGIN { print int(r / 10) }')
saved=$repeats
repeats=1
measure slow-sink --sink-limit "$slow"
large=$(median riptide peak_rss_bytes)
measure slow-sink-twenty-thousand --entities 20000 --sink-limit "$slow"
small=$(median riptide peak_rss_bytes)
repeats=$saved
hold "the same with a sink ten times slower than the source, MiB more" \
  "$(awk -v a="$large" -v b="$small" 'BEGIN { print (a - b) / 1048576 }')" '<=' 18.98

# Scopes of one page each: how many there are must not show.
repeats=1
for scopes in 1000 10000 100000; do
  measure "$scopes-scopes" --shape "machine=1x$scopes"
  peak[$scopes]=$(median riptide peak_rss_bytes)
done
repeats=$saved
hold "peak memory from 1,000 to 10,000 scopes of one page, MiB more" \
  "$(over "$((peak[10000] - peak[1000]))" 1048576)" '<=' 8
hold "... from 10,000 to 100,000, bytes a scope" "$(over "$((peak[100000] - peak[10000]))" 90000)" '<=' 320

measure sixty-spaces-at-once --shape machine=1000x60 --latency-ms 0
at_zero=$(median riptide cpu_us_per_record)
measure sixty-spaces --shape machine=1000x60 --latency-ms 60
hold "60 spaces x 10 pages at 60 ms, 32 in flight: wall beside its bound" \
  "$(over "$(median riptide seconds)" 1.3069)" '<=' 1.15
hold "60 spaces: CPU a record beside that at zero latency" "$(over "$(median riptide cpu_us_per_record)" "$at_zero")" '<=' 3
measure one-large-space --shape machine=50000,1000x99 --latency-ms 60
hold "one space of 500 pages beside 99 of 10: wall beside its bound" "$(over "$(median riptide seconds)" 2.9756)" '<=' 1.15
exit "$missed"
