#!/bin/sh
# How much faster issues come project by project than as the one chain of tokens that a search is, and that the issues are
# the same. Prints one JSON object a run, and for 200 projects of 500 issues the verdict.
#   jira_partition.sh BUILD_FOLDER [PROJECTS [ISSUES_PER_PROJECT [LATENCY_MS [IN_FLIGHT]]]]
#   ISSUES=N,NxTIMES,... jira_partition.sh BUILD_FOLDER - - LATENCY_MS IN_FLIGHT    another shape
#   KIND=worklog jira_partition.sh ...                                              the worklogs of those issues
set -eu
build=$(cd "$1" && pwd)
projects=${2:-200}
issues=${3:-500}
latency=${4:-100}
in_flight=${5:-10}
work=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"

shape="--projects $projects --issues-per-project $issues"
[ -z "${ISSUES:-}" ] || shape="--issues $ISSUES"
# shellcheck disable=SC2086
"$build/bench/simulator/riptide-simulator" jira $shape --latency-ms "$latency" >ready &
server=$!
while ! grep -q listening ready; do sleep 0.1; done
url=$(sed 's/listening on //' ready)

kind=${KIND:-issue}
case $kind in
  issue) fields="identifier: .key, title: .fields.summary" ;;
  worklog) fields="identifier: .id, title: .__issueKey" ;;
  *) echo "no search finds the kind $kind" >&2 && exit 2 ;;
esac
cat >mapping.yaml <<YAML
resources:
  - kind: $kind
    selector: {query: "true", jql: "status in ('To Do', 'In Progress', 'Done')"}
    port: {entity: {mappings: {$fields, blueprint: '"jira"'}}}
YAML
export OCEAN__INTEGRATION__TYPE=jira
export OCEAN__INTEGRATION__CONFIG__JIRA_HOST="$url"
export OCEAN__INTEGRATION__CONFIG__ATLASSIAN_USER_EMAIL=somebody@example.test
export OCEAN__INTEGRATION__CONFIG__ATLASSIAN_USER_TOKEN=token
export XDG_STATE_HOME="$work/state"
for partition in ${PARTITIONS:-auto none}; do
  OCEAN__INTEGRATION__CONFIG__PARTITION=$partition "$build/riptide" sync --mapping mapping.yaml --in-flight "$in_flight" \
    --sink "ndjson:$partition.ndjson" --report report.json --progress none --log-level ERROR 2>errors || {
    cat errors >&2
    exit 1
  }
  sort "$partition.ndjson" >"$partition.sorted"
  seconds=$(sed -n 's/^ *"seconds": *\([0-9.]*\).*/\1/p' report.json | head -1)
  [ -n "$seconds" ] || seconds=$(grep -o '"seconds":[0-9.]*' report.json | head -1 | cut -d: -f2)
  requests=$(grep -o '"requests": *[0-9]*' report.json | tail -1 | grep -o '[0-9]*$')
  printf '{"partition":"%s","seconds":%s,"requests":%s,"records":%s,"set":"%s"}\n' "$partition" "$seconds" "$requests" \
    "$(wc -l <"$partition.sorted")" "$(sha256sum "$partition.sorted" | cut -c1-16)"
  eval "seconds_$partition=$seconds"
done
[ -n "${seconds_auto:-}" ] && [ -n "${seconds_none:-}" ] || exit 0
cmp -s auto.sorted none.sorted || {
  echo "jira_partition.sh: the issues are not the same" >&2
  exit 1
}
[ "$projects $issues $latency $in_flight${ISSUES:-}" = "200 500 100 10" ] || exit 0
awk -v one="$seconds_none" -v apart="$seconds_auto" 'BEGIN {
  v = one / apart
  what = "Jira, 200 projects x 500 issues, 100 ms, 10 at once: times one chain"
  printf "%-72s %9.2f  >= %-8s %s\n", what, v, 6, v >= 6 ? "ok" : "MISSED"
  exit v >= 6 ? 0 : 1
}'
