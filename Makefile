# Every job is one target; `make help` lists them.
# The system's own Python is built with profile-guided optimisation; one that a version manager compiled usually is
# not, and needs a quarter more processor time.
ifndef PYTHON
PYTHON := $(shell /usr/bin/python3 -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo /usr/bin/python3 || echo python3)
endif
VENV   := .venv
BIN    := $(VENV)/bin

# Python must keep what it compiles, whatever the caller's environment says: tests start thousands of processes,
# and compiling costs each of them more than half of its processor time.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo run check test test-long bench chaos fuzz probe sbom lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

setup: $(VENV)/.ready  ## make .venv from the lock file

$(VENV)/.ready: requirements.lock pyproject.toml
	@echo "payswitch: making $(VENV) from requirements.lock (about half a minute on a warm cache)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "python3-venv is needed: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup  ## a whole settlement day on this machine: payments both ways, a closed window, every invariant checked
	@$(BIN)/payswitch demo

run: setup  ## the same stack, left running
	@$(BIN)/payswitch up --sandbox

check: setup  ## formatting, lint, types, import rules, spelling, promises of the API, advisories
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/python -m tests.description.breaks
	$(BIN)/python -m tests.supply.audit

PYTEST := $(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder

test: setup  ## the tests of every capability, in under 10 minutes
	$(PYTEST) -m "not long"

test-long: setup  ## the rest: further rails, languages and faults, rehearsals of whole documents
	$(PYTEST) -m long

bench: setup  ## benchmarks, with the naive peer in the same run; figures go to build/benchmarks
	$(BIN)/python -m loadtests payments --json
	$(BIN)/python -m loadtests ledger --json
	$(BIN)/python -m loadtests codec --json

chaos: setup  ## an hour of faults
	$(BIN)/pytest tests/chaos --chaos-seconds 3600 --outages all

SEED ?= 1
N ?= 100000
fuzz: setup  ## mutated signed requests over every operation, page and form: SEED=1 N=100000
	$(BIN)/python -m tests.fuzz --seed $(SEED) --requests $(N)

SECONDS ?= 600
probe: setup  ## schemathesis with every check over the whole API description, signed: SEED=1 SECONDS=600
	$(BIN)/python -m tests.description.probing --seed $(SEED) --seconds $(SECONDS)

sbom: setup  ## the bill of materials of what is installed (CycloneDX): build/sbom.cdx.json
	$(BIN)/python switch/deploy/image/sbom.py requirements-production.lock pyproject.toml build/sbom.cdx.json

COMPILE := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate --upgrade

lock:  ## refresh both lock files (needs uv)
	$(COMPILE) --extra dev -o requirements.lock
	$(COMPILE) --extra reports --extra traces --extra hsm --constraint requirements.lock -o requirements-production.lock

clean:  ## remove what make made
	rm -rf $(VENV) data build dist
