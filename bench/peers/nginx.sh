#!/usr/bin/env bash
# nginx acknowledges the same beacons with an access log on disk (Debian package: apt-get install nginx-light).
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v nginx > /dev/null || { echo "nginx is not installed: apt-get install nginx-light" >&2; exit 1; }
# Before nginx runs: nothing is compiled while it is measured.
# With the binary beside it, so that both share what was built for the binary.
cargo build --release --quiet -p tidemill-cli -p tidemill-server --example post_beacons >&2
port=${PORT:-18080}
folder=$(mktemp -d)
trap '[ -f "$folder/pid" ] && kill "$(cat "$folder/pid")"; rm -rf "$folder"' EXIT
cat > "$folder/nginx.conf" <<CONF
worker_processes auto;
pid $folder/pid;
error_log $folder/error.log;
events { worker_connections 2048; }
http {
  access_log $folder/access.log combined buffer=64k flush=1s;
  keepalive_requests 1000000000;
  client_header_buffer_size 8k;
  client_body_temp_path $folder/body;
  server {
    listen 127.0.0.1:$port;
    location /b/ { return 204; }
  }
}
CONF
nginx -c "$folder/nginx.conf" -e "$folder/error.log"
"${CARGO_TARGET_DIR:-target}/release/examples/post_beacons" "127.0.0.1:$port" peer
