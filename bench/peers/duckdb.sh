#!/usr/bin/env bash
# DuckDB answers the same questions from raw rows, one an impression (PyPI package duckdb, in a folder of its own).
set -euo pipefail
cd "$(dirname "$0")"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet duckdb >&2
"$folder/venv/bin/python" duckdb_panels.py "$folder/rows.duckdb"
