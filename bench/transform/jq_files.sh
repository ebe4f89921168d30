#!/bin/sh
# riptide jq beside jq on a file: medians of both in one run, and the ratio. Usage:
#   bench/transform/jq_files.sh PATH-OF-RIPTIDE [MEGABYTES [RUNS]]
# The file holds made-up records of about 1 KB, one a line; no number in it is printed in different ways by jq 1.6 and 1.8
# (as 0.00001 is, and 1.0). Without jq there is nothing to compare with: skipped.
set -eu

riptide=${1:?usage: jq_files.sh PATH-OF-RIPTIDE [MEGABYTES [RUNS]]}
megabytes=${2:-200}
runs=${3:-3}
jq=${JQ:-jq}
if ! command -v "$jq" > /dev/null; then
  echo "skipped: jq is not installed"
  exit 0
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
records=$folder/records.ndjson

awk -v bytes="$((megabytes * 1000000))" 'BEGIN {
  srand(7)
  count = split("deploy project release tenant environment variable runbook step worker account machine health " \
                "package feed trigger lifecycle channel", words, " ")
  for (id = 0; written < bytes; ++id) {
    text = ""
    for (i = 0; i < 45; ++i) text = text words[1 + int(rand() * count)] " "
    if (id % 50 == 0) text = text "\303\251t\303\251"
    if (id % 10 == 0) text = text "\\n\\\"quoted\\\""
    labels = ""
    for (i = 1; i <= 6; ++i) labels = labels (i > 1 ? "," : "") "\"" words[i + int(rand() * 11)] i "\":\"" words[1 + int(rand() * count)] "\""
    counts = ""
    for (i = 1; i <= 8; ++i) counts = counts (i > 1 ? "," : "") int(rand() * 1000000)
    line = sprintf("{\"id\":%d,\"key\":\"Projects-%d\",\"name\":\"%s %s\",\"active\":%s,\"score\":%d.%d,\"team\":\"%s\"," \
                   "\"owner\":{\"id\":%d,\"email\":\"user%d@example.org\",\"groups\":[\"%s\",\"%s\"]}," \
                   "\"description\":\"%s\",\"labels\":{%s},\"created\":\"2024-%02d-%02dT10:00:00.000Z\",\"counts\":[%s]," \
                   "\"parent\":null,\"links\":{\"self\":\"/api/Spaces-1/projects/Projects-%d\"," \
                   "\"web\":\"https://octopus.example.org/app#/Spaces-1/projects/%d\"}}",
                   id, id, words[1 + int(rand() * count)], words[1 + int(rand() * count)],
                   rand() < 0.5 ? "true" : "false", int(rand() * 100), 1 + int(rand() * 9), words[1 + int(rand() * count)], int(rand() * 1000),
                   int(rand() * 1000), words[1 + int(rand() * count)], words[1 + int(rand() * count)], text, labels,
                   1 + int(rand() * 12), 1 + int(rand() * 28), counts, id, id)
    print line
    written += length(line) + 1
  }
}' > "$records"

# Prints the median of the seconds that a command takes.
median() {
  i=0
  while [ "$i" -lt "$runs" ]; do
    begin=$(date +%s%N)
    "$@" > "$folder/out" || true
    end=$(date +%s%N)
    echo $((end - begin))
    i=$((i + 1))
  done | sort -n | awk '{ all[NR] = $1 } END { printf "%.3f", all[int((NR + 1) / 2)] / 1e9 }'
}

compare() {
  theirs=$(median "$jq" "$@" "$records")
  cp "$folder/out" "$folder/theirs"
  ours=$(median "$riptide" jq "$@" "$records")
  same=$(cmp -s "$folder/out" "$folder/theirs" && echo "same output" || echo "OUTPUT DIFFERS")
  [ "$same" = "same output" ] || cmp "$folder/out" "$folder/theirs" || true
  awk -v what="$*" -v ours="$ours" -v theirs="$theirs" -v same="$same" \
    'BEGIN { printf "%-68s %8.3f s %8.3f s %7.1f x  %s\n", what, theirs, ours, theirs / ours, same }'
}

echo "$("$jq" --version), $(nproc) cores, $megabytes MB, medians of $runs"
printf '%-68s %10s %10s %9s\n' "" "$(basename "$jq")" "riptide jq" "ratio"
compare -c '.id'
compare -c 'select(.active and .score > 50) | {id, name, team}'
compare -c '.'
compare -c -s 'group_by(.team) | map({team: .[0].team, count: length})'
