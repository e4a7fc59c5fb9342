# What a person types. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The features that tests are built with: failpoints to be killed at, planted bugs to be caught.
TEST := --locked --features test-hooks
# Show one test or one module: `make test ONLY='test(/^webhook::/)'`.
ONLY ?= all()

.PHONY: help demo test check bench sim fuzz accept deny deploy docs fmt

help: ## this list
	@echo 'reclose: brings tripped circuit breakers back, safely.'
	echo
	sed -n 's/^\([a-z]*\):.*## \(.*\)$$/  make \1\t\2/p' Makefile | expand -t 16
	echo
	echo 'Start with `make demo`. Before a change is sent: `make check`.'

demo: ## watch three breakers trip, be understood and be brought back (no service needed)
	@cargo build --locked
	./target/debug/reclose demo

test: ## every test, with real Prometheus, Alertmanager and breakers; installs what is missing
	@tests/lab/install.sh test
	tests/lab/run.sh '$(ONLY)'

check: ## what CI does: format, lints, docs, licences, builds, then every test
	@.ci/run

bench: ## the figures, from a release build, beside the lab's Alertmanager
	@tests/lab/install.sh bench
	cargo build --locked --release
	node tests/benches/run.mjs

sim: ## many more seeded lives than `make test` (LIVES=2000000)
	@RECLOSE_SIM_LIVES='$(or $(LIVES),2000000)' cargo nextest run $(TEST) --no-capture -E 'test(/^sim::/)'

fuzz: ## feed the readers of rules, packs, webhooks and log lines what strangers may write (SECS=60 for each)
	@tests/lab/install.sh fuzz
	tests/fuzz/run.sh '$(or $(SECS),60)' $(TARGETS)

accept: ## take the snapshots as they are now, then look at `git diff`
	@INSTA_UPDATE=always cargo nextest run $(TEST) --no-fail-fast
	git status --short -- '*.snap'

deny: ## licences, banned crates and sources of what we depend on
	@tests/lab/install.sh check
	cargo deny --locked check bans licenses sources

deploy: ## try deploy/: configurations, the unit under a booted systemd, the image in Docker (as root)
	@tests/lab/install.sh test
	cargo build --locked --release
	deploy/check.sh
	deploy/systemd-check.sh target/release/reclose
	deploy/docker-check.sh target/release/reclose

docs: ## the code's documentation, in target/doc/reclose/
	@cargo doc --locked --no-deps --document-private-items

fmt: ## format the code
	@cargo fmt
