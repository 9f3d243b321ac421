"""Every adapter that ships passes the conformance checks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from erp import conformance
from erp.adapters.memory import MemoryErp
from erp.adapters.sql import SqlErp
from erp.port import Erp, ErpUnavailable

DATABASES = {"postgresql": "postgres_database", "mariadb": "mariadb_database"}


@pytest.fixture(params=["memory", "sqlite", "postgresql", "mariadb"])
def erp(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Erp]:
    if request.param == "memory":
        made: Erp = MemoryErp()
    elif request.param == "sqlite":
        made = SqlErp(f"sqlite:///{tmp_path}/new/erp.db")
    else:
        made = SqlErp(request.getfixturevalue(DATABASES[request.param]))
    made.migrate()
    made.migrate()
    yield made
    made.close()


@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda one: one.__name__)
def test_adapter(erp: Erp, check) -> None:
    check(erp)


def test_a_database_that_does_not_answer_is_unavailable() -> None:
    erp = SqlErp("postgresql://nobody@127.0.0.1:1/none")

    with pytest.raises(ErpUnavailable, match="OperationalError"):
        erp.find("acme", "o-1")

    erp.close()
