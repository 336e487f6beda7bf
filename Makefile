# make install   the command, in .venv in this clone (.venv/bin/firstlight)
# make demo      install if needed, then the main job from end to end on pictures drawn by code
# make test      install with tools if needed, then everything that is checked: ruff, mypy, pytest
# make lock      choose new exact versions of all packages (lock/*.txt); review the difference before committing it
# make names     write down the public names of each room again (tests/house/public_names.toml)
# make clean     remove what the targets above have made

ifndef PYTHON
PYTHON := $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,$(if $(shell \
	$(p) -c 'import sys; print("y" if sys.version_info >= (3, 11) else "")' 2>/dev/null),$(p))))
endif
BIN := .venv/bin
PYTEST_ARGS ?=
HOW := --universal --python-version 3.11 --generate-hashes --no-annotate --quiet --custom-compile-command "make lock"
LOCK := $(BIN)/uv pip compile pyproject.toml $(HOW)
REFERENCE := --group pyproject.toml:reference --constraint lock/dev.txt --no-deps $(HOW)

.PHONY: install install-dev demo test lock names clean python

python:
	@test -n "$(PYTHON)" || { echo "Firstlight: no Python 3.11 or newer was found. Install one" \
	  "(Debian 12 and newer: apt install python3 python3-venv), or name it: make install PYTHON=/path/to/python3" >&2; exit 2; }

install: python
	@$(PYTHON) scripts/install.py core

install-dev: python
	@$(PYTHON) scripts/install.py dev

demo: install
	@$(BIN)/firstlight demo

# Benchmarks are type-checked apart, since some share their names with rooms of tests.
# No test has a way out, and an attempt that the kernel counts fails the run. A browser and Ray ask for name servers and
# for the machine's address when they start, whatever they are told, so their tests run apart: no way out, no count.
FOREIGN := tests/web/console tests/screen/test_cluster.py
test: install-dev
	@echo "make test: ruff"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@echo "make test: mypy"
	@$(BIN)/mypy src tests scripts examples
	@$(BIN)/mypy $(wildcard benchmarks/*.py)
	@echo "make test: pytest"
	@$(PYTHON) scripts/no_way_out.py $(BIN)/pytest -n auto --dist worksteal $(FOREIGN:%=--ignore %) $(PYTEST_ARGS)
	@echo "make test: pytest, with a browser and with Ray"
	@$(PYTHON) scripts/no_way_out.py env -u FIRSTLIGHT_NO_WAY_OUT $(BIN)/pytest -n auto --dist worksteal $(FOREIGN)
	@echo "make test: all passed: ruff check, ruff format, mypy --strict, pytest"

# The versions already chosen are kept unless UPGRADE=1. No package index is named: uv uses the one it is set up with.
lock: install-dev
	@$(LOCK) $(if $(UPGRADE),--upgrade) --group build --output-file lock/core.txt
	@$(LOCK) $(if $(UPGRADE),--upgrade) --constraint lock/core.txt --group build --group dev --output-file lock/dev.txt
	@$(BIN)/uv pip compile $(REFERENCE) $(if $(UPGRADE),--upgrade) --output-file lock/reference.txt

names: install-dev
	@$(BIN)/python scripts/public_names.py

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find src tests benchmarks scripts examples -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
