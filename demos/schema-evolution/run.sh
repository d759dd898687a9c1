#!/usr/bin/env bash
# Producers evolve their schema under consumers that are never restarted, over a stream and over Kafka: run.sh TIDEMILL [stream|kafka]
set -euo pipefail
tidemill=$(realpath "${1:?usage: $0 TIDEMILL [stream|kafka]}")
transports=${2:-stream kafka}
cd "$(dirname "$0")"
services=../../tests/services
java=$($services/java.sh demos/schema-evolution/java)
folder=$(mktemp -d)
touch "$folder/server" "$folder/broker-log"
running=()
stop() {
  for process in "${running[@]}"; do kill "$process" 2> /dev/null || true; done
  wait
  rm -rf "$folder"
}
trap stop EXIT

# LINE FILE SECONDS…: waits until a file has so many lines like it.
await() {
  for _ in $(seq 300); do
    [ "$(grep -c "$1" "$2" || true)" -ge "$3" ] && return
    sleep 0.2
  done
  echo "'$1' did not come $3 times; there is:" >&2
  cat "$2" >&2
  exit 1
}

"$tidemill" --output json --log warn serve --port 0 --unlimited --data "$folder/data" > "$folder/server" 2> "$folder/log" &
running+=($!)
await url "$folder/server" 1
url=$(sed -E 's/.*"url":"([^"]*)".*/\1/' "$folder/server")

for transport in $transports; do
  echo "== over a $transport"
  received=$folder/received-$transport
  case $transport in
    stream) send=(StreamCustomers "$url" customers) read=(StreamReader "$url" customers) ;;
    kafka)
      port=$((20000 + RANDOM % 10000))
      "$($services/kafka.sh)" "$folder/broker" $port > "$folder/broker-log" 2>&1 &
      running+=($!)
      await "Kafka Server started" "$folder/broker-log" 1
      send=(KafkaCustomers "$url" 127.0.0.1:$port customers) read=(KafkaReader "$url" 127.0.0.1:$port customers) ;;
  esac
  touch "$received"
  "$java" "${read[@]}" > "$received" 2> "$received.errors" &
  running+=($!)
  if [ $transport = stream ]; then
    await Reading "$received" 1
    # A consumer in SQL. It reads the first records before there is any with a full name.
    sed "s#ENDPOINT#$url#g" customers.sql > "$folder/customers.sql"
    "$tidemill" --output json run "$folder/customers.sql" > "$folder/rows" 2> "$folder/rows.errors" &
    running+=($!)
  fi
  "$java" "${send[@]}" schemas/customer.avsc | tail -n 1
  await "Received" "$received" 5
  [ $transport = kafka ] || await '"full_name":null' "$folder/rows" 5
  # The consumer knows nothing of the new field, and goes on.
  "$java" "${send[@]}" schemas/customer-full-name.avsc | tail -n 1
  await "Received" "$received" 10
  if said=$("$java" "${send[@]}" schemas/customer-age.avsc); then
    echo "a schema that clashes was taken" >&2
    exit 1
  fi
  echo "$said" | tail -n 1
  grep Received "$received"
  if [ $transport = stream ]; then
    await '"full_name":"' "$folder/rows" 5
    sed 's/^/SQL: /' "$folder/rows"
  fi
  # Why, and what would help.
  "$tidemill" --server "$url" schema check "$transport/customer" schemas/customer-age.avsc 2>&1 || true
done
echo ok
