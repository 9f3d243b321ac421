"""A real Tryton, its clerk, and a proxy before it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from erp.adapters.tryton.adapter import TrytonErp
from support.tryton.proxy import FaultyProxy
from support.tryton.server import Clerk, TrytonServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrytonServer]:
    made = TrytonServer(tmp_path_factory.mktemp("tryton"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def erp(server: TrytonServer) -> Iterator[TrytonErp]:
    made = TrytonErp(server.url)
    yield made
    made.close()


@pytest.fixture
def clerk(server: TrytonServer) -> Clerk:
    return Clerk(server)


@pytest.fixture
def proxy(server: TrytonServer) -> Iterator[FaultyProxy]:
    made = FaultyProxy(server.port)
    made.listens = made.start()
    yield made
    made.stop()


@pytest.fixture
def behind(server: TrytonServer, proxy: FaultyProxy) -> Iterator[TrytonErp]:
    """An adapter that reaches Tryton through the proxy."""
    made = TrytonErp(server.url_at(proxy.listens))
    yield made
    made.close()
