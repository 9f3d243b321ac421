"""The simulated store on HTTP, in a process of its own or in a thread."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from vtex.simulator.config import Config
from vtex.simulator.control import Control
from vtex.simulator.faults import Faults
from vtex.simulator.middleware import Missing, Quota, Vtex, World
from vtex.simulator.routes import ROUTES
from vtex.simulator.state import Store

TICK_SECONDS = 0.1


def application(world: World) -> Application:
    """Return VTEX's routes, and ``/_simulator/`` to control the store."""
    shared: dict[str, Any] = {"world": world}
    return Application(
        [
            *((f"{path}/?", Vtex, shared | {"operations": ROUTES[path]}) for path in ROUTES),
            (r"/_simulator/(\w+)", Control, shared),
            (r"/_simulator/(\w+)/([^/]+)", Control, shared),
        ],
        default_handler_class=Missing,
        log_function=lambda _: None,
    )


async def serve(config: Config, ready: Callable[[str, World], None], stop: asyncio.Event) -> None:
    """Serve until ``stop`` is set. ``ready`` gets the address and the world.

    Raises:
        OSError: the port is in use or not allowed.
    """
    world = World(Store(config), Faults(config.seed), Quota())
    server = HTTPServer(application(world))
    sockets = bind_sockets(config.port, config.host)
    server.add_sockets(sockets)
    port = sockets[0].getsockname()[1]
    ready(f"http://{config.host}:{port}", world)
    arrivals = asyncio.create_task(_arrive(world.store))
    try:
        await stop.wait()
    finally:
        arrivals.cancel()
        server.stop()
        await server.close_all_connections()


async def _arrive(store: Store) -> None:
    waiting = 0.0
    while True:
        await asyncio.sleep(TICK_SECONDS)
        waiting += store.config.arrivals_per_minute * TICK_SECONDS / 60
        store.generate(int(waiting))
        waiting -= int(waiting)


@dataclass
class Running:
    """A simulated store in a thread of this process."""

    url: str
    store: Store
    faults: Faults
    app_key: str
    app_token: str
    account: str


@contextmanager
def running(config: Config) -> Iterator[Running]:
    """Run a store in a thread until the context ends."""
    begun = threading.Event()
    found: dict[str, Any] = {}

    async def run() -> None:
        stop = asyncio.Event()
        found["stop"] = stop.set
        found["loop"] = asyncio.get_running_loop()

        def ready(url: str, world: World) -> None:
            found["running"] = Running(
                url, world.store, world.faults, config.app_key, config.app_token, config.account
            )
            begun.set()

        await serve(config, ready, stop)

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    if not begun.wait(10):
        raise RuntimeError("the simulator did not start")
    try:
        yield found["running"]
    finally:
        found["loop"].call_soon_threadsafe(found["stop"])
        thread.join(10)
