#!/usr/bin/env bash
# DuckDB answers the same questions from the same impressions, a row each in Parquet: duckdb.sh ROWS.parquet
# (PyPI package duckdb, in a folder of its own).
set -euo pipefail
[ -f "${1:-}" ] || { echo "usage: $0 ROWS.parquet, as 'tidemill bench queries --rows ROWS.parquet' writes it" >&2; exit 1; }
rows=$(realpath "$1")
cd "$(dirname "$0")"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet duckdb >&2
"$folder/venv/bin/python" duckdb_panels.py "$rows"
