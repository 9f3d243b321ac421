PYTHON ?= $(shell for v in 3.13 3.12 3.11 3; do p=python$$v; command -v $$p >/dev/null 2>&1 && \
	$$p -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help

.PHONY: help setup demo unit test-fast test test-all test-erp test-tryton test-odoo fuzz chaos recovery coverage fmt check alert-rules settings-page bench bench-quota bench-growth bench-adapters bench-help backlog screenshots hooks lock clean

help: ## Lists the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.installed ## Makes .venv with all that workers, tests and tools need.

# What ships is pinned with hashes in requirements.lock; the -otel lock adds traces, the -dev lock
# the tools.
$(VENV)/.installed: requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 with venv is needed: make PYTHON=/path/to/python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# ERP=tryton: into a real Tryton, whose clerk is played.
demo: setup $(if $(filter tryton,$(ERP)),.venv-tryton/.installed) ## Runs the demo: a simulated store, real workers, an ERP's tables.
	$(if $(filter tryton,$(ERP)),PYTHONPATH=tests $(BIN)/python -m support.tryton.demo,$(BIN)/vtex-erp demo) $(if $(ONCE),--once)

# WORKERS=8 sets how many processes run tests.
PYTEST := $(BIN)/python -m pytest

unit: setup ## Runs the unit tests: no servers, under 30 seconds.
	$(PYTEST) -n $(or $(WORKERS),auto) tests/unit

test-fast: setup .vtex-clients/.installed ## Runs unit, contract and integration tests on SQLite, under 3 minutes.
	$(PYTEST) -n $(or $(WORKERS),4) -m "not database_server and not slow and not nightly" tests/unit tests/contract tests/integration

test: setup .vtex-clients/.installed ## Runs the tests that CI runs: real servers and worker processes, under 20 minutes.
	$(PYTEST) -n $(or $(WORKERS),4) -m "not nightly"

test-all: setup .vtex-clients/.installed test-erp fuzz ## Runs every test, each night: real ERPs, deep fuzz, chaos seeds.
	$(PYTEST) -n $(or $(WORKERS),4)
	$(MAKE) chaos SEEDS=$(or $(SEEDS),3)

# Against ERPs that really run, each in a virtual environment of its own: Tryton, and Odoo 11 where
# there is a Python 3.6 for it.
test-erp: test-tryton test-odoo ## Runs the adapters' tests against a real Tryton and a real Odoo 11.

test-tryton: setup .venv-tryton/.installed ## Runs the Tryton adapter's tests against a real Tryton.
	$(PYTEST) -n $(or $(WORKERS),2) \
		tests/contract/test_tryton.py tests/integration/erp/tryton tests/system/orders/test_tryton.py

test-odoo: setup .venv-odoo/.installed ## Runs the Odoo adapter's tests against a real Odoo 11.
	TEST_ODOO=1 $(PYTEST) -n 0 tests/contract/test_odoo.py

# Published clients of VTEX. Their packages are named vtex as ours is, so each has a folder of its own.
VTEX_CLIENTS := vtexpy vtex
.vtex-clients/.installed: $(VTEX_CLIENTS:%=tests/support/vtex_clients/%.lock) $(VENV)/.installed
	rm -rf .vtex-clients
	$(foreach client,$(VTEX_CLIENTS),$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes --target .vtex-clients/$(client) -r tests/support/vtex_clients/$(client).lock &&) true
	touch $@

.venv-tryton/.installed: tests/support/tryton/requirements.lock
	$(PYTHON) -m venv .venv-tryton
	.venv-tryton/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/support/tryton/requirements.lock
	touch $@

PYTHON36 ?= $(shell for p in python3.6 $(HOME)/.pyenv/versions/3.6.*/bin/python; do \
	$$p -c 'import sys, venv; sys.exit(sys.version_info[:2] != (3, 6))' 2>/dev/null && echo $$p && break; done)

# Without dependencies: the lock names all, and what the wheels ask for contradicts itself.
.venv-odoo/.installed: tests/support/odoo/requirements.lock
ifeq ($(PYTHON36),)
	@echo "no Python 3.6 here: the tests against a real Odoo 11 are skipped (make test-erp PYTHON36=/path/to/python3.6)"
else
	$(PYTHON36) -m venv .venv-odoo
	.venv-odoo/bin/python -m pip install --quiet --disable-pip-version-check pip==21.3.1
	.venv-odoo/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r tests/support/odoo/requirements.lock
	touch $@
endif

# -n 0: the processes of pytest-xdist cannot send each other half a surrogate pair.
fuzz: setup ## Looks for new inputs that break a reader: EXAMPLES=20000.
	HYPOTHESIS_PROFILE=deep HYPOTHESIS_EXAMPLES=$(or $(EXAMPLES),2000) $(PYTEST) -n 0 tests/fuzz

# Faults on purpose: make chaos SEED=7 MINUTES=3 SEEDS=20; make recovery FAULT=killed for each alone.
chaos: setup ## Runs a whole cluster under random faults and balances its books.
	PYTHONPATH=tests $(BIN)/python -m chaos --seed $(or $(SEED),1) --seeds $(or $(SEEDS),1) --minutes $(or $(MINUTES),3)

recovery: setup ## Measures how long the cluster takes to recover from each fault.
	PYTHONPATH=tests $(BIN)/python -m chaos --recovery --fault "$(FAULT)"

coverage: setup ## Measures which lines unit and integration tests run; writes var/coverage.
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n $(or $(WORKERS),4) tests/unit tests/integration
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage html --quiet
	$(BIN)/coverage report

fmt: setup ## Formats the code and fixes the findings that have a safe fix.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

hooks: setup ## Installs the Git hooks that check each commit.
	$(BIN)/pre-commit install

alert-rules: setup ## Writes the tables of alerts and Prometheus' rules from the code.
	$(BIN)/python -m tasks.alerts.generate

settings-page: setup ## Writes the tables of docs/configuration.md from the code.
	PYTHONPATH=. $(VENV)/bin/python tests/support/settings_page.py

check: setup ## Checks format, lint, types and import contracts.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Our workers and what one would write instead, side by side: make bench ROUNDS=5 ORDERS=1000.
# PAGE=docs/benchmarks.md writes the table into that page; QUICK=1 only sees that it works.
bench: setup ## Compares our workers with the usual solutions.
	@mkdir -p var
	$(BIN)/python bench/compare.py $(CONTESTANTS) --json $(or $(JSON),var/bench.json) \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(ORDERS),--orders $(ORDERS)) \
		$(if $(YARDSTICK_ORDERS),--yardstick-orders $(YARDSTICK_ORDERS)) \
		$(if $(PAGE),--page $(PAGE)) $(if $(QUICK),--quick)

