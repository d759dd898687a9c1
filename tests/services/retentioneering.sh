#!/usr/bin/env bash
# Fetches the shop sessions that the PyPI package `retentioneering` ships (Apache-2.0), for the test of sessions:
# 31,106 events of 600 users in 3,605 labelled sessions. Prints the path of the CSV file.
set -euo pipefail
cache="${XDG_CACHE_HOME:-$HOME/.cache}/tidemill/tests"
csv="$cache/ecom.csv"
if [ ! -s "$csv" ]; then
    mkdir -p "$cache"
    tmp="$(mktemp -d)"
    trap 'rm -rf "$tmp"' EXIT
    python3 -m pip download --quiet --no-deps --dest "$tmp" retentioneering==5.2.4
    python3 - "$tmp" "$csv" <<'PYTHON'
import glob, gzip, os, sys, zipfile
wheel = zipfile.ZipFile(glob.glob(os.path.join(sys.argv[1], "*.whl"))[0])
with open(sys.argv[2] + ".part", "wb") as out:
    out.write(gzip.decompress(wheel.read("retentioneering/datasets/ecom.csv.gz")))
os.rename(sys.argv[2] + ".part", sys.argv[2])
PYTHON
fi
echo "$csv"
