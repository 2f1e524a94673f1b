# What people and machines run here. Each target is described in CONTRIBUTING.md.
#
# `demo`, `test` and `lint` build with the same profile and features, because RocksDB takes minutes
# and is rebuilt whenever either differs. Cargo's own target directory is used unless the
# environment sets CARGO_TARGET_DIR.

SHELL := /bin/sh
CARGO ?= cargo
PYTHON ?= python3
INPUT ?=
MISSED ?= 0
KILLS ?= 500

# The one feature selection of the project.
FEATURES := --features replay/cli
PURE := certified-math keccak-batch protocol aegis-registry token-state storage-engine eqm-log replay
PURE_FLAGS := $(addprefix -p ,$(PURE))
NO_STD_TARGET := wasm32v1-none

TARGET := $(or $(CARGO_TARGET_DIR),target)
# The one Python package that is not in the standard library, pinned by its hash.
PYTHON_PACKAGES := $(abspath $(TARGET))/python
AUDITOR := PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$(PYTHON_PACKAGES)" $(PYTHON)

# Seeds of `make simulate`; `test` runs the first few thousand as well.
SEEDS ?= 0..100000
JOBS ?= 2
# Logs of `make auditors`; `test` compares some sixty.
LOGS ?= 1000
# Histories of `make histories`; `test` plays the first few hundred as well.
HISTORIES ?= 100000
# What `make fuzz` fuzzes, all of fuzz/src/target.rs when empty, and for how long each.
TARGETS ?=
SECONDS ?= 600

.DEFAULT_GOAL := help
.PHONY: help setup build demo test unit simulate histories independent schemas auditor auditors tidy fmt lint evidence-check deny verify fuzz fuzz-check fuzz-seeds torture pure-test coverage mutants no-std clean report architectures

help:
	@echo 'make demo [INPUT=DIR]  build qfs and take the guided tour, over DIR when given'
	@echo 'make test              every test: Rust, independent Python, documents, workspace rules'
	@echo 'make verify            what continuous integration runs: format, lints, tests, evidence, licences'
	@echo 'make simulate          a hundred thousand histories of a node that crashes; SEEDS=FROM..TO, JOBS=N'
	@echo 'make histories         a hundred thousand histories of money, votes and nodes; HISTORIES=N'
	@echo 'make auditors          qfs-replay and the auditor in Python over the same honest and forged logs; LOGS=N'
	@echo 'make fuzz              every decoder and parser, 10 minutes each; TARGETS="entry json", SECONDS=N, JOBS=N'
	@echo 'make report            the report for people of the demo'\''s log, shown by a browser that reaches nothing'
	@echo 'make architectures     the pure crates and the auditor on 32 bits, big-endian and WebAssembly: the same bytes'
	@echo 'make torture [KILLS=N] kills, full disks and failing disks at length (about 15 minutes)'
	@echo 'make pure-test         tests of everything that needs no RocksDB (fast)'
	@echo 'make coverage          lines of the pure crates that tests reach; MISSED=1 lists the others'
	@echo 'make mutants           break arithmetic, money and placement on purpose: do tests notice? (slow)'
	@echo 'make no-std            build the pure crates for a target without std'
	@echo 'make setup             install what the build needs'

setup:
	@scripts/setup.sh

build: setup
	$(CARGO) build --workspace $(FEATURES)

demo: setup
	$(CARGO) build -p cli -p replay $(FEATURES)
	scripts/demo.sh "$(INPUT)"

test: unit independent auditor schemas report tidy

unit: setup
	$(CARGO) test --workspace $(FEATURES)

# Histories of a whole node on a failing disk; see crates/simulator.
simulate: setup
	$(CARGO) run -p simulator -- --seeds $(SEEDS) --jobs $(JOBS)

# Histories of commands against the laws of money, votes and eligibility; see crates/replay/tests/histories.
histories: setup
	QFS_HISTORIES=$(HISTORIES) $(CARGO) test -p replay --test histories -- --nocapture

independent: setup
	PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m unittest discover -s tests/independent

# Every row of every command, and the evidence, against spec/schemas.
schemas: setup
	python=$$(PYTHON=$(PYTHON) scripts/setup.sh schemas) && \
	PYTHONDONTWRITEBYTECODE=1 "$$python" -m unittest discover -s tests/schemas

$(PYTHON_PACKAGES)/.installed: tests/auditor/requirements.txt | setup
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps --require-hashes \
		--only-binary :all: --upgrade --target "$(PYTHON_PACKAGES)" -r $<
	@touch $@

auditor: setup $(PYTHON_PACKAGES)/.installed
	$(AUDITOR) -m unittest tests.auditor.test_auditor tests.auditor.test_keys tests.auditor.test_pieces tests.auditor.test_vectors

# Two auditors that share no code, over the same logs; see tests/auditor.
auditors: setup $(PYTHON_PACKAGES)/.installed
	$(CARGO) build -p cli -p replay $(FEATURES)
	$(AUDITOR) tests/acceptance/auditors.py --qfs $(TARGET)/debug/qfs --replay $(TARGET)/debug/qfs-replay --count $(LOGS)

# The report for people of the demo's log; see tests/report. Without Chromium its second half says SKIPPED.
report: setup
	@PYTHON="$(PYTHON)" scripts/report.sh "$(TARGET)/report"
# Installs compilers and an emulator where they are missing; what cannot be installed is SKIPPED.
architectures: setup
	@scripts/architectures.sh

tidy: setup
	$(CARGO) xtask tidy

fmt: setup
	$(CARGO) fmt --all --check

lint: setup
	$(CARGO) clippy --workspace --all-targets $(FEATURES) -- -D warnings

evidence-check: setup
	$(CARGO) xtask evidence --check

# Only where cargo-deny is installed; advisories only where their database is.
deny:
	@scripts/deny.sh

# In this order, so that the cheapest complaint comes first.
verify:
	$(MAKE) fmt
	$(MAKE) lint
	$(MAKE) test
	$(MAKE) fuzz-check
	$(MAKE) no-std
	$(MAKE) evidence-check
	$(MAKE) deny

# libFuzzer over every decoder and parser; see fuzz/. `fuzz-seeds` keeps what a run found beyond the seeds.
fuzz: setup
	@JOBS=$(JOBS) SECONDS_EACH=$(SECONDS) scripts/fuzz.sh run $(TARGETS)

fuzz-check: setup
	@JOBS=$(JOBS) scripts/fuzz.sh check

fuzz-seeds: setup
	@scripts/fuzz.sh seeds $(TARGETS)

# As in `make test`, but longer. A full disk needs the right to mount one; without it that part says SKIPPED.
torture: setup
	$(CARGO) test -p journal --test torture -- --kills $(KILLS) --depth 12

pure-test: setup
	$(CARGO) test $(PURE_FLAGS) -p disk -p witness -p shard-store $(FEATURES)

# Both say what to install where cargo-llvm-cov or cargo-mutants is missing.
coverage: setup
	@FEATURES="$(FEATURES)" MISSED="$(MISSED)" scripts/coverage.sh $(PURE)

mutants: setup
	@scripts/mutants.sh

no-std: setup
	rustup target list --installed | grep -qx $(NO_STD_TARGET) || rustup target add $(NO_STD_TARGET)
	$(CARGO) build --lib --target $(NO_STD_TARGET) $(PURE_FLAGS)

clean:
	$(CARGO) clean
