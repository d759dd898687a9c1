#!/usr/bin/env bash
# Fetches what Java programs use from Maven and compiles them, once for each state of theirs; prints what runs one of them.
#   $(tests/services/java.sh tests/clients/java/kinesis) Kinesis http://127.0.0.1:7171
set -euo pipefail
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
    if ! command -v javac > /dev/null || ! command -v mvn > /dev/null; then
        export DEBIAN_FRONTEND=noninteractive
        sudo=""; [ "$(id -u)" = 0 ] || sudo="sudo"
        $sudo apt-get update -qq >&2
        $sudo apt-get install -y -qq --no-install-recommends openjdk-17-jdk-headless maven >&2
    fi
    rm -rf "$program"
    mkdir "$program"
    mvn --quiet --batch-mode --file "$sources/pom.xml" \
        org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies "-DoutputDirectory=$program/lib" >&2
    javac -nowarn -d "$program/classes" -cp "$program/lib/*" "$sources"/*.java >&2
    printf '#!/bin/sh\nexec java -Xmx512m -cp "%s/classes:%s/lib/*" "$@"\n' "$program" "$program" > "$program/run.part"
    chmod +x "$program/run.part"
    mv "$program/run.part" "$program/run"
fi
echo "$program/run"
