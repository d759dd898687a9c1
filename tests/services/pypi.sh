#!/usr/bin/env bash
# Installs a package from PyPI into an environment of its own, once, and prints the interpreter that has it.
#   tests/services/pypi.sh duckdb       -> /…/duckdb-1.4.2/bin/python
set -euo pipefail

# The versions that tests and benchmarks use.
case "${1:-}" in
    duckdb) version=1.4.2 ;;
    openapi-spec-validator) version=0.9.0 ;;
    boto3) version=1.44.5 ;;
    *) echo "usage: $0 duckdb|openapi-spec-validator|boto3" >&2; exit 2 ;;
esac
package=$1
module=${package//-/_}
venv="${XDG_CACHE_HOME:-$HOME/.cache}/tidemill/tests/$package-$version"
python="$venv/bin/python"

if ! "$python" -c "import $module" 2>/dev/null; then
    mkdir -p "$(dirname "$venv")"
    # One installation at a time; the others wait and find it done.
    exec 9>"$venv.lock"
    flock 9
    if ! "$python" -c "import $module" 2>/dev/null; then
        rm -rf "$venv"
        python3 -m venv "$venv" >&2
        "$python" -m pip install --quiet --disable-pip-version-check "$package==$version" >&2
    fi
fi
"$python" -c "import $module"
echo "$python"
