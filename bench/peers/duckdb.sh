#!/usr/bin/env bash
# DuckDB answers the same questions from the same impressions, a row each in Parquet: duckdb.sh ROWS.parquet
set -euo pipefail
[ -f "${1:-}" ] || { echo "usage: $0 ROWS.parquet, as 'tidemill bench queries --rows ROWS.parquet' writes it" >&2; exit 1; }
rows=$(realpath "$1")
cd "$(dirname "$0")"
python=$(../../tests/services/pypi.sh duckdb)
"$python" duckdb_panels.py "$rows"
