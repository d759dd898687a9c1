#!/usr/bin/env bash
# Fetches what Java programs use from Maven and compiles them, once for each state of theirs; prints what runs one of them.
#   $(tests/services/java.sh tests/clients/java/kinesis) Kinesis http://127.0.0.1:7171
set -euo pipefail
services="$(cd "$(dirname "$0")" && pwd)"
folder="${1:-}"
sources="$(cd "$(dirname "$0")/../.." && pwd)/$folder"
[ -n "$folder" ] && [ -f "$sources/pom.xml" ] || { echo "usage: $0 FOLDER, one with a pom.xml" >&2; exit 2; }
name="${folder//\//-}"
state="$(cat "$0" "$sources"/* | sha256sum | cut -c1-16)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/tidemill/tests"
program="$cache/java-$name-$state"
mkdir -p "$cache"
# One at a time; the others wait and find it done.
exec 9>"$cache/java-$name.lock"
flock 9
if [ ! -x "$program/run" ]; then
    . "$services/jdk.sh" javac mvn
    rm -rf "$program"
    mkdir "$program"
    maven_jars "$sources/pom.xml" "$program/lib"
    javac -nowarn -d "$program/classes" -cp "$program/lib/*" "$sources"/*.java >&2
    printf '#!/bin/sh\nexec java -Xmx512m -cp "%s/classes:%s/lib/*" "$@"\n' "$program" "$program" > "$program/run.part"
    chmod +x "$program/run.part"
    mv "$program/run.part" "$program/run"
fi
echo "$program/run"
