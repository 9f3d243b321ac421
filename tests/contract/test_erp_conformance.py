"""Every adapter that ships passes the conformance checks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from outboxes import MemoryOutbox, SqlOutbox

from erp import conformance
from erp.adapters.sql import SqlErp
from erp.port import ErpUnavailable

DATABASES = {"postgresql": "postgres_database", "mariadb": "mariadb_database"}


@pytest.fixture(params=["memory", "sqlite", "postgresql", "mariadb"])
def outbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MemoryOutbox | SqlOutbox]:
    if request.param == "memory":
        made: MemoryOutbox | SqlOutbox = MemoryOutbox()
    elif request.param == "sqlite":
        made = SqlOutbox(f"sqlite:///{tmp_path}/new/erp.db")
    else:
        made = SqlOutbox(request.getfixturevalue(DATABASES[request.param]))
    made.erp.migrate()
    made.erp.migrate()
    yield made
    made.close()


@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda one: one.__name__)
def test_adapter(outbox: MemoryOutbox | SqlOutbox, check) -> None:
    check(outbox.erp)


@pytest.mark.parametrize("check", conformance.OUTBOX_CHECKS, ids=lambda one: one.__name__)
def test_outbox(outbox: MemoryOutbox | SqlOutbox, check) -> None:
    check(outbox)


def test_a_database_that_does_not_answer_is_unavailable() -> None:
    erp = SqlErp("postgresql://nobody@127.0.0.1:1/none")

    with pytest.raises(ErpUnavailable, match="OperationalError"):
        erp.find("acme", "o-1")

    erp.close()
