#!/usr/bin/env bash
# Installs DuckDB for Python, once, and prints the interpreter that has it.
#   tests/services/duckdb.sh            -> /…/duckdb-venv/bin/python
set -euo pipefail

version=1.4.2
venv="${TIDEMILL_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tidemill-tests}/duckdb-$version"
python="$venv/bin/python"

if ! "$python" -c 'import duckdb' 2>/dev/null; then
    mkdir -p "$(dirname "$venv")"
    # One installation at a time; the others wait and find it done.
    exec 9>"$venv.lock"
    flock 9
    if ! "$python" -c 'import duckdb' 2>/dev/null; then
        rm -rf "$venv"
        python3 -m venv "$venv" >&2
        "$python" -m pip install --quiet --disable-pip-version-check "duckdb==$version" >&2
    fi
fi
"$python" -c 'import duckdb'
echo "$python"
