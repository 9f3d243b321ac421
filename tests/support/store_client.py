"""A client of the simulated store that calls it as VTEX's documents say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from vtex.simulator.config import Config
from vtex.simulator.server import Running, running

LIST = "/api/oms/pvt/orders"


class StoreClient:
    """Calls a store as VTEX's documents say, and steers it."""

    def __init__(self, store: Running) -> None:
        self.store = store
        self.session = requests.Session()
        self.session.headers["Accept"] = "application/json"
        self.token: str | None = store.app_token

    def call(self, method: str, path: str, seconds: float = 5.0, **query: Any) -> requests.Response:
        return self.session.request(
            method,
            f"{self.store.url}{path}",
            params=query,
            timeout=seconds,
            allow_redirects=False,
            headers={"X-VTEX-API-AppKey": self.store.app_key, "X-VTEX-API-AppToken": self.token},
        )

    def send(self, method: str, path: str, body: Any) -> requests.Response:
        keys = {"X-VTEX-API-AppKey": self.store.app_key, "X-VTEX-API-AppToken": self.token}
        url = f"{self.store.url}{path}"
        return self.session.request(method, url, json=body, timeout=5, headers=keys)

    def get(self, order_id: str, **options: Any) -> requests.Response:
        return self.call("GET", f"{LIST}/{order_id}", **options)

    def start(self, order_id: str, **options: Any) -> requests.Response:
        return self.call("POST", f"{LIST}/{order_id}/start-handling", **options)

    def listed(self, **query: Any) -> dict[str, Any]:
        answer = self.call("GET", LIST, **query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def steer(self, what: str, method: str = "POST", **body: Any) -> Any:
        answer = self.say(what, method, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.content else None

    def say(self, what: str, method: str = "POST", **options: Any) -> requests.Response:
        return requests.request(method, f"{self.store.url}/_simulator/{what}", timeout=5, **options)

    def new_order(self, **which: Any) -> str:
        [order_id] = self.steer("orders", **which)
        return str(order_id)

    def status(self, order_id: str) -> str:
        return str(self.steer("state", "GET")["orders"][order_id]["status"])


@contextmanager
def served_store(**config: Any) -> Iterator[StoreClient]:
    with running(Config(**{"index_lag": 0, "handling_delay": 0} | config)) as store:
        client = StoreClient(store)
        yield client
        client.session.close()


def error_of(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]
