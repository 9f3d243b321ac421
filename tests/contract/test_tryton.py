"""The Tryton adapter passes the conformance checks against a real Tryton (make test-erp)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from erp import conformance
from erp.adapters.tryton.adapter import TrytonErp
from support.tryton.server import MISSING, TrytonOutbox, TrytonServer

pytestmark = pytest.mark.skipif(MISSING is not None, reason=MISSING or "")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrytonServer]:
    made = TrytonServer(tmp_path_factory.mktemp("tryton"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[TrytonOutbox]:
    """A Tryton of its own: these checks use the same order ids."""
    server = TrytonServer(tmp_path / "tryton")
    server.start()
    made = TrytonOutbox(server)
    yield made
    made.close()
    server.stop()


@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
def test_adapter(server: TrytonServer, check) -> None:
    erp = TrytonErp(server.url)
    erp.migrate()

    check(erp)

    erp.close()


@pytest.mark.parametrize("check", conformance.OUTBOX_CHECKS, ids=lambda check: check.__name__)
def test_outbox(outbox: TrytonOutbox, check) -> None:
    check(outbox)
