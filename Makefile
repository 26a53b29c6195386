# PoundCake's commands. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help build check unit demo test image-test scale pack-tests deploy-tests deploy-render deb deb-test dist rules chaos fuzz bench bench-pages services services-stop fmt lint format clippy map docs links events spelling packs unused licences advisories book
MAKEFLAGS += --no-print-directory

# The embedded build has a target directory of its own: switching features would rebuild everything each time.
EMBEDDED := --no-default-features --features sqlite,demo
# A long history is filled faster this way; what is measured only reads.
PAGES_BUFFER_POOL := 6G
FILL_OPTIONS := --innodb-log-file-size=4G --innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0 --innodb-flush-method=O_DIRECT \
	--innodb-sort-buffer-size=64M

# What runs in production has no stand-in.
PRODUCTION := --no-default-features --features mysql,sqlite
# Tools that a registry builds from source go into target/, not into the user's own tools.
DENY_VERSION := 0.20.2
CYCLONEDX_VERSION := 0.5.9
DEB_VERSION := 3.8.0
MACHETE_VERSION := 0.9.2
MDBOOK_VERSION := 0.5.4
TYPOS_VERSION := 1.52.0
# Tests wait for neighbours more than they compute: more of them at once than there are cores.
TEST_THREADS ?= 8
# What cargo-fuzz gives the compiler, without a sanitizer of memory: there is no unsafe code of ours.
FUZZ_FLAGS := --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares
TARGET ?= webhook
SECONDS ?= 60
# Seconds of faults: within `make test`, and alone.
CHAOS_IN_TEST ?= 15
# The same draws each time; `make chaos` uses a new seed.
CHAOS_SEED ?= 213
DURATION ?= 60
PACK_TOOLS := target/test-venvs/pack/bin
PACK_PYTHON := packs crates/st2-stand-in/src/program tests/lint/packs.py tests/lint/pack_schemas.py tests/lint/test_packs.py tests/containers

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## The binary with both stores, and its symbols in a file of their own (needs libmariadb-dev, binutils)
	cargo build --release --locked $(PRODUCTION)
	.ci/split-symbols target/release/poundcake

check: ## Compile everything
	cargo check --locked --workspace --all-targets

unit: ## Tests without servers
	cargo test --locked --lib
	cargo test --locked -p st2-stand-in

demo: ## The main job on SQLite with a StackStorm stand-in; needs gcc only
	@[ -x target/demo/debug/poundcake ] || echo 'a first build takes some minutes; cargo shows its steps'
	cargo build --locked $(EMBEDDED) --target-dir target/demo
	target/demo/debug/poundcake demo

test: ## Everything, on real MariaDB, RabbitMQ, Alertmanager and Prometheus; installs them if missing. With a Docker engine, compose/ too
	tests/services.sh install
	tests/venv.sh schemathesis -r tests/requirements/schemathesis.txt
	tests/venv.sh browser -r tests/requirements/browser.txt
	$(MAKE) pack-tests deploy-tests rules
	cargo test --locked --workspace --no-run
	INSTA_UPDATE=no RUST_TEST_THREADS=$(TEST_THREADS) DURATION=$(CHAOS_IN_TEST) SEED=$(CHAOS_SEED) tests/services.sh run cargo test --locked --workspace
	$(MAKE) image-test

image-test: ## compose/ on a Docker engine: faults under load, then the ledger; skipped where no engine answers
	tests/containers/image_test.py

scale: ## A cluster on a Docker engine: faults of nodes under load, the ledger, throughput (SEED=…, FAULTS=14)
	tests/containers/scale_test.py

pack-tests: ## Unit tests of the StackStorm pack, without servers
	tests/venv.sh pack -r tests/requirements/pack.txt
	PYTHONDONTWRITEBYTECODE=1 $(PACK_TOOLS)/python -m pytest --quiet -p no:cacheprovider packs/poundcake/tests tests/lint

deploy-tests: ## Tests of deploy/, without a cluster: Helm chart, rendered copy, systemd units
	tests/services.sh install
	tests/venv.sh deploy -r tests/requirements/deploy.txt
	PYTHONDONTWRITEBYTECODE=1 target/test-venvs/deploy/bin/python -m pytest --quiet -rs -p no:cacheprovider tests/deploy

deploy-render: ## Write deploy/kubernetes from the Helm chart
	tests/deploy/helm.py template poundcake deploy/helm/poundcake --namespace poundcake \
		--values deploy/kubernetes/values.yaml >target/poundcake.yaml
	mv target/poundcake.yaml deploy/kubernetes/poundcake.yaml

rules: ## Alert rules, their unit tests, runbooks and dashboards, held to the table of metrics
	tests/services.sh install
	tests/venv.sh observability -r tests/requirements/observability.txt
	PYTHONDONTWRITEBYTECODE=1 target/test-venvs/observability/bin/python -m pytest --quiet -p no:cacheprovider tests/observability

chaos: ## Random faults everywhere, then the ledger (SEED=…, DURATION=60 seconds, OLD=PATH/poundcake to upgrade from)
	tests/services.sh install
	DURATION=$(DURATION) cargo test --locked --test chaos

