#!/usr/bin/env bash
# Installs what tests and benchmarks use of PyPI into an environment of its own, once, and prints the interpreter that has it.
#   tests/services/pypi.sh duckdb       -> /…/duckdb-1.4.2/bin/python
set -euo pipefail

# Packages with their versions, and what must be there to import. The environment's folder is named after the first package.
case "${1:-}" in
    duckdb) packages=('duckdb==1.4.2') imports=duckdb ;;
    openapi-spec-validator) packages=('openapi-spec-validator==0.9.0') imports=openapi_spec_validator ;;
    boto3) packages=('boto3==1.44.5') imports=boto3 ;;
    awscli) packages=('awscli==1.46.3') imports=awscli ;;
    moto) packages=('moto[server]==5.2.5') imports=moto.server ;;
    registry-clients)
        packages=('aws-glue-schema-registry==1.1.3' 'confluent-kafka[avro,json,protobuf,schemaregistry]==2.12.2' 'boto3==1.44.5')
        imports='confluent_kafka.schema_registry.avro, confluent_kafka.schema_registry.protobuf, aws_schema_registry, boto3' ;;
    *) echo "usage: $0 duckdb|openapi-spec-validator|boto3|awscli|moto|registry-clients" >&2; exit 2 ;;
esac
venv="${XDG_CACHE_HOME:-$HOME/.cache}/tidemill/tests/${packages[0]/==/-}"
python="$venv/bin/python"

if ! "$python" -c "import $imports" 2>/dev/null; then
    mkdir -p "$(dirname "$venv")"
    # One installation at a time; the others wait and find it done.
    exec 9>"$venv.lock"
    flock 9
    if ! "$python" -c "import $imports" 2>/dev/null; then
        rm -rf "$venv"
        python3 -m venv "$venv" >&2
        "$python" -m pip install --quiet --disable-pip-version-check "${packages[@]}" >&2
    fi
fi
"$python" -c "import $imports"
echo "$python"
