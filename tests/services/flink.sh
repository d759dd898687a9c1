#!/usr/bin/env bash
# Installs Apache Flink (from the PyPI package that holds its jars) and compiles tests/services/flink, once; prints the program that
# runs SQL on it: tidemill/Flink.java says how. It listens on loopback only, and ends with its work.
#   $(tests/services/flink.sh) judge FOLDER
#   FLINK_HEAP=8g            its heap at most
set -euo pipefail
services="$(cd "$(dirname "$0")" && pwd)"
version=2.3.0
sources="$(cd "$(dirname "$0")/flink" && pwd)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/tidemill/tests"
flink="$cache/flink-$version"
mkdir -p "$cache"
# One installation at a time; the others wait and find it done.
exec 9>"$flink.lock"
flock 9

. "$services/jdk.sh" javac
if [ ! -d "$flink" ]; then
    rm -rf "$flink.part"
    mkdir "$flink.part"
    trap 'rm -rf "$flink.part"' EXIT
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$flink.part" "apache-flink-libraries==$version" >&2
    python3 -c 'import sys, zipfile; wheel = zipfile.ZipFile(sys.argv[1]); wheel.extractall(sys.argv[2], [n for n in wheel.namelist() if n.startswith("pyflink/lib/")])' \
        "$flink.part"/*.whl "$flink.part"
    rm "$flink.part"/*.whl
    mv "$flink.part/pyflink/lib" "$flink.part/lib"
    mv "$flink.part" "$flink"
fi

# A program for each state of the sources.
state="$(cat "$0" "$sources"/tidemill/*.java | sha256sum | cut -c1-16)"
program="$flink/$state/flink"
if [ ! -x "$program" ]; then
    classes="$flink/$state/classes"
    mkdir -p "$classes/META-INF/services"
    javac -nowarn -d "$classes" -cp "$flink/lib/*" "$sources"/tidemill/*.java >&2
    printf '%s\n' tidemill.NexmarkTable tidemill.FileLookup > "$classes/META-INF/services/org.apache.flink.table.factories.Factory"
    # Flink reaches into these packages of Java (its config.yaml: env.java.opts.all).
    opens=""
    for package in java.lang java.lang.invoke java.lang.reflect java.math java.net java.io java.nio java.text java.time java.util java.util.concurrent java.util.concurrent.atomic java.util.concurrent.locks; do
        opens="$opens --add-opens=java.base/$package=ALL-UNNAMED"
    done
    cat > "$program.part" <<PROGRAM
#!/bin/sh
exec java -Xmx\${FLINK_HEAP:-2g} "-Djava.io.tmpdir=\${TMPDIR:-/tmp}" $opens -cp "$classes:$flink/lib/*" tidemill.Flink "\$@"
PROGRAM
    chmod +x "$program.part"
    mv "$program.part" "$program"
fi
echo "$program"
