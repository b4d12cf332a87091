# Everything runs in .venv, made by `make setup` from the pinned releases of constraints.txt.
# PIP_OPTIONS goes to pip as it is, for instance to have PyTorch's CPU build (see README.md).

PYTHON ?= python3
PIP_OPTIONS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up
DEMO_HOME ?= var/demo

.PHONY: setup demo test check format docs bench clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "The venv module is needed: on Debian, apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(PIP_OPTIONS) --editable '.[dev]'
	touch $@

demo: setup
	$(BIN)/lienquan index indexer/sample/articles.jsonl --home $(DEMO_HOME)
	$(BIN)/lienquan serve --home $(DEMO_HOME) --host 127.0.0.1 --port 8000

test: setup
	PYTHON=$(BIN)/python sh tests/browser/chromium.sh
	$(BIN)/python -m pytest

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup
	$(BIN)/python -m tests.help_text

bench: setup
	$(BIN)/python -m benchmarks.run

clean:
	rm -rf $(VENV) var build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
