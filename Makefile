# PoundCake's commands. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help build demo test chaos bench services services-stop lint format clippy docs licences
MAKEFLAGS += --no-print-directory

# The embedded build has a target directory of its own: switching features would rebuild everything each time.
EMBEDDED := --no-default-features --features sqlite,demo
# What runs in production has no stand-in.
PRODUCTION := --no-default-features --features mysql,sqlite
DENY_VERSION := 0.20.2
# Tests wait for neighbours more than they compute: more of them at once than there are cores.
TEST_THREADS ?= 8
# Seconds of faults: within `make test`, and alone.
CHAOS_IN_TEST ?= 15
# The same draws each time; `make chaos` draws anew.
CHAOS_SEED ?= 213
DURATION ?= 60

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## The binary with both stores (needs libmariadb-dev)
	cargo build --release --locked $(PRODUCTION)

demo: ## The main job on SQLite with a StackStorm stand-in; needs gcc only
	@[ -x target/demo/debug/poundcake ] || echo 'a first build takes some minutes; cargo shows its steps'
	cargo build --locked $(EMBEDDED) --target-dir target/demo
	target/demo/debug/poundcake demo

test: ## Everything, on real MariaDB, RabbitMQ, Alertmanager and Prometheus; installs them if missing
	tests/services.sh install
	tests/venv.sh schemathesis -r tests/requirements/schemathesis.txt
	cargo test --locked --workspace --no-run
	INSTA_UPDATE=no RUST_TEST_THREADS=$(TEST_THREADS) DURATION=$(CHAOS_IN_TEST) SEED=$(CHAOS_SEED) tests/services.sh run cargo test --locked --workspace

chaos: ## Random faults everywhere, then the ledger (SEED=…, DURATION=60 seconds)
	tests/services.sh install
	DURATION=$(DURATION) cargo test --locked --test chaos

bench: ## Speed beside the machine's limits; writes docs/PERFORMANCE.md (QUICK=1 for a look, ROUNDS=5)
	tests/services.sh install
	cargo bench --locked --bench pipeline

services: ## Start the tests' MariaDB and RabbitMQ and leave them running, for single `cargo test`s
	tests/services.sh install
	tests/services.sh start

services-stop: ## Stop what `make services` started
	tests/services.sh stop

lint: format clippy docs licences ## Form, lints, documentation, licences

format:
	cargo fmt --all --check

clippy:
	tests/services.sh install-build
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked $(PRODUCTION) --lib --bins -- -D warnings
	cargo clippy --locked $(EMBEDDED) --target-dir target/demo --lib --bins -- -D warnings

docs:
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps --document-private-items

# cargo-deny takes a few minutes to build, once; it goes into target/, not into the user's own tools.
licences:
	@command -v cargo-deny >/dev/null || [ -x target/tools/bin/cargo-deny ] || \
		{ echo 'building cargo-deny (once, some minutes)'; \
		cargo install --locked --version $(DENY_VERSION) --root target/tools --target-dir target/tools/build cargo-deny; }
	PATH="$(CURDIR)/target/tools/bin:$$PATH" cargo deny --locked --workspace check bans licenses sources
