# `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/ready
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup repro test lint format lock ui report bench bench-quick clean

help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make the virtual environment from requirements.lock

# uv is installed by pip from its own lines of the lock, everything else by uv from all of it.
# Compiled at once, so that no start pays for it, even where PYTHONDONTWRITEBYTECODE is set (as in
# many containers): there TensorFlow takes twice as long to import otherwise.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: Python 3.11 or newer is needed; name one with make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	sed -n '/^uv==/,/# via/p' requirements.lock > $(VENV)/uv.txt
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt
	$(VENV)/bin/uv pip sync --quiet --compile-bytecode --python $(VENV) requirements.lock
	$(VENV)/bin/uv pip install --quiet --python $(VENV) --no-deps --no-build-isolation --editable .
	$(VENV)/bin/python -m compileall -q pipeline hydra_plugins
	@touch $@

repro: $(READY) ## Run the whole pipeline as committed (dvc repro), then show what came of it
	DRIFT_REPORTED_BY_CALLER=1 dvc repro
	@python -m pipeline.summary

test: $(READY) ## Run the tests
	pytest

lint: $(READY) ## Check style, types and which layer imports which
	ruff check .
	ruff format --check .
	mypy
	lint-imports

format: $(READY) ## Bring the code into shape
	ruff check --fix .
	ruff format .

lock: $(READY) ## Renew requirements.lock from pyproject.toml
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --group dev pyproject.toml -o requirements.lock

ui: $(READY) ## Browse and compare runs in MLflow's UI
	@python -m pipeline.ui

report: $(READY) ## Compare the last experiments in one HTML file to send to someone
	@python -m pipeline.report

bench: $(READY) ## Measure against plain scripts (after make repro); BENCH="accuracy best" for these rows alone
	python -m benchmarks -- $(BENCH)

bench-quick: $(READY) ## See in three minutes that most benchmarks run
	python -m benchmarks --quick

clean: ## Remove the virtual environment and what tools cache (results stay)
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache *.egg-info
