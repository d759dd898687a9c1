#!/usr/bin/env bash
# Fetches what a program of tests/clients/java uses from Maven and compiles it, once for each state of it; prints what runs it.
#   $(tests/services/java.sh kinesis) http://127.0.0.1:7171
set -euo pipefail
name="${1:-}"
sources="$(cd "$(dirname "$0")/../clients/java" && pwd)/$name"
[ -n "$name" ] && [ -f "$sources/pom.xml" ] || { echo "usage: $0 NAME, a folder of tests/clients/java" >&2; exit 2; }
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
    main="$(basename "$sources"/*.java .java)"
    printf '#!/bin/sh\nexec java -ea -Xmx512m -cp "%s/classes:%s/lib/*" %s "$@"\n' "$program" "$program" "$main" > "$program/run.part"
    chmod +x "$program/run.part"
    mv "$program/run.part" "$program/run"
fi
echo "$program/run"
