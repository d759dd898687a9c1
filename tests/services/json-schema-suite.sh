#!/usr/bin/env bash
# Fetches JSON Schema's official test suite, which the source of PyPI's jsonschema carries, once; prints the folder that has its `tests` and `remotes`.
set -euo pipefail
version=4.26.0
cache="${XDG_CACHE_HOME:-$HOME/.cache}/tidemill/tests"
suite="$cache/json-schema-suite-$version"
mkdir -p "$cache"
# One at a time; the others wait and find it done.
exec 9>"$suite.lock"
flock 9
if [ ! -d "$suite" ]; then
    part="$(mktemp -d "$suite.XXXX")"
    trap 'rm -rf "$part"' EXIT
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: --dest "$part" "jsonschema==$version" >&2
    tar -xzf "$part/jsonschema-$version.tar.gz" -C "$part"
    mv "$part/jsonschema-$version/json" "$suite"
fi
echo "$suite"
