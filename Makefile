# omnistock: everything a newcomer or a machine needs, each as one command.
# Wants: Python >= 3.11 and make. Everything else goes into .venv, from requirements/*.txt, by hash.

VENV := .venv
BIN := $(VENV)/bin
# The first Python on the path that is new enough; `make run PYTHON=/some/python` overrides.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11) or (3, 14) <= sys.version_info < (3, 14, 2))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14; do \
	"$$python" -c '$(NEW_ENOUGH)' 2>/dev/null && echo "$$python" && break; done)
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-annotate --no-emit-index-url --no-emit-find-links pyproject.toml

# Dozens of processes start from the same modules: each is compiled once, also where the environment says never.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run setup test test-long check bench chaos soak mutants screenshots lock system clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

run: $(VENV)/.demo ## set up, then the demo until Ctrl-C (DEMO_SECONDS=90 make run: ends by itself)
	@$(BIN)/omnistock demo

setup: $(VENV)/.dev ## make .venv with everything, and nothing else

PYTEST := $(BIN)/python -m pytest --numprocesses 2 --no-loadscope-reorder
test: $(VENV)/.dev ## set up, then the test suite, in two workers
	$(PYTEST) -m "not long"

test-long: $(VENV)/.dev ## processes killed, 10,000 power cuts, planted bugs, random attacks, pages in a browser
	$(PYTEST) -m long

check: $(VENV)/.dev ## ruff (rules and format), mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## benchmarks beside their peers; writes benchmarks/README.md
	@mkdir -p .benchmarks
	@status=0; $(BIN)/python -m pytest benchmarks --benchmark-json=.benchmarks/run.json || status=$$?; \
	$(BIN)/python -m benchmarks.report .benchmarks/run.json && exit $$status

CHAOS_SECONDS := 600
chaos: $(VENV)/.dev ## signals, lost calls, full disks under load, for CHAOS_SECONDS=600 (CHAOS_SEED=n: again)
	CHAOS_SECONDS=$(CHAOS_SECONDS) CHAOS_SEED=$(CHAOS_SEED) $(BIN)/python -m pytest -q tests/e2e/chaos

MINUTES := 10
FIRST := 1000
RATE := 0
soak: $(VENV)/.dev ## MINUTES=10 at saturation (RATE=60000: rows/s), memory flat; SEEDS=10000 FIRST=1000: simulated worlds
ifdef SEEDS
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --first $(FIRST)
else
	$(BIN)/python -m tests.soak --minutes $(MINUTES) --rows-per-second $(RATE)
endif

mutants: $(VENV)/.dev ## faults in the rules, one at a time: which does no test notice? (ONLY=plan: of one module)
	$(BIN)/python -m tests.mutants --only "$(ONLY)"

ONLY :=
LANGUAGE := en
screenshots: $(VENV)/.dev ## pictures of every page of the console, in .screenshots (ONLY=stock LANGUAGE=pl: fewer)
	$(BIN)/python -m tests.screenshots --only "$(ONLY)" --language $(LANGUAGE)

lock: $(VENV)/.dev ## resolve requirements/*.txt again from pyproject.toml (UPGRADE=--upgrade: to the newest)
	$(LOCK) $(UPGRADE) -o requirements/runtime.txt
	$(LOCK) $(UPGRADE) --extra demo -o requirements/demo.txt
	$(LOCK) $(UPGRADE) --extra demo --extra dev -o requirements/dev.txt

system: ## Debian's PostgreSQL, Redis, strace and chromium, for their tests and benchmarks (as root)
	apt-get update
	DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends postgresql redis-server strace chromium

clean: ## remove what make made
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .mutants .screenshots

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "omnistock wants Python 3.11 or newer (not 3.14.0, 3.14.1): none found" >&2; exit 1; }
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { echo "this Python cannot make a venv; on Debian: apt install python3-venv" >&2; exit 1; }

# A stamp per set: a second `make run` starts at once, a changed lock installs again.
$(VENV)/.demo: requirements/demo.txt pyproject.toml | $(BIN)/python
	@echo "installing requirements/demo.txt, about 300 MB the first time"
	@$(PIP_INSTALL) --require-hashes -r requirements/demo.txt
	@$(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "installing requirements/dev.txt, about 300 MB the first time"
	@$(PIP_INSTALL) --require-hashes -r requirements/dev.txt
	@$(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.demo