# QUOTA="60 6000" STORES="1 10" HALVE=announced SECONDS=90
bench-quota: setup ## Measures how much of a quota the workers use.
	$(BIN)/python bench/quota.py $(if $(QUOTA),--quota $(QUOTA)) $(if $(STORES),--stores $(STORES)) \
		$(if $(HALVE),--halve $(HALVE)) $(if $(SECONDS),--seconds $(SECONDS))

# DATABASE=sqlite SIZES=1000,10000 STORES=1,10
bench-growth: setup ## Measures whether cost grows with the journal.
	$(BIN)/python bench/growth.py $(if $(DATABASE),--database $(DATABASE)) \
		$(if $(SIZES),--sizes $(SIZES)) $(if $(STORES),--stores $(STORES))

bench-help: setup ## Measures the CPU seconds of --help of each command; fails from 0.3 s on.
	$(BIN)/python bench/help.py

# What an order costs an ERP adapter, against the fakes of the tests: ORDERS=200
bench-adapters: setup ## Measures calls and orders a second of each ERP adapter.
	PYTHONPATH=.:tests $(BIN)/python bench/adapters.py $(if $(ORDERS),--orders $(ORDERS))

backlog: setup ## Measures how fast a backlog of orders is worked off.
	$(BIN)/python bench/backlog.py $(if $(ORDERS),--orders $(ORDERS)) $(if $(MINUTES),--minutes $(MINUTES))

# Flower as docs/flower.md shows it; needs Chromium and its driver.
screenshots: setup ## Takes the screenshots of docs/flower.md.
	SCREENSHOTS=docs/images $(PYTEST) -n 0 tests/system/operation/test_flower.py -k in_a_browser

lock: ## Pins the dependencies anew, with hashes.
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" --extra demo -o requirements.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" --extra demo --extra otel -o requirements-otel.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" --extra demo --extra otel --extra dev -o requirements-dev.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" -o tests/support/tryton/requirements.lock tests/support/tryton/requirements.in
	$(foreach client,$(VTEX_CLIENTS),$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" \
		-o tests/support/vtex_clients/$(client).lock tests/support/vtex_clients/$(client).in &&) true

clean: ## Removes environments, caches and built files.
	rm -rf $(VENV) .venv-tryton .venv-odoo .vtex-clients var build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
