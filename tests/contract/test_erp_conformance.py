"""Every adapter that ships passes the conformance checks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from erp import conformance
from erp.adapters.sql.adapter import SqlErp
from erp.port import ErpUnavailable
from support.erp.harnesses import MemoryHarness, SqlHarness

Made = MemoryHarness | SqlHarness
DATABASES = {"postgresql": "postgres_database", "mariadb": "mariadb_database"}


@pytest.fixture(params=["memory", "sqlite", "postgresql", "mariadb"])
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Made]:
    if request.param == "memory":
        made: Made = MemoryHarness()
    elif request.param == "sqlite":
        made = SqlHarness(f"sqlite:///{tmp_path}/new/erp.db")
    else:
        made = SqlHarness(request.getfixturevalue(DATABASES[request.param]))
    made.erp.migrate()
    made.erp.migrate()
    yield made
    made.close()


@pytest.mark.parametrize("check", conformance.ALL, ids=lambda check: check.__name__)
def test_adapter(harness: Made, check) -> None:
    check(harness)


def test_a_database_that_does_not_answer_is_unavailable() -> None:
    erp = SqlErp("postgresql://nobody@127.0.0.1:1/none")

    with pytest.raises(ErpUnavailable, match="OperationalError"):
        erp.find("acme", "o-1")

    erp.close()
