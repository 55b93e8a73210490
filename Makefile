# One word per action; CI calls the same words (.ci/run). Needs Python 3.11 or newer and GNU make 3.81 or newer.
#   make setup PYTHON=/path/to/python3.12     choose the interpreter
#   make test JOBS=4                          more processes; each takes one thread and about 1 GB
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JOBS ?= 2

NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$name" -c '$(NEW_ENOUGH)' >/dev/null 2>&1 && echo "$$name" && break; done)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export MPLBACKEND := Agg

.DEFAULT_GOAL := help
.PHONY: help setup test check journey demo clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

setup: $(STAMP) ## make .venv and install the package with its tools into it

test: $(STAMP) ## run the fast tests
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m "not journey" -n $(JOBS)

check: $(STAMP) ## check format, style, types and the order of the folders
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@found=$$($(BIN)/lint-imports) && echo "$$found" | grep "^Contracts:" || { echo "$$found"; exit 1; }

journey: $(STAMP) ## run whole paths that a user would take (minutes)
	@$(BIN)/python -m pytest -q -m journey

demo: $(STAMP) ## go from drawn scans to three results and their reports, without a network
	@$(BIN)/medtrans demo --out demo

clean: ## delete .venv, demo and the caches of the tools
	@rm -rf $(VENV) demo build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find src tests docs -name __pycache__ -type d -prune -exec rm -rf {} +

# The pinned torch goes first, so that no later step can choose another one.
$(STAMP): pyproject.toml constraints.txt
	@"$(PYTHON)" -c '$(NEW_ENOUGH)' 2>/dev/null || { echo "This needs Python 3.11 or newer, but found: \
	$$("$(PYTHON)" --version 2>/dev/null || echo none). Install it, or name it: make setup PYTHON=python3.12" >&2; exit 1; }
	@echo "Setting up $(VENV) with $$("$(PYTHON)" --version); this happens once and takes minutes."
	@"$(PYTHON)" -m venv $(VENV) || { echo "Python cannot make virtual environments here; \
	on Debian and Ubuntu install python3-venv." >&2; rm -rf $(VENV); exit 1; }
	@$(BIN)/python -m pip install --quiet -c constraints.txt torch
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@
