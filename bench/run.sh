#!/usr/bin/env bash
# Runs the benchmarks and their peers, and prints the figures beside the targets.
#   bench/run.sh [NAME…]     NAME: ingest replay freshness memory storage queries recovery nexmark json latency state schemas kinesis load
#   TIDEMILL=path            the binary; default target/release/tidemill, built when missing
#   PEERS=no                 leaves the peers out
set -euo pipefail
cd "$(dirname "$0")/.."
tidemill=${TIDEMILL:-${CARGO_TARGET_DIR:-target}/release/tidemill}
[ -x "$tidemill" ] || cargo build --release --bin tidemill
names=("$@")
[ ${#names[@]} -gt 0 ] || names=(ingest replay freshness memory storage queries recovery nexmark json latency state schemas kinesis load)
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

peer_of() {
  case $1 in
    ingest) echo bench/peers/nginx.sh ;;
    queries) echo bench/peers/duckdb.sh "$results/rows.parquet" ;;
    kinesis) echo bench/peers/kinesis.sh "$tidemill" "$results/kinesis.json" ;;
  esac
}

failed=0
for name in "${names[@]}"; do
  echo "running $name …" >&2
  options=()
  if [ "$name" = queries ] && [ "${PEERS:-yes}" = yes ]; then options=(--rows "$results/rows.parquet"); fi
  case $name in nexmark | json) if [ "${PEERS:-yes}" = yes ]; then options=(--peer flink); fi ;; esac
  "$tidemill" --output json bench "$name" "${options[@]}" > "$results/$name.json" || { failed=1; rm -f "$results/$name.json"; }
  peer=$(peer_of "$name")
  if [ -n "$peer" ] && [ "${PEERS:-yes}" = yes ]; then
    # Words: a script and what it needs.
    $peer > "$results/$name.peer.json" || { echo "$peer could not run; its column stays empty" >&2; rm -f "$results/$name.peer.json"; }
  fi
done
python3 bench/table.py bench/targets.json "$results"
exit $failed
