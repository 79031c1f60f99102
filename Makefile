# The task table: CI calls nothing else. `make` alone lists the targets.

BIN := .venv/bin
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
STAMP := .venv/.installed
PYTEST := $(BIN)/python -m pytest
# a worker of the compiled lane grows to 4 GB; CI has two cores
WORKERS ?= 2
# the tests of a file stay together, so that what they compile is compiled once; the order of the
# files is that of tests/conftest.py, not xdist's
PARALLEL = -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# `arch` reads the sources: it says the same in both lanes, so it runs once, before them
LANE = $(PARALLEL) --ignore=tests/arch
# the uncompiled lane is Python speed: everything but what is slow there
NOJIT := -m "not slow and not compiled" tests

# images of containers often set it: then each worker and each command that a test starts would
# compile all modules anew
unexport PYTHONDONTWRITEBYTECODE

.NOTPARALLEL:
.PHONY: help demo test test-jit lint format types arch test-nojit test-bounds coverage bench browser docs check warmup clean

help:            ## list the targets
	@sed -n 's/^\([a-z-]*\): *[^#]*## */\1\t/p' Makefile | expand -t 14

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or later found; install one or say make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,fast]' -c constraints.txt
	@touch $@

demo: $(STAMP)   ## the whole system, offline: record, backtest, trade, verify, report
	$(BIN)/extrema-nb demo

test: arch test-jit  ## all tests, compiled

test-jit: $(STAMP)
	$(PYTEST) -q $(LANE)

lint: $(STAMP)   ## formatting and lint rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format: $(STAMP) ## put the sources into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: $(STAMP)  ## strict mypy
	$(BIN)/mypy

arch: $(STAMP)   ## import layers, and what the tests of the architecture say
	$(BIN)/lint-imports
	$(PYTEST) -q tests/arch

test-nojit: $(STAMP)  ## the same code as plain Python
	NUMBA_DISABLE_JIT=1 $(PYTEST) -q $(LANE) $(NOJIT)

test-bounds: $(STAMP) ## compiled with bounds checks
	NUMBA_BOUNDSCHECK=1 $(PYTEST) -q $(LANE)

coverage: $(STAMP)    ## branch coverage, measured uncompiled: compiled lines are invisible to it
	NUMBA_DISABLE_JIT=1 $(BIN)/coverage run -m pytest -q $(NOJIT)
	$(BIN)/coverage report

bench: $(STAMP)  ## the figures of the whole system in one run, by hand
	@mkdir -p out
	$(BIN)/python -m tests.bench.spine --json out/bench.json

browser: $(STAMP) ## what a browser shows of the report; needs Chromium
	$(PYTEST) tests/browser

docs: $(STAMP)   ## the reference pages that are made from tables in the code
	$(BIN)/python docs/generate.py

# types keep one core busy for a minute and leave the other idle, so they run beside a lane
check: lint arch  ## all that CI runs
	$(MAKE) types & types=$$!; \
	$(MAKE) test-nojit; tests=$$?; \
	wait $$types && exit $$tests
	$(MAKE) test-jit

warmup: $(STAMP) ## compile the shipped strategies into the cache
	$(BIN)/extrema-nb warmup

clean:           ## remove what make made; the cache of kernels stays
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache \
		.hypothesis .benchmarks .coverage *.egg-info
