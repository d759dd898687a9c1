#!/usr/bin/env bash
# Fetches Apache Kafka from Maven, once, and prints a program that runs a broker on loopback, until it is stopped:
#   $(tests/services/kafka.sh) FOLDER PORT
set -euo pipefail
services="$(cd "$(dirname "$0")" && pwd)"
version=3.9.1
cache="${XDG_CACHE_HOME:-$HOME/.cache}/tidemill/tests"
kafka="$cache/kafka-$version"
mkdir -p "$cache"
# One installation at a time; the others wait and find it done.
exec 9>"$kafka.lock"
flock 9
if [ ! -x "$kafka/run" ]; then
    . "$services/jdk.sh" java mvn
    rm -rf "$kafka"
    mkdir "$kafka"
    cat > "$kafka/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tidemill</groupId>
  <artifactId>kafka-broker</artifactId>
  <version>0</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
POM
    maven_jars "$kafka/pom.xml" "$kafka/lib"
    cat > "$kafka/run.part" <<'PROGRAM'
#!/bin/sh
set -eu
lib="$(dirname "$0")/lib"
folder=$1 port=$2 controller=$(($2 + 1))
mkdir -p "$folder"
cat > "$folder/server.properties" <<SETTINGS
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
log.dirs=$folder/log
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
SETTINGS
[ -d "$folder/log" ] || java -cp "$lib/*" kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qg -c "$folder/server.properties" > /dev/null 2>&1
exec java -Xmx512m -cp "$lib/*" kafka.Kafka "$folder/server.properties"
PROGRAM
    chmod +x "$kafka/run.part"
    mv "$kafka/run.part" "$kafka/run"
fi
echo "$kafka/run"
