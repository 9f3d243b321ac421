"""Each profile that comes along passes the conformance suite, against a fake of ours."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from erp import conformance
from erp.conformance.order_kinds import ORDERS
from support.erp.rest_harness import FAKES, RestHarness


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state whose tables are made; to copy it takes no time."""
    folder = tmp_path_factory.mktemp("state")
    made = RestHarness(folder, "bling")
    made.erp.migrate()
    made.erp.migrate()
    made.close()
    return folder / "state.db"


@pytest.fixture(params=sorted(FAKES))
def harness(
    request: pytest.FixtureRequest, tmp_path: Path, migrated: Path
) -> Iterator[RestHarness]:
    shutil.copy(migrated, tmp_path / "state.db")
    made = RestHarness(tmp_path, request.param)
    yield made
    made.close()


@pytest.mark.parametrize("check", conformance.ALL, ids=lambda check: check.__name__)
def test_profile(harness: RestHarness, check) -> None:
    check(harness)


@pytest.mark.parametrize("name", ORDERS)
def test_the_erp_adds_up_an_order_to_what_vtex_was_paid(harness: RestHarness, name: str) -> None:
    order = ORDERS[name]()

    number = int(harness.erp.insert(order))

    assert harness.fake.total(harness.fake.orders[number]) == order.total
