#!/usr/bin/env bash
# The AWS CLI puts, reads and reshards, and evolves a schema: awscli.sh PYTHON ENDPOINT
set -euo pipefail
python=$1
export AWS_ENDPOINT_URL=$2 AWS_DEFAULT_REGION=eu-central-1 AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any AWS_PAGER= AWS_CONFIG_FILE=/dev/null
aws() { "$python" -m awscli --output text "$@"; }
is() { [ "$1" = "$2" ] || { echo "line ${BASH_LINENO[0]}: '$1' instead of '$2'" >&2; exit 1; }; }

aws kinesis create-stream --stream-name cli --shard-count 1
aws kinesis wait stream-exists --stream-name cli
shard=$(aws kinesis put-record --stream-name cli --partition-key p --data hello --query ShardId)
is "$shard" shardId-000000000000
failed=$(aws kinesis put-records --stream-name cli --records Data=a,PartitionKey=p Data=b,PartitionKey=p --query FailedRecordCount)
is "$failed" 0
iterator=$(aws kinesis get-shard-iterator --stream-name cli --shard-id "$shard" --shard-iterator-type TRIM_HORIZON --query ShardIterator)
is "$(aws kinesis get-records --shard-iterator "$iterator" --query 'Records[].Data')" $'aGVsbG8=\tYQ==\tYg=='
aws kinesis split-shard --stream-name cli --shard-to-split "$shard" --new-starting-hash-key 170141183460469231731687303715884105728
is "$(aws kinesis list-shards --stream-name cli --query 'length(Shards)')" 3
said=$(aws kinesis describe-stream-summary --stream-name nowhere 2>&1) && exit 1
[[ $said == *"(ResourceNotFoundException)"*"Stream nowhere under account"*"not found"* ]] || { echo "$said" >&2; exit 1; }

record() { printf '{"type":"record","name":"R","fields":[{"name":"a","type":"int"}%s]}' "$1"; }
aws glue create-schema --schema-name cli --data-format AVRO --compatibility BACKWARD --schema-definition "$(record '')" > /dev/null
register() { aws glue register-schema-version --schema-id RegistryName=default-registry,SchemaName=cli --schema-definition "$(record "$1")" --query '[VersionNumber,Status]'; }
is "$(register ',{"name":"b","type":"int","default":0}')" $'2\tAVAILABLE'
is "$(register ',{"name":"c","type":"int"}')" $'3\tFAILURE'
is "$(aws glue list-schemas --query 'Schemas[].SchemaName')" cli
echo ok
