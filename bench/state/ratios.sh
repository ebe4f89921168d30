#!/usr/bin/env bash
# The bounds of what is remembered of 10,000,000 entities: memory, look-ups a second, the commit, in memory and within
# the share of a budget of 128 MiB. Prints the measures too. usage: bench/state/ratios.sh STATE_BENCH [ENTITIES]
set -euo pipefail
entities=${2:-10000000}
lines=$("$1" "$entities" 0 128)
printf '%s\n' "$lines"
missed=0

# values MEMORY FIELD [BENCH]: of all rows with that memory.
values() {
  local rows
  if [[ $1 == unbounded ]]; then rows=$(grep '"spilled":false' <<<"$lines"); else rows=$(grep '"spilled":true' <<<"$lines"); fi
  grep -F "${3:-\"bench\"}" <<<"$rows" | sed -nE "s/.*\"$2\":([0-9.]+).*/\1/p" | sort -g
}
# hold WHAT VALUE RELATION BOUND
hold() {
  awk -v what="$1" -v v="$2" -v r="$3" -v bound="$4" 'BEGIN {
    fine = v != "" && (r == "<=" ? v + 0 <= bound : v + 0 >= bound)
    printf "%-72s %12.2f  %s %-8s %s\n", what, v, r, bound, fine ? "ok" : "MISSED"
    exit fine ? 0 : 1
  }' || missed=1
}

hold "$entities digests in memory: peak, MiB" "$(values unbounded peak_rss_mib '"digest store' | tail -1)" '<=' 600
hold "... the slowest run's look-ups a second" "$(values unbounded asked_per_second '"digest store' | head -1)" '>=' 1000000
hold "... the slowest commit, s" "$(values unbounded commit_s '"digest store' | tail -1)" '<=' 120
hold "$entities digests with 128 MiB: peak, MiB" "$(values bounded peak_rss_mib '"digest store' | tail -1)" '<=' 200
hold "... the slowest commit, s" "$(values bounded commit_s '"digest store' | tail -1)" '<=' 120
hold "$entities identities seen with 128 MiB: peak, MiB" "$(values bounded peak_rss_mib '"seen set' | tail -1)" '<=' 200
exit "$missed"
