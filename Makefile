PYTHON ?= $(shell for v in 3.13 3.12 3.11 3; do p=python$$v; command -v $$p >/dev/null 2>&1 && \
	$$p -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup demo test test-erp test-tryton test-odoo chaos recovery check bench bench-quota bench-growth bench-adapters backlog screenshots lock clean

setup: $(VENV)/.installed

# What ships is pinned with hashes in requirements.lock; the -otel lock adds traces, the -dev lock
# the tools.
$(VENV)/.installed: requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 with venv is needed: make PYTHON=/path/to/python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# ERP=tryton: into a real Tryton, whose clerk is played.
demo: setup $(if $(filter tryton,$(ERP)),.venv-tryton/.installed)
	$(if $(filter tryton,$(ERP)),PYTHONPATH=tests $(BIN)/python -m support.tryton.demo,$(BIN)/vtex-erp demo) $(if $(ONCE),--once)

test: setup
	$(BIN)/python -m pytest

# Against ERPs that really run, each in a virtual environment of its own: Tryton, and Odoo 11 where
# there is a Python 3.6 for it.
test-erp: test-tryton test-odoo

test-tryton: setup .venv-tryton/.installed
	$(BIN)/python -m pytest -n $(or $(WORKERS),2) \
		tests/contract/test_tryton.py tests/integration/erp/test_tryton.py tests/system/orders/test_tryton.py

test-odoo: setup .venv-odoo/.installed
	TEST_ODOO=1 $(BIN)/python -m pytest -n 0 tests/contract/test_odoo.py

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

# Faults on purpose: make chaos SEED=7 MINUTES=3 SEEDS=20; make recovery FAULT=killed for each alone.
chaos: setup
	PYTHONPATH=tests $(BIN)/python -m chaos --seed $(or $(SEED),1) --seeds $(or $(SEEDS),1) --minutes $(or $(MINUTES),3)

recovery: setup
	PYTHONPATH=tests $(BIN)/python -m chaos --recovery --fault "$(FAULT)"

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Our workers and what one would write instead, side by side: make bench ROUNDS=5 ORDERS=1000.
# PAGE=docs/benchmarks.md writes the table into that page; QUICK=1 only sees that it works.
bench: setup
	@mkdir -p var
	$(BIN)/python bench/compare.py $(CONTESTANTS) --json $(or $(JSON),var/bench.json) \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(ORDERS),--orders $(ORDERS)) \
		$(if $(YARDSTICK_ORDERS),--yardstick-orders $(YARDSTICK_ORDERS)) \
		$(if $(PAGE),--page $(PAGE)) $(if $(QUICK),--quick)

# QUOTA="60 6000" STORES="1 10" HALVE=announced SECONDS=90
bench-quota: setup
	$(BIN)/python bench/quota.py $(if $(QUOTA),--quota $(QUOTA)) $(if $(STORES),--stores $(STORES)) \
		$(if $(HALVE),--halve $(HALVE)) $(if $(SECONDS),--seconds $(SECONDS))

# DATABASE=sqlite SIZES=1000,10000 STORES=1,10
bench-growth: setup
	$(BIN)/python bench/growth.py $(if $(DATABASE),--database $(DATABASE)) \
		$(if $(SIZES),--sizes $(SIZES)) $(if $(STORES),--stores $(STORES))

# What an order costs an ERP adapter, against the fakes of the tests: ORDERS=200
bench-adapters: setup
	PYTHONPATH=.:tests $(BIN)/python bench/adapters.py $(if $(ORDERS),--orders $(ORDERS))

backlog: setup
	$(BIN)/python bench/backlog.py $(if $(ORDERS),--orders $(ORDERS)) $(if $(MINUTES),--minutes $(MINUTES))

# Flower as docs/flower.md shows it; needs Chromium and its driver.
screenshots: setup
	SCREENSHOTS=docs/images $(BIN)/python -m pytest -n 0 tests/system/operation/test_flower.py -k in_a_browser

lock:
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" --extra demo -o requirements.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" --extra demo --extra otel -o requirements-otel.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" --extra demo --extra otel --extra dev -o requirements-dev.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" -o tests/support/tryton/requirements.lock tests/support/tryton/requirements.in

clean:
	rm -rf $(VENV) .venv-tryton .venv-odoo var build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
