# Every command a contributor or CI needs. Written for GNU make 3.81 (macOS) and up.

VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8800
LOAD_S ?= 30
CHAOS_S ?= 600
ARGS ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check

# A stamp is newer than the requirements it stands for, so a second run installs nothing.
VENV_MADE := $(VENV)/.made
BASE := $(VENV)/.base-installed
DEV := $(VENV)/.dev-installed

.PHONY: help demo test test-long chaos audit bench load snippet lint format lock clean
.DEFAULT_GOAL := help

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: $(BASE) ## run the service with the demo site (PORT=8800)
	@$(BIN)/edgeseg demo --port $(PORT)

test: $(DEV) ## run every test but the long ones (ARGS="-k name")
	@scripts/test-programs.sh
	@scripts/test-clients.sh
	$(BIN)/python -m pytest -m "not long" $(ARGS)

test-long: $(DEV) ## run the tests that take minutes
	@scripts/test-programs.sh
	@scripts/test-clients.sh
	$(BIN)/python -m pytest -m long --timeout 1800 $(ARGS)
	$(BIN)/python -m pytest --hypothesis-profile long --timeout 1800 tests/unit/segments/test_language.py

chaos: $(DEV) ## ten minutes of mixed load and random faults (CHAOS_S=600)
	$(BIN)/python -m tests.chaos --seconds $(CHAOS_S) $(ARGS)

audit: $(DEV) ## look for known vulnerabilities of what is installed (asks a service on the network)
	$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements/base.txt $(ARGS)

bench: $(DEV) ## measure; a table here, JSON under benchmarks/results/
	@scripts/test-programs.sh wrk
	@scripts/test-clients.sh benchmarks/peers
	$(BIN)/python -m benchmarks $(ARGS)

load: $(DEV) ## run the Locust profile against a server of its own (LOAD_S=30)
	$(BIN)/python loadtests/run.py --duration-s $(LOAD_S) $(ARGS)

snippet: ## build the browser snippet from web/ into the package (needs Node)
	@scripts/test-programs.sh
	@scripts/test-clients.sh
	cd web && node build.mjs

lint: $(DEV) ## every static check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/deptry src
	$(BIN)/codespell
	$(BIN)/hadolint Dockerfile
	scripts/check-licences.sh $(BIN)
	@scripts/test-programs.sh
	@scripts/test-clients.sh
	cd web && npm run --silent check

format: $(DEV) ## rewrite the code in the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

COMPILE := $(BIN)/uv --quiet pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock"

lock: $(DEV) ## pin the requirements again (ARGS=--upgrade for newer ones)
	$(COMPILE) $(ARGS) pyproject.toml --output-file requirements/base.txt
	$(COMPILE) $(ARGS) --group build --constraint requirements/base.txt \
		--output-file requirements/build.txt
	$(COMPILE) $(ARGS) pyproject.toml --extra geo --extra load --extra traces --group dev --constraint requirements/base.txt \
		--constraint requirements/build.txt --output-file requirements/dev.txt

clean: ## remove what the other targets made, the virtual environment included
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV_MADE):
	@scripts/make-venv.sh $(VENV)
	@touch $@

$(BASE): $(VENV_MADE) requirements/base.txt requirements/build.txt pyproject.toml
	@echo "Installing edgeseg and what it needs into $(VENV)"
	@$(PIP) install --quiet --require-hashes -r requirements/base.txt -r requirements/build.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): $(BASE) requirements/dev.txt
	@echo "Installing the tools for development into $(VENV)"
	@$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@touch $@
