# make demo | test | check | bench | docs | fuzz: each sets up what is missing in .venv first.
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INSTALL := $(PIP) install --constraint constraints.txt --editable
SOURCES := pyproject.toml constraints.txt zoo/pyproject.toml
DATA ?=
FUZZ_SECONDS ?= 60

.PHONY: help setup demo test check bench docs fuzz clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' Makefile

$(VENV)/.made:
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Ringsmith needs Python 3.11 or newer: make PYTHON=python3.11 ...')"
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: $(VENV)/.made $(SOURCES)
	@echo "Installing Ringsmith and its demo into $(VENV) (some minutes the first time)"
	$(INSTALL) ".[demo]" --editable ./zoo
	@touch $@

$(VENV)/.dev: $(VENV)/.made $(SOURCES)
	@echo "Installing what the tests need into $(VENV)"
	$(INSTALL) ".[dev]" --editable ./zoo
	@touch $@

$(VENV)/.bench: $(VENV)/.dev
	$(INSTALL) ".[dev,bench]"
	@touch $@

setup: $(VENV)/.dev  ## the environment with everything for developers

demo: $(VENV)/.demo  ## compare models on the embedded demo data, at most 3 minutes
	$(BIN)/ringsmith demo

test: $(VENV)/.dev  ## all tests, offline
	$(BIN)/python -m pytest -n auto --maxprocesses 4

check: $(VENV)/.dev  ## style, types
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check src tests benchmarks
	$(BIN)/python -m mypy

bench: $(VENV)/.bench  ## every benchmark, JSON into benchmarks/results (DATA=folder of real data sets)
	$(BIN)/python benchmarks/run.py $(if $(DATA),--data $(DATA))

docs: $(VENV)/.dev  ## write the generated parts of docs/ again
	$(BIN)/python docs/generate.py

fuzz: $(VENV)/.dev  ## feed the readers garbage for FUZZ_SECONDS a target
	$(INSTALL) ".[dev,fuzz]"
	$(BIN)/python tests/fuzz/run.py --seconds $(FUZZ_SECONDS)

clean:  ## remove what was made
	rm -rf $(VENV) build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
