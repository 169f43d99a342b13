# make demo · make test [T=tests/core] · make check · make bench · make bench-indicators · make bench-cases      [FULL=1: long versions of the tests]
# Needs python3 (3.11 or later, with venv) and make. Everything else goes into .venv/.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
T      ?=
SERVE  ?= 1
DEMO_HOME ?= .demo
COVERAGE ?=
WORKERS ?= 2
PIP    := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet

ifeq ($(FULL),1)
export COUNTERSIGN_FULL := 1
endif

.PHONY: help demo test check coverage lint bench bench-indicators bench-cases docs clean
help:
	@head -1 Makefile | cut -c3-

# Stamps: an install happens once, and again only when its locked list changes.
$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml | $(BIN)/python
	$(PIP) install --require-hashes -r requirements/runtime.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime | $(BIN)/python
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

# Exit code 1 means "done, and something was quarantined or degraded": one line of the scenario is cut short.
demo: $(VENV)/.runtime
	$(BIN)/countersign --home $(DEMO_HOME) demo || test $$? -eq 1
	@echo
	@echo "Look further, with $(BIN)/countersign --home $(DEMO_HOME) …"
	@echo "  case list       the cases"
	@echo "  case show ID    each claim of one, with its citations"
	@echo "  review open ID  decide one, once 'person enrol' says who you are (docs/tutorial.md, from step 7)"
	@echo "  log verify      the audit log, recomputed"
	@echo "What happened: src/countersign/demo/scenario/STORY.md   Go on: docs/tutorial.md"

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(COVERAGE) $(T)

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.dev
	@if [ -d tests/docs ]; then $(BIN)/python -m pytest tests/docs; fi

check: lint docs
	$(MAKE) test

# A third slower than the tests alone, and no gate.
coverage: $(VENV)/.dev
	$(MAKE) test COVERAGE="--cov --cov-report=term"

bench: $(VENV)/.dev
	$(BIN)/python evals/bench.py

# Beside ioc-finder and iocextract, which get an environment of their own in .peers/.
bench-indicators: $(VENV)/.dev
	$(BIN)/python evals/indicators.py

# Attacks whose truth is known, by path where present; some minutes.
bench-cases: $(VENV)/.dev
	$(BIN)/python evals/grouping.py

clean:
	rm -rf $(VENV) .peers $(DEMO_HOME) .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.* dist
