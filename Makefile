# Everything runs in .venv, made by `make setup` from the pinned releases of constraints.txt, each file by its hash.
# PIP_OPTIONS goes to pip as it is, for instance to have PyTorch's CPU build (see README.md).

PYTHON ?= python3
PIP_OPTIONS ?=
DEMO_HOME ?= var/demo
UPGRADE ?=
ROUNDS ?=
SEED ?=
PARTS ?=
TO ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up
BENCH_VENV := .venv-bench
BENCH_STAMP := $(BENCH_VENV)/.set-up
TOOLS := .venv-tools
TOOLS_STAMP := $(TOOLS)/.set-up
RUNTIME := .venv-runtime
RUNTIME_STAMP := $(RUNTIME)/.set-up
SERVICE ?= osv

.PHONY: setup demo test durations torture check format docs words bench bench-scale peers lock sbom audit clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt deploy/supply/pip.txt deploy/supply/torch-cpu.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "The venv module is needed: on Debian, apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	EDITABLE=yes sh deploy/supply/install.sh $(VENV) 'lienquan[dev]' $(PIP_OPTIONS)
	touch $@

# Pins and hashes anew, for every Python and platform; UPGRADE goes to uv, for instance "-P urllib3" or "--upgrade".
lock: $(TOOLS_STAMP)
	PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" $(TOOLS)/bin/python deploy/supply/lock.py $(UPGRADE)

# What runs in production, without development, as a bill of materials; docs/licences.md.
sbom: $(TOOLS_STAMP) $(RUNTIME_STAMP)
	PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" $(TOOLS)/bin/python deploy/supply/bill.py $(RUNTIME)/bin/python dist/lienquan.cdx.json

# Is anything known against what is pinned? Status 1: yes; 3: SERVICE (osv or pypi) could not be asked.
audit: $(TOOLS_STAMP)
	PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" $(TOOLS)/bin/python deploy/supply/audit.py --service $(SERVICE)

$(RUNTIME_STAMP): pyproject.toml constraints.txt deploy/supply/pip.txt deploy/supply/torch-cpu.txt
	$(PYTHON) -m venv --clear $(RUNTIME)
	sh deploy/supply/install.sh $(RUNTIME) 'lienquan[mariadb,postgresql,redis]' $(PIP_OPTIONS)
	touch $@

$(TOOLS_STAMP): deploy/supply/tools.txt
	$(PYTHON) -m venv --clear $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --no-deps $(PIP_OPTIONS) -r $<
	touch $@

demo: setup
	$(BIN)/lienquan index indexer/sample/articles.jsonl --home $(DEMO_HOME)
	$(BIN)/lienquan serve --home $(DEMO_HOME) --host 127.0.0.1 --port 8000 --open-newsroom

# A process a core, at most four (each may hold the model), each with whole files, the longest first (tests/durations.py).
test: setup
	PYTHON=$(BIN)/python sh tests/browser/chromium.sh
	sh tests/programs.sh
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# The suite once more, to record how long each of its files takes; tests/durations.tsv.
durations: setup
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder --junitxml=build/tests.xml
	$(BIN)/python -m tests.durations build/tests.xml

# Crashes, damage, full disks and load in their long forms: hours. ROUNDS, SEED and PARTS choose less.
torture: setup
	$(BIN)/python -m tests.torture $(PARTS) $(if $(ROUNDS),--rounds $(ROUNDS)) --seed $(or $(SEED),1)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup
	$(BIN)/python -m tests.help_text

# Catalogues of service/wording/ get the messages that the code has now; TO=fr does it for one language, or begins it.
words: setup
	$(BIN)/python -m tests.catalogues $(TO)

# At most half an hour on two cores; bench-scale takes hours. Peers that cannot be had are left out.
bench: setup peers
	$(BIN)/python -m benchmarks.run default

bench-scale: setup peers
	$(BIN)/python -m benchmarks.run long

peers:
	@$(MAKE) --no-print-directory $(BENCH_STAMP) || echo "The peers cannot be installed and are left out."

$(BENCH_STAMP): benchmarks/requirements.txt
	$(PYTHON) -m venv --clear $(BENCH_VENV)
	$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_OPTIONS) -r benchmarks/requirements.txt
	touch $@

clean:
	rm -rf $(VENV) $(BENCH_VENV) $(TOOLS) $(RUNTIME) var build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
