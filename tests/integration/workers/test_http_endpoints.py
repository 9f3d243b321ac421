"""The port of a process's own pages: taken once, looked for in a range, missed in clear words."""

import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import requests

from support.servers import free_port
from workers.configuration.declaration import SettingsError
from workers.configuration.settings import load
from workers.configuration.urls import ports
from workers.monitoring.http_endpoints import PortsTaken, answer, serve


def page(_environ: dict[str, Any], start: Any) -> list[bytes]:
    return answer("200 OK", {"well": True}, start)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another process has, the next one being free."""
    with closing(socket.socket()) as other:
        port = free_port()
        other.bind(("127.0.0.1", port))
        other.listen()
        yield port


def test_the_first_free_port_of_a_range_is_taken(taken: int) -> None:
    served = serve("127.0.0.1", range(taken, taken + 20), {"/livez": page})

    try:
        assert served.port > taken
        assert requests.get(f"http://127.0.0.1:{served.port}/livez", timeout=5).json() == {
            "well": True
        }
        other = requests.get(f"http://127.0.0.1:{served.port}/other", timeout=5)
        assert (other.status_code, other.json()) == (404, {"pages": ["/livez"]})
    finally:
        served.stop()


def test_a_port_that_another_process_has_is_named_and_what_to_do(taken: int) -> None:
    with pytest.raises(PortsTaken, match=rf"METRICS_PORT: {taken} at 127.0.0.1 is taken .* range"):
        serve("127.0.0.1", [taken], {})


def test_an_address_that_is_not_ours_is_named_and_what_to_do() -> None:
    with pytest.raises(PortsTaken, match=r"203\.0\.113\.1 port .* Correct METRICS_ADDRESS"):
        serve("203.0.113.1", [free_port()], {})


def test_a_port_is_given_back() -> None:
    port = free_port()

    for _ in range(2):
        serve("127.0.0.1", [port], {}).stop()


@pytest.mark.parametrize(
    ("text", "found"),
    [("", range(0)), ("9540", range(9540, 9541)), ("9540-9542", range(9540, 9543))],
)
def test_ports_are_a_number_or_a_range(text: str, found: range) -> None:
    assert ports(text) == found


@pytest.mark.parametrize("text", ["0", "70000", "9549-9540", "http", "9540,9541", "-1"])
def test_what_is_no_port_is_named_with_what_to_do(text: str) -> None:
    with pytest.raises(SettingsError, match=r"METRICS_PORT: '.*' must be a port .*=9540-9549"):
        load({"METRICS_PORT": text})
