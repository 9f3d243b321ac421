"""How many calls a second the simulated store answers when nothing but a cheap client asks it."""

from __future__ import annotations

import re
import socket
import threading
import time
from dataclasses import dataclass

from cluster import pids_of
from meters import cpu_seconds

from support.servers import Cluster  # cluster.py says where it is
from vtex.simulator.config import Config
from vtex.simulator.state import Store

CONNECTIONS = 4
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Capacity:
    """What the simulated store can do.

    Attributes:
        calls_per_second: as answered.
        cpu_ms: of the simulator, a call.
        share: of one core that it used meanwhile; near 1, more cannot be had of it.
    """

    calls_per_second: float
    cpu_ms: float
    share: float


def capacity(cluster: Cluster, seconds: float, orders: int = 500) -> Capacity:
    """Ask for orders, their transactions and payments without a pause; in no time, no latency."""
    cluster.start_simulator(orders)
    pids = pids_of(cluster, "simulator")
    paths = paths_of(orders)
    counts = [0] * CONNECTIONS
    before, began = cpu_seconds(pids), time.monotonic()
    until = began + seconds
    threads = [
        threading.Thread(target=_ask, args=(cluster, paths, until, counts, place))
        for place in range(CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took, cpu = time.monotonic() - began, cpu_seconds(pids) - before
    cluster.stop()
    calls = max(1, sum(counts))
    return Capacity(calls / took, 1000 * cpu / calls, cpu / took)


def paths_of(orders: int) -> list[str]:
    """Return what is asked for; the same seed gives the same orders here and in the store."""
    store = Store(Config(orders=orders))
    transactions = iter(store.transactions)
    paths = []
    for order_id in store.times():
        paths.append(f"/api/oms/pvt/orders/{order_id}")
        if one := next(transactions, None):
            paths += [f"/api/pvt/transactions/{one}", f"/api/pvt/transactions/{one}/payments"]
    return paths


def _ask(cluster: Cluster, paths: list[str], until: float, counts: list[int], place: int) -> None:
    keys = (
        f"X-VTEX-API-AppKey: {cluster.env['VTEX_APP_KEY']}\r\n"
        f"X-VTEX-API-AppToken: {cluster.env['VTEX_APP_TOKEN']}\r\n"
    )
    mine = paths[place::CONNECTIONS]
    asked = [f"GET {value} HTTP/1.1\r\nHost: vtex\r\n{keys}\r\n".encode() for value in mine]
    with socket.create_connection(("127.0.0.1", cluster.port)) as link:
        while time.monotonic() < until:
            link.sendall(asked[counts[place] % len(asked)])
            _read(link)
            counts[place] += 1


def _read(link: socket.socket) -> None:
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += _more(link)
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head.decode(errors="replace"))
    length = LENGTH.search(head)
    left = (int(length[1]) if length else 0) - len(body)
    while left > 0:
        left -= len(_more(link))


def _more(link: socket.socket) -> bytes:
    part = link.recv(65536)
    if not part:
        raise RuntimeError("the store ended the connection")
    return part
