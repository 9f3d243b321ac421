"""Unit tests open no socket: a test that needs a server belongs to ``integration`` or above."""

from __future__ import annotations

import socket
from typing import NoReturn

import pytest


@pytest.fixture(autouse=True)
def no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: socket.socket, address: object, *_more: object) -> NoReturn:
        pytest.fail(f"a unit test opens a socket to {address}: move it to tests/integration")

    for call in ("bind", "connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, call, refuse)
