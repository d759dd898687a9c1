#!/usr/bin/env bash
# Installs a validator of OpenAPI descriptions, once, and prints the interpreter that has it.
#   tests/services/openapi.sh            -> /…/openapi-spec-validator-0.9.0/bin/python
set -euo pipefail

version=0.9.0
venv="${TIDEMILL_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tidemill-tests}/openapi-spec-validator-$version"
python="$venv/bin/python"

if ! "$python" -c 'import openapi_spec_validator' 2>/dev/null; then
    mkdir -p "$(dirname "$venv")"
    # One installation at a time; the others wait and find it done.
    exec 9>"$venv.lock"
    flock 9
    if ! "$python" -c 'import openapi_spec_validator' 2>/dev/null; then
        rm -rf "$venv"
        python3 -m venv "$venv" >&2
        "$python" -m pip install --quiet --disable-pip-version-check "openapi-spec-validator==$version" >&2
    fi
fi
"$python" -c 'import openapi_spec_validator'
echo "$python"
