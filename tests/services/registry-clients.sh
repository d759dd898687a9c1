#!/usr/bin/env bash
# Installs the Python clients of schema registries (Confluent's, AWS's serializers, boto3) into an environment of their
# own, once, and prints the interpreter that has them.
set -euo pipefail

packages=('confluent-kafka[avro,json,protobuf,schemaregistry]==2.12.2' 'aws-glue-schema-registry==1.1.3' 'boto3==1.44.5')
venv="${XDG_CACHE_HOME:-$HOME/.cache}/tidemill/tests/registry-clients-1"
python="$venv/bin/python"
imports='import confluent_kafka.schema_registry.avro, confluent_kafka.schema_registry.protobuf, aws_schema_registry, boto3'

if ! "$python" -c "$imports" 2>/dev/null; then
    mkdir -p "$(dirname "$venv")"
    # One installation at a time; the others wait and find it done.
    exec 9>"$venv.lock"
    flock 9
    if ! "$python" -c "$imports" 2>/dev/null; then
        rm -rf "$venv"
        python3 -m venv "$venv" >&2
        "$python" -m pip install --quiet --disable-pip-version-check "${packages[@]}" >&2
    fi
fi
"$python" -c "$imports"
echo "$python"
