#!/usr/bin/env bash
# Other servers that speak Kinesis' protocol do what `tidemill bench kinesis` does, and fio writes to the disk as our log does.
# Prints the best of them: kinesis.sh TIDEMILL OURS.json
set -euo pipefail
[ $# = 2 ] || { echo "usage: $0 TIDEMILL OURS.json, as 'tidemill --output json bench kinesis' printed it" >&2; exit 1; }
tidemill=$(realpath "$1") ours=$(realpath "$2")
cd "$(dirname "$0")"
command -v fio > /dev/null || { echo "fio is not installed: apt-get install fio" >&2; exit 1; }
(cd kinesis && npm ci --silent >&2)
python=$(../../tests/services/pypi.sh moto)
folder=$(mktemp -d)
server=""
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT

# NAME PORT COMMAND…: starts it, measures it, stops it.
measure() {
  local name=$1 port=$2
  shift 2
  "$@" > "$folder/$name.log" 2>&1 &
  server=$!
  for _ in $(seq 100); do
    (exec 3<> "/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    sleep 0.1
  done
  "$tidemill" --output json bench kinesis --endpoint "127.0.0.1:$port" > "$folder/$name.json" \
    || { echo "$name could not be measured: $(tail -n 3 "$folder/$name.log")" >&2; rm -f "$folder/$name.json"; }
  kill "$server"
  wait "$server" 2>/dev/null || true
  server=""
  [ ! -f "$folder/$name.json" ] || echo "$name: $(cat "$folder/$name.json")" >&2
}

modules=$PWD/kinesis/node_modules
# With its data on disk; it does not sync.
measure kinesalite 14567 node "$modules/kinesalite/cli.js" --host 127.0.0.1 --port 14567 --path "$folder/kinesalite"
# It wants to be started in its own folder; its data is in memory.
measure kinesis-local 14568 env -C "$modules/kinesis-local" KINESIS_MOCK_TLS_PORT=14569 KINESIS_MOCK_PLAIN_PORT=14568 LOG_LEVEL=ERROR node main.js
measure moto 14570 "$python" -m moto.server -H 127.0.0.1 -p 14570

kib=$(python3 -c 'import json, sys; print(round(json.load(open(sys.argv[1]))["figures"]["append_kib_per_sync"]))' "$ours")
fio --name=append --directory="$folder" --rw=write --bs="${kib}k" --fdatasync=1 --size=4g --runtime=5 --time_based \
  --output-format=json --output="$folder/fio" >&2

python3 - "$folder" <<'PYTHON'
import json, pathlib, sys

folder = pathlib.Path(sys.argv[1])
best = {}
for path in folder.glob("*.json"):
    for figure, value in json.loads(path.read_text())["figures"].items():
        better = min if figure.endswith("_ms") else max
        best[figure] = better(value, best.get(figure, value))
disk = json.loads((folder / "fio").read_text())["jobs"][0]["write"]
best["append_mib_per_second"] = disk["bw_bytes"] / 2**20
print(json.dumps({"name": "kinesis", "figures": best}))
PYTHON