fuzz: ## One target under libFuzzer: TARGET=webhook SECONDS=60 (needs g++)
	cd fuzz && RUSTFLAGS="$(FUZZ_FLAGS)" cargo build --locked --release --target x86_64-unknown-linux-gnu --bin $(TARGET)
	mkdir -p fuzz/corpus/$(TARGET) fuzz/artifacts
	fuzz/target/x86_64-unknown-linux-gnu/release/$(TARGET) -max_total_time=$(SECONDS) -artifact_prefix=fuzz/artifacts/$(TARGET)- \
		fuzz/corpus/$(TARGET) fuzz/seeds/$(TARGET)

bench: ## Speed next to the machine's limits; writes docs/performance.md (QUICK=1 for a look, ROUNDS=5, BASELINE=PATH/poundcake)
	tests/services.sh install
	cargo bench --locked --bench pipeline

bench-pages: ## How fast the operator page answers over a long history on MariaDB (ALERTS=10000000 DAYS=30 REPEATS=40; 25 GB of disk)
	tests/services.sh install
	cargo build --release --locked $(PRODUCTION)
	POUNDCAKE_TEST_MARIADB_OPTIONS='--innodb-buffer-pool-size=$(PAGES_BUFFER_POOL) $(FILL_OPTIONS)' \
		tests/services.sh run benches/pages/run.py target/release/poundcake

services: ## Start the tests' MariaDB and RabbitMQ and leave them running, for single `cargo test`s
	tests/services.sh install
	tests/services.sh start

services-stop: ## Stop what `make services` started
	tests/services.sh stop

fmt: ## Format the code
	cargo fmt --all
	tests/venv.sh pack -r tests/requirements/pack.txt
	$(PACK_TOOLS)/ruff format --config packs/pyproject.toml $(PACK_PYTHON)

lint: format map sizes links events spelling packs clippy docs unused licences ## Format, imports, sizes, links, log events, spelling, packs, clippy, docs, unused dependencies, licences

format:
	cargo fmt --all --check

# The map in src/lib.rs, held to the imports.
map:
	tests/lint/imports.py src crates/st2-stand-in/src

# Budgets for files and functions.
sizes:
	tests/lint/sizes.py src crates

links:
	tests/lint/links.py

# docs/log-events.md, held to the log lines.
events:
	tests/lint/log_events.py

spelling:
	tests/venv.sh typos typos==$(TYPOS_VERSION)
	target/test-venvs/typos/bin/typos

# StackStorm's rules for packs; format, lint and types of their Python.
packs:
	tests/venv.sh pack -r tests/requirements/pack.txt
	$(PACK_TOOLS)/python tests/lint/packs.py packs/poundcake crates/st2-stand-in/packs/remediation
	$(PACK_TOOLS)/ruff format --no-cache --check --config packs/pyproject.toml $(PACK_PYTHON)
	$(PACK_TOOLS)/ruff check --no-cache --config packs/pyproject.toml $(PACK_PYTHON)
	cd packs/poundcake/actions && ../../../$(PACK_TOOLS)/mypy --cache-dir ../../../target/mypy --config-file ../../pyproject.toml .
	cd packs/poundcake/tests && ../../../$(PACK_TOOLS)/mypy --cache-dir ../../../target/mypy --config-file ../../pyproject.toml .

clippy:
	tests/services.sh install-build
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked $(PRODUCTION) --lib --bins -- -D warnings
	cargo clippy --locked $(EMBEDDED) --target-dir target/demo --lib --bins -- -D warnings

docs:
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps --document-private-items

# $(call tool,NAME,VERSION): the program, built once.
tool = command -v $(1) >/dev/null || [ -x target/tools/bin/$(1) ] || { echo 'building $(1) (once, some minutes)'; \
	cargo install --locked --version $(2) --root target/tools --target-dir target/tools/build $(1); }
WITH_TOOLS := PATH="$(CURDIR)/target/tools/bin:$$PATH"

unused:
	@$(call tool,cargo-machete,$(MACHETE_VERSION))
	$(WITH_TOOLS) cargo machete

licences:
	@$(call tool,cargo-deny,$(DENY_VERSION))
	$(WITH_TOOLS) cargo deny --locked --workspace check bans licenses sources

advisories: ## Known vulnerabilities of dependencies; reads the advisory database from the network
	@$(call tool,cargo-deny,$(DENY_VERSION))
	$(WITH_TOOLS) cargo deny --locked --workspace check advisories

# Man pages and completions of the program as it is shipped.
target/packaging: build
	rm -rf target/packaging
	target/release/poundcake packaging target/packaging

deb: target/packaging ## A Debian package, in target/debian; for the Debian that it is built on
	@$(call tool,cargo-deb,$(DEB_VERSION))
	$(WITH_TOOLS) cargo deb --locked --no-build --no-strip --output target/debian/poundcake.deb

deb-test: deb ## Install, remove and purge the package in a chroot; lintian. Root only
	tests/deploy/package.sh target/debian/poundcake.deb

dist: target/packaging ## A release, in dist/: tarball, symbols, .deb, chart, SBOM, checksums
	@$(call tool,cargo-deb,$(DEB_VERSION))
	@$(call tool,cargo-cyclonedx,$(CYCLONEDX_VERSION))
	$(WITH_TOOLS) .ci/dist

book: ## The docs as a book, in target/book
	@$(call tool,mdbook,$(MDBOOK_VERSION))
	$(WITH_TOOLS) mdbook build
