# Each target does all its own set-up in .venv; a stamp there makes repeats quick.
#   make PYTHON=python3.12 setup    another interpreter (remove .venv first)
#   make PYTHONS=3.13 pythons       one of them
#   make OLDEST=wandb oldest        one of them
#   make TEST_ARGS='-k journal'     what else to tell pytest

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
STAMP := $(VENV)/.ready
PLUGINS := $(patsubst plugins/%/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
DEV := duckdb flask-cors fsspec gcp-storage-emulator graphql-core hypothesis ipykernel joblib moto[s3] mypy playwright psutil pyarrow pytest pytest-randomly pytest-xdist ruff tomli types-psutil
TOGETHER := mlflow flask-wtf scikit-learn psycopg2-binary matplotlib pandas pillow plotly polars wandb
# What the core's tests draw and tabulate with.
DRAWING := matplotlib numpy pandas pillow plotly polars scikit-learn
# The plugins whose SDK's oldest version is named, with what goes with it.
OLDEST ?= $(patsubst plugins/tracklib-%/oldest.txt,%,$(wildcard plugins/*/oldest.txt))
CONSTRAINTS := constraints.txt
PYTHONS ?= 3.10 3.12 3.13
WORKERS ?= 4
TEST_ARGS ?=

# A process that may not keep its byte code compiles its vendor's SDK at each start, which costs seconds.
unexport PYTHONDONTWRITEBYTECODE
# What is imported comes from .venv alone.
unexport PYTHONPATH
unexport PYTHONHOME
unexport VIRTUAL_ENV

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export UV_LINK_MODE := copy

.DEFAULT_GOAL := help
.PHONY: help setup demo test pythons core oldest oldest-sdk soak lint types bench support clean

help: ## say what there is
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

setup: $(STAMP) ## make .venv with everything that is needed, and compile it once

$(STAMP): constraints.txt pyproject.toml $(wildcard plugins/*/pyproject.toml) Makefile
	@$(call install,-e . $(foreach plugin,$(PLUGINS),-e plugins/$(plugin)) $(TOGETHER) $(DEV))
	@touch $@

# $(call install,WHAT): by the pinned versions, compiled at once, over whatever of it is there. uv is quick; pip does
# where uv cannot be had, or does not know this machine's package index.
define install
test -x $(PY) || $(PYTHON) -m venv $(VENV) || exit 1; \
test -x $(BIN)/uv || $(PY) -m pip install --quiet -c $(CONSTRAINTS) uv \
	|| echo "setup: no uv to be had; pip takes its place, and takes longer"; \
echo "setup: installing into $(VENV)"; \
{ test -x $(BIN)/uv && $(BIN)/uv pip install --quiet --python $(PY) --compile-bytecode -c $(CONSTRAINTS) $(1); } \
	|| $(PY) -m pip install --quiet --compile -c $(CONSTRAINTS) $(1)
endef

demo: $(STAMP) ## watch a training run being tracked once and landing, exact, in two places
	@$(PY) examples/demo.py

test: $(STAMP) ## run every test, against a real MLflow too
	@$(PY) -m pytest -n $(WORKERS) $(TEST_ARGS)

pythons: ## run the core's tests on each further Python, in an environment of its own
	@for version in $(PYTHONS); do \
		echo "python: $$version"; \
		$(MAKE) --no-print-directory VENV=.venv-$$version PYTHON=python$$version core || exit 1; \
	done

core: $(VENV)/.core
	@$(PY) -m pytest -n $(WORKERS) $(TEST_ARGS) tests

$(VENV)/.core: constraints.txt pyproject.toml Makefile
	@$(call install,-e . $(DRAWING) $(DEV))
	@touch $@

oldest: ## run each plugin's tests with the oldest SDK that it takes, in an environment of its own
	@for name in $(OLDEST); do \
		echo "oldest: $$name"; \
		$(MAKE) --no-print-directory VENV=.venv-oldest-$$name SDK=$$name oldest-sdk || exit 1; \
	done

oldest-sdk: $(VENV)/.oldest
	@$(PY) -m pytest -n $(WORKERS) $(TEST_ARGS) plugins/tracklib-$(SDK)/tests

# What oldest.txt names takes the place of the same in constraints.txt. To MLflow the other plugins' tests carry runs over.
$(VENV)/.oldest: CONSTRAINTS = $(VENV)/constraints.txt
$(VENV)/.oldest: NAMED = plugins/tracklib-$(SDK)/oldest.txt
$(VENV)/.oldest: constraints.txt pyproject.toml plugins/tracklib-$(SDK)/oldest.txt plugins/tracklib-$(SDK)/pyproject.toml Makefile
	@mkdir -p $(VENV)
	@awk -F '==' 'FNR == NR { named[$$1]; print; next } !($$1 in named)' $(NAMED) constraints.txt > $(CONSTRAINTS)
	@$(call install,-e . -e plugins/tracklib-$(SDK) -e plugins/tracklib-mlflow -r $(NAMED) $(filter-out wandb,$(TOGETHER)) $(DEV))
	@touch $@

soak: $(STAMP) ## kill training 200 times and relays 50 times, restart one job 20 times, fork 1000 times, kill migrations 250 times, migrate 800 sets of runs there and back; count what is lost
	@TRACKLIB_KILLS=200 TRACKLIB_RESTARTS=20 TRACKLIB_FORKS=1000 PAIRS_EXAMPLES=10 $(PY) -m pytest -q -p no:randomly \
		tests/promises/test_2_never_lost.py tests/promises/test_2_restarts.py tests/tracking/test_workers.py \
		tests/portability/test_migrate_kills.py tests/portability/test_every_pair.py tests/portability/test_unfinished.py

lint: $(STAMP) ## check form and style
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

# Linux, macOS and Windows differ in what their standard library has: each is checked. Scripts are Linux's affair, and
# scikit-learn has no types.
types: export MYPYPATH = $(subst $() ,:,$(foreach plugin,$(PLUGINS),plugins/$(plugin)) benchmarks examples)
types: $(STAMP) ## check the types, for each operating system
	@for system in linux darwin win32; do \
		echo "mypy: $$system"; \
		$(BIN)/mypy --platform $$system -p tracklib $(foreach plugin,$(PLUGINS),-p $(subst -,_,$(plugin))) || exit 1; \
	done
	@echo "mypy: scripts"; $(BIN)/mypy --ignore-missing-imports $(wildcard examples/*.py benchmarks/*.py docs/golden/*.py)

bench: $(STAMP) ## measure, beside the vendors' own SDKs
	@$(PY) -c 'import wandb' 2>/dev/null || { $(call install,wandb); }
	@$(PY) benchmarks/run.py

support: $(STAMP) ## make docs/support.md again, from what the conformance kit finds
	@CONFORMANCE_WRITE_RESULTS=1 $(PY) -m pytest -q -n $(WORKERS) plugins/*/tests/test_conformance.py
	@$(PY) -m tracklib.testing.conformance.page plugins/*/tracklib_* > docs/support.md

clean: ## remove .venv and what the demo left
	rm -rf $(VENV) .venv-* .demo .mypy_cache .ruff_cache .pytest_cache
