# Each target is a script of one purpose in scripts/; this file tells in which order they run.
SHELL := /bin/bash
.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help setup setup-test worker build release run test lint fuzz bench bench-saml clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup worker build ## Install what is missing, build, and run Lintel on this machine until Ctrl-C
	@exec scripts/run.sh

test: setup setup-test worker ## Install what is missing, build, and run every test (ARGS=... goes to cargo test)
	@scripts/test.sh $(ARGS)

lint: setup ## Check format, clippy (native and wasm32), licences, and which crate may import what
	@scripts/lint.sh

fuzz: ## Feed each parser of crates/saml with altered input for a minute (needs a nightly compiler)
	@scripts/fuzz.sh

setup: ## Install what building and running need
	@scripts/setup.sh

setup-test: ## Install what the tests need as well
	@scripts/setup-test.sh

worker: setup ## Build the edge worker (wasm) into edge-worker/build
	@scripts/worker.sh

build: setup ## Build the native programs
	@scripts/build.sh

bench: setup worker ## Measure a release build of the edge beside nginx, and print ratios
	@scripts/bench.sh

bench-saml: setup build ## Measure JWT to SAML under workerd, beside JavaScript workers and bare RSA, and print ratios
	@scripts/bench-saml.sh

release: setup worker ## Build what is deployed: target/release/{control-api,edge-tls} and edge-worker/build
	@scripts/build.sh --release

clean: ## Remove what was built here (the cache of tools and .lintel, the state of `make run`, stay)
	rm -rf target edge-worker/build
