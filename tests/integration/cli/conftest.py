"""A desk with its own journal, ERP and simulated store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from erp.adapters.sql.adapter import SqlErp
from support.command_line import Desk
from vtex.simulator.config import Config
from vtex.simulator.server import running


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Desk]:
    """A desk where nobody has migrated yet."""
    with running(Config(index_lag=0)) as store:
        made = Desk(tmp_path, store)
        yield made
        made.journal.close()


@pytest.fixture
def desk(bare: Desk) -> Desk:
    bare.journal.migrate()
    erp = SqlErp(str(bare.env["ERP_URL"]))
    erp.migrate()
    erp.close()
    return bare
