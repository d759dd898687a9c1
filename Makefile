# make help tells what there is. Everything is built in the release profile: tests measure what users run.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
TARGET := $(or $(CARGO_TARGET_DIR),target)
TIDEMILL := $(TARGET)/release/tidemill
TRACKER := crates/web-analytics/tracker

.PHONY: help demo test bench crash load flink fuzz console assets lint test-rust test-console test-browser clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

demo: assets ## a server with simulated visitors and a demo shop; Ctrl-C stops it
	cargo run --release --quiet -p tidemill-cli -- demo web-analytics

test: assets lint test-rust flink test-console test-browser ## every check and test, with real parts

bench: assets ## all benchmarks, with peers on the same work
	cargo build --release -p tidemill-cli
	TIDEMILL=$(TIDEMILL) bench/run.sh

crash: assets ## a hundred kill -9 under load, against an undisturbed run
	CRASH_ROUNDS=100 cargo test --release -p tidemill-cli --test web_analytics -- --nocapture crash
	CRASH_ROUNDS=50 cargo test --release -p tidemill-cli --test demos -- --nocapture crash
	CRASH_ROUNDS=100 cargo test --release -p tidemill-cli --test serve -- --nocapture kill_9

load: assets ## 500 connections, 50 consumers and 1,000 shards for half a minute
	cargo build --release -p tidemill-cli
	TIDEMILL=$(TIDEMILL) bench/run.sh load

flink: ## Apache Flink runs the cases of streaming SQL, and must give the same rows
	cargo test --release --workspace --test cases flink -- --ignored --nocapture

fuzz: ## half an hour each of hostile bytes for every decoder and of hostile SQL, or FUZZ_SECONDS=n
	FUZZ_SECONDS=$(or $(FUZZ_SECONDS),1800) cargo test --release -p tidemill-formats fuzz
	FUZZ_SECONDS=$(or $(FUZZ_SECONDS),1800) cargo test --release -p tidemill-sql --test fuzz

assets: $(TRACKER)/dist/tracker.js console/dist/index.html ## what the binary embeds: tracker, user agents, console

console: console/dist/index.html ## the console alone

$(TRACKER)/dist/tracker.js: $(TRACKER)/package-lock.json $(TRACKER)/package.json $(wildcard $(TRACKER)/*.mjs $(TRACKER)/src/*)
	cd $(TRACKER) && npm ci --silent && npm run --silent build

console/dist/index.html: console/package-lock.json console/index.html console/vite.config.ts $(shell find console/src console/public -type f 2>/dev/null)
	cd console && npm ci --silent && npm run --silent build

lint: assets
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets --quiet -- -D warnings

test-rust: assets
	cargo test --release --workspace
	cargo test --release --workspace --test web_analytics

test-console: assets
	cd console && npm run --silent check && npm test --silent

test-browser: assets test-rust
	tests/services/chromium.sh
	cd tests/browser && npm ci --silent && node run.mjs --binary "$(abspath $(TIDEMILL))"

clean: ## removes what was built, except cargo's target folder
	rm -rf console/dist console/node_modules $(TRACKER)/dist $(TRACKER)/node_modules tests/browser/node_modules tests/clients/node_modules
