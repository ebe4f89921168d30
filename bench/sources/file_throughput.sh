#!/bin/sh
# How fast files are read: `sync` of a file into `null`, beside `riptide map` and the bare reading of its bytes.
# Usage: file_throughput.sh RIPTIDE [MEGABYTES [ROUNDS]]
set -eu
riptide=$(realpath "$1")
megabytes=${2:-400}
rounds=${3:-5}
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"

awk -v bytes=$((megabytes * 1000000)) 'BEGIN {
  text = "lorem ipsum dolor sit amet consectetur "
  for (i = 0; i < 4; i++) text = text text
  for (i = 0; written < bytes; i++) {
    line = sprintf("{\"id\":\"s%d\",\"name\":\"Service %d\",\"active\":true,\"n\":%d,\"owner\":{\"team\":\"t%d\",\"mail\":\"a@b.c\"},\"tags\":[\"x\",\"y\"],\"text\":\"%s\"}", i, i, i % 97, i % 13, text)
    print line
    written += length(line) + 1
  }
}' > lines.ndjson
{ echo '['; sed '$!s/$/,/' lines.ndjson; echo ']'; } > array.json
gzip -1 -k lines.ndjson
mkdir many && split -n l/8 --additional-suffix=.ndjson lines.ndjson many/part
cat > mapping.yml <<'YAML'
resources:
  - kind: service
    selector: {query: .active}
    port:
      entity:
        mappings:
          identifier: .id
          blueprint: '"service"'
          title: .name
          properties: {n: .n, mail: .owner.mail}
          relations: {team: .owner.team}
YAML

export OCEAN__INTEGRATION__TYPE=file
seconds() { # the median of some rounds
  for _ in $(seq "$rounds"); do
    begin=$(date +%s%N)
    "$@" > /dev/null 2> errors || { cat errors >&2; exit 1; }
    end=$(date +%s%N)
    echo $(((end - begin) / 1000000))
  done | sort -n | sed -n "$(((rounds + 1) / 2))p"
}
row() {
  name=$1; shift
  ms=$(seconds "$@")
  echo "$name: $ms ms, $((megabytes * 1000 / (ms > 0 ? ms : 1))) MB/s"
}
sync_of() { OCEAN__INTEGRATION__CONFIG__PATH=$1 "$riptide" sync --mapping mapping.yml --sink null --progress none; }
row 'read alone (cat)' cat lines.ndjson
row 'unpack alone (gzip -dc)' gzip -dc lines.ndjson.gz
row 'riptide map' "$riptide" map --mapping mapping.yml --kind service --input lines.ndjson
row 'sync, lines' sync_of lines.ndjson
row 'sync, 8 files of lines' sync_of many
row 'sync, array' sync_of array.json
row 'sync, gzip' sync_of lines.ndjson.gz
