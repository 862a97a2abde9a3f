# `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/ready
# "stale" where the environment was moved or copied, or its Python is gone or another one by now.
STALE := $(shell grep -qF "$$(pwd -P)/$(VENV)" $(VENV)/pyvenv.cfg 2> /dev/null && $(VENV)/bin/python -c \
	'import importlib.util, sys; sys.exit(importlib.util.find_spec("uv") is None)' 2> /dev/null || echo stale)
BASE_PATH := $(PATH)
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: stale help setup repro status test test-long soak fuzz test-versions coverage mutants lint format lock audit ui \
	serve report gc bench bench-quick clean

help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Create the virtual environment from requirements.lock

# pip installs uv from its lines of the lock; uv then installs everything in the lock.
# Bytecode is compiled now, also where PYTHONDONTWRITEBYTECODE is set (as in many containers):
# otherwise every import of TensorFlow would take twice as long there.
# While it is being changed, $(READY) is missing: after an interruption, all is made anew.
$(READY): requirements.lock pyproject.toml $(STALE)
	@PATH="$(BASE_PATH)" $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: Python 3.11 or newer is needed; run make PYTHON=... with its path" >&2; exit 1; }
	PATH="$(BASE_PATH)" $(PYTHON) -m venv $$([ -z "$(STALE)" ] && [ -e $@ ] || echo --clear) $(VENV)
	@rm -f $@
	sed -n '/^uv==/,/# via/p' requirements.lock > $(VENV)/uv.txt
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt
	$(VENV)/bin/uv pip sync --quiet --compile-bytecode --python $(VENV) requirements.lock
	$(VENV)/bin/uv pip install --quiet --python $(VENV) --no-deps --no-build-isolation --editable .
	$(VENV)/bin/python -m compileall -q pipeline hydra_plugins
	@touch $@

repro: $(READY) ## Run the whole pipeline as committed (dvc repro), then summarise the results
	@python -m pipeline.cli.project.dvc
	@DRIFT_REPORTED_BY_CALLER=1 dvc repro
	@python -m pipeline.record
	@python -m pipeline.status

status: $(READY) ## Say which network lies here, what made it, and how to go back to what is committed
	@python -m pipeline.status

test: $(READY) ## Run the tests; TESTS="tests/plots -k title" runs only these
	pytest $(TESTS)

test-long: $(READY) ## Run the tests that `make test` leaves out for their length, such as every command of the guides
	pytest -m long

# Each kill and its comparison is a line of .soak/kills.jsonl; a seed that has one is not repeated.
soak: $(READY) ## Kill commands and servers, run many at once, share a team's server; SOAK="kills --seeds 0-49" does only this
	PYTHONPATH=tests python -m soak $(or $(SOAK),all)
	$(if $(SOAK),,PYTHONPATH=tests python -m team 600)

test-versions: $(READY) ## Run the tests on Python 3.11 to 3.14, on the lock and on the newest versions; VERSIONS="3.12 --only lock"
	@python .ci/versions.py $(VERSIONS)

coverage: $(READY) ## Run the tests of the domain and list the branches they miss
	pytest tests/digits --cov

# One mutant in ten of every module; `mutmut show NAME` shows the change of a survivor. OpenCV's
# threads do not survive the forks of mutmut.
mutants: $(READY) ## Change the domain's code in small ways and count the changes that its tests notice
	OPENCV_FOR_THREADS_NUM=1 mutmut run $(or $(MUTANTS),'*__mutmut_*3')
	@mutmut results --all true | awk -F': ' '$$2 == "not checked" {next} {n++} $$2 != "killed" \
		{print} $$2 == "killed" || $$2 == "timeout" {killed++} $$2 == "timeout" {late++} \
		END {printf "%d of %d mutants killed (%.1f %%), %d of them by a timeout\n", \
		killed, n, 100 * killed / n, late}'

# Any configuration and any argument, then damaged pictures. New examples each time.
fuzz: $(READY) ## Throw random configurations, arguments and picture files at the commands for long
	pytest --hypothesis-profile=long --hypothesis-show-statistics tests/cli/test_anything.py \
		tests/digits/preprocessing/test_normalise.py
	python -m benchmarks.fuzz_pictures

lint: $(READY) ## Check style, types, the import contracts and the figures that documents quote
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	python -m benchmarks.quoting --check

format: $(READY) ## Fix what ruff can fix and format the code
	ruff check --fix .
	ruff format .

lock: $(READY) ## Update requirements.lock from pyproject.toml
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --group dev pyproject.toml -o requirements.lock

audit: $(READY) ## List the known vulnerabilities of the locked packages
	@python .ci/audit

ui: $(READY) ## Browse and compare runs in MLflow's UI
	@python -m pipeline.ui

serve: $(READY) ## Read pictures over HTTP, and on a page to draw on, at http://127.0.0.1:8000
	@python -m pipeline.serve

report: $(READY) ## Compare the best experiments in one HTML file
	@python -m pipeline.report

gc: $(READY) ## Say what no experiment, run or registered model needs, and remove it if you agree
	@python -m pipeline.gc

bench: $(READY) ## Run the benchmarks against plain scripts (after make repro); BENCH="accuracy best" runs only these
	python -m benchmarks -- $(BENCH)

bench-quick: $(READY) ## Check in three minutes that most benchmarks run
	python -m benchmarks --quick

clean: ## Remove the virtual environment and the tools' caches (results stay)
	rm -rf $(VENV) .versions .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .coverage mutants *.egg-info
