"""Each profile that comes along passes the conformance suite, against a fake of ours."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from erp import conformance
from erp.conformance.order_kinds import ORDERS
from support.rest_harness import FAKES, RestBench


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state whose tables are made; to copy it takes no time."""
    folder = tmp_path_factory.mktemp("state")
    made = RestBench(folder, "bling")
    made.erp.migrate()
    made.erp.migrate()
    made.close()
    return folder / "state.db"


@pytest.fixture(params=sorted(FAKES))
def bench(request: pytest.FixtureRequest, tmp_path: Path, migrated: Path) -> Iterator[RestBench]:
    shutil.copy(migrated, tmp_path / "state.db")
    made = RestBench(tmp_path, request.param)
    yield made
    made.close()


@pytest.mark.parametrize("check", conformance.ALL, ids=lambda one: one.__name__)
def test_profile(bench: RestBench, check) -> None:
    check(bench)


@pytest.mark.parametrize("name", ORDERS)
def test_the_erp_adds_up_an_order_to_what_vtex_was_paid(bench: RestBench, name: str) -> None:
    order = ORDERS[name]()

    number = int(bench.erp.insert(order))

    assert bench.fake.total(bench.fake.orders[number]) == order.total
