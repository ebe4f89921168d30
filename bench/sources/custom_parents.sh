#!/bin/sh
# How near a `custom` listing below discovered parents comes to what its latency allows: PARENTS parents, PAGES pages
# each, and the listing of the parents, all of 10 records a page. Prints one verdict: wall time beside
# 1.2 x requests x latency / in-flight + 3 x latency; exits with 1 when it is longer, or when entities are missing.
#   custom_parents.sh BUILD_FOLDER [PARENTS [PAGES [LATENCY_MS [IN_FLIGHT]]]]
set -eu
build=$(cd "$1" && pwd)
parents=${2:-500}
pages=${3:-3}
latency=${4:-50}
in_flight=${5:-32}
work=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"

"$build/bench/simulator/riptide-simulator" --spaces "$parents" --records 0 --kinds machine \
  --shape "machine=$((pages * 10))x$parents" --max-take 10 --record-bytes 600 --latency-ms "$latency" >ready &
server=$!
while ! grep -q listening ready; do sleep 0.1; done

cat >mapping.yaml <<'YAML'
resources:
  - kind: /api/{space}/machines
    selector:
      query: "true"
      data_path: .Items
      path_parameters:
        space: {endpoint: /api/spaces, data_path: .Items, field: .Id}
    port: {entity: {mappings: {identifier: '.__space + "/" + .Id', blueprint: '"machine"', title: .Name}}}
YAML
export OCEAN__INTEGRATION__TYPE=custom
export OCEAN__INTEGRATION__CONFIG__BASE_URL="$(sed 's/listening on //' ready)"
export OCEAN__INTEGRATION__CONFIG__PAGINATION_TYPE=offset
export OCEAN__INTEGRATION__CONFIG__PAGINATION_PARAM=skip
export OCEAN__INTEGRATION__CONFIG__SIZE_PARAM=take
export OCEAN__INTEGRATION__CONFIG__PAGE_SIZE=10
export OCEAN__INTEGRATION__CONFIG__TOTAL_PATH=TotalResults
export OCEAN__INTEGRATION__CONFIG__MAX_CONCURRENT_REQUESTS="$in_flight"
export XDG_STATE_HOME="$work/state"
"$build/riptide" sync --mapping mapping.yaml --in-flight "$in_flight" --sink ndjson:out.ndjson --report report.json \
  --progress none --log-level ERROR 2>errors || {
  cat errors >&2
  exit 1
}
seconds=$(grep -o '"seconds": *[0-9.]*' report.json | head -1 | grep -o '[0-9.]*$')
requests=$(grep -o '"requests": *[0-9]*' report.json | tail -1 | grep -o '[0-9]*$')
entities=$(wc -l <out.ndjson)
expected=$((parents * pages * 10))
[ "$entities" -eq "$expected" ] || {
  echo "custom_parents.sh: $entities entities, not $expected" >&2
  exit 1
}
awk -v s="$seconds" -v n="$requests" -v l="$latency" -v f="$in_flight" -v p="$parents" -v g="$pages" 'BEGIN {
  bound = 1.2 * n * l / 1000 / f + 3 * l / 1000
  what = sprintf("custom, %d parents x %d pages at %d ms, %d in flight, %d requests: s", p, g, l, f, n)
  printf "%-72s %9.2f  <= %-8.2f %s\n", what, s, bound, s <= bound ? "ok" : "MISSED"
  exit s <= bound ? 0 : 1
}'
