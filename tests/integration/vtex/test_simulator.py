"""The simulated store as a client on the wire sees it: a real socket, plain requests."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from support.servers import ROOT, eventually
from vtex.simulator.config import Config
from vtex.simulator.server import Running, running

LIST = "/api/oms/pvt/orders"
NEVER = "silence"


class Wire:
    """Calls a store as VTEX's documents say, and steers it."""

    def __init__(self, store: Running) -> None:
        self.store = store
        self.session = requests.Session()
        self.session.headers["Accept"] = "application/json"
        self.token: str | None = store.app_token

    def call(self, method: str, path: str, seconds: float = 5.0, **query: Any) -> requests.Response:
        return self.session.request(
            method, f"{self.store.url}{path}", params=query, timeout=seconds, allow_redirects=False,
            headers={"X-VTEX-API-AppKey": self.store.app_key, "X-VTEX-API-AppToken": self.token},
        )  # fmt: skip

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
def wired(**config: Any) -> Iterator[Wire]:
    with running(Config(**{"index_lag": 0, "handling_delay": 0} | config)) as store:
        wire = Wire(store)
        yield wire
        wire.session.close()


@pytest.fixture
def wire() -> Iterator[Wire]:
    with wired() as made:
        yield made


def error_of(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


# --- orders and transactions ------------------------------------------------------------------


def test_two_stores_of_one_seed_serve_the_same_orders() -> None:
    ids = []
    for seed in (5, 5, 6):
        with wired(orders=20, seed=seed) as wire:
            ids.append({one["orderId"] for one in wire.listed(per_page=100)["list"]})

    assert ids[0] == ids[1]
    assert ids[0].isdisjoint(ids[2])


def test_an_order_is_found_by_its_id_and_by_its_sequence(wire: Wire) -> None:
    order_id = wire.new_order()

    order = wire.get(order_id).json()

    assert order["orderId"] == order_id
    assert wire.get(f"seq{order['sequence']}").json() == order
    assert wire.get("seq1").status_code == 404


@pytest.mark.parametrize("call", [Wire.get, Wire.start])
def test_an_unknown_order_is_not_found(
    wire: Wire, call: Callable[[Wire, str], requests.Response]
) -> None:
    answer = call(wire, "v1acme-01")

    assert answer.json() == {
        "error": {"code": "OMS007", "message": "Order Not Found", "exception": None}
    }
    assert answer.status_code == 404


def test_an_order_older_than_two_years_is_not_found(wire: Wire) -> None:
    order = wire.get(wire.new_order()).json()
    placed = datetime.now(UTC) - timedelta(days=731)
    wire.steer("orders/old-01", "PUT", order=order | {"creationDate": placed.isoformat()})

    assert error_of(wire.get("old-01")) == (404, "OMS007")
    assert "old-01" not in [one["orderId"] for one in wire.listed()["list"]]


def test_an_incomplete_order_says_so_in_the_document_and_in_the_list(wire: Wire) -> None:
    order_id = wire.new_order()
    wire.steer(f"orders/{order_id}", "PATCH", isCompleted=False)

    assert wire.get(order_id).json()["isCompleted"] is False
    assert wire.listed()["list"][0]["orderIsComplete"] is False


def test_the_gateway_gives_a_transaction_its_payments_and_each_of_them(wire: Wire) -> None:
    order = wire.get(wire.new_order(kind="gift_card")).json()
    [transaction] = order["paymentData"]["transactions"]
    path = f"/api/pvt/transactions/{transaction['transactionId']}"

    head = wire.call("GET", path).json()
    payments = wire.call("GET", head["payments"]["href"]).json()

    assert head["value"] == order["value"]
    assert {one["id"] for one in transaction["payments"]} <= {one["id"] for one in payments}
    assert wire.call("GET", payments[0]["self"]["href"]).json() == payments[0]


@pytest.mark.parametrize("tail", ["", "/payments", "/payments/P1"])
def test_an_unknown_transaction_is_not_found(wire: Wire, tail: str) -> None:
    assert error_of(wire.call("GET", f"/api/pvt/transactions/NO-PAYMENT{tail}")) == (404, "1")


# --- start handling ---------------------------------------------------------------------------


def test_start_handling_is_accepted_at_once_and_done_after_the_delay() -> None:
    with wired(handling_delay=0.5) as wire:
        order_id = wire.new_order()

        answer = wire.start(order_id)

        assert (answer.status_code, answer.content) == (204, b"")
        assert wire.get(order_id).json()["status"] == "start-handling"
        eventually(lambda: wire.get(order_id).json()["status"] == "handling", 5)


@pytest.mark.parametrize("conflict", [409, 400])
def test_start_handling_in_another_status_is_a_conflict(wire: Wire, conflict: int) -> None:
    wire.steer("settings", conflict_status=conflict)
    order_id = wire.new_order(status="canceled")

    assert error_of(wire.start(order_id)) == (conflict, "OMS003")
    assert wire.status(order_id) == "canceled"


def test_start_handling_twice_has_one_effect(wire: Wire) -> None:
    order_id = wire.new_order()

    answers = [wire.start(order_id).status_code for _ in range(2)]

    assert answers == [204, 409]
    shown = wire.steer("state", "GET")["orders"][order_id]
    assert (shown["start_handling_calls"], shown["start_handling_effects"]) == (2, 1)


# --- list -------------------------------------------------------------------------------------


def test_the_list_lags_and_the_document_does_not(wire: Wire) -> None:
    wire.steer("settings", index_lag=0.5)
    order_id = wire.new_order()

    assert wire.listed()["list"] == []
    assert wire.get(order_id).status_code == 200
    eventually(lambda: wire.listed()["list"], 5)


def test_a_page_has_15_orders_unless_asked_and_100_at_most() -> None:
    with wired(orders=130) as wire:
        shown = [wire.listed(), wire.listed(per_page=40), wire.listed(per_page=500)]

        assert [len(one["list"]) for one in shown] == [15, 40, 100]
        assert [one["paging"]["perPage"] for one in shown] == [15, 40, 100]
        assert [one["paging"]["pages"] for one in shown] == [9, 4, 2]
        assert {one["paging"]["total"] for one in shown} == {130}


def test_30_pages_are_served_and_no_more() -> None:
    with wired(orders=31) as wire:
        last = wire.listed(page=30, per_page=1)

        assert len(last["list"]) == 1
        assert last["paging"] == {"total": 31, "pages": 31, "currentPage": 30, "perPage": 1}
        refused = wire.call("GET", LIST, page=31, per_page=1)
        assert refused.status_code == 400
        assert refused.json()["error"]["message"].startswith("page: ")


def test_the_store_tells_when_an_order_was_first_listed_and_its_handling_started() -> None:
    with wired(orders=2) as wire:
        (listed, unseen) = wire.steer("times", "GET")
        before = time.time()

        shown = wire.listed(per_page="1", orderBy="orderId,asc")["list"]
        again = wire.listed(per_page="1", orderBy="orderId,asc")["list"]
        wire.start(listed)

        assert [one["orderId"] for one in shown + again] == [listed, listed]
        first, handled = wire.steer("times", "GET")[listed]
        assert before <= first <= handled <= time.time()
        assert wire.steer("times", "GET")[unseen] == [None, None]
        assert wire.steer("calls", "GET")["handled"] == 1


def test_a_date_window_lists_what_was_placed_in_it() -> None:
    with wired(orders=20) as wire:
        rows = wire.listed(per_page=100, orderBy="creationDate,asc")["list"]
        stamps = [one["creationDate"] for one in rows]
        window = f"creationDate:[{stamps[5]} TO {stamps[9]}]"

        found = wire.listed(f_creationDate=window, orderBy="creationDate,asc")

        assert [one["creationDate"] for one in found["list"]] == stamps[5:10]
        assert found["paging"]["total"] == 5


# --- who may call -----------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, {"X-VTEX-API-AppToken": "simulated-token"}])
def test_a_call_without_both_keys_is_not_authorized(wire: Wire, headers: dict[str, str]) -> None:
    answer = requests.get(f"{wire.store.url}{LIST}", headers=headers, timeout=5)

    assert answer.status_code == 401
    assert answer.json()["error"] == {
        "code": "1", "message": "Unauthorized access", "exception": None,
    }  # fmt: skip


def test_a_call_that_is_not_authorized_has_no_effect(wire: Wire) -> None:
    order_id = wire.new_order()
    wire.token = "wrong"

    assert error_of(wire.start(order_id)) == (401, "1")
    assert wire.status(order_id) == "ready-for-handling"


@pytest.mark.parametrize(
    ("permission", "method", "path"),
    [
        ("List Orders", "GET", LIST),
        ("View order", "GET", f"{LIST}/x"),
        ("Change order workflow status", "POST", f"{LIST}/x/start-handling"),
        ("View Payment Data", "GET", "/api/pvt/transactions/x"),
        ("View Payment Data", "GET", "/api/pvt/transactions/x/payments"),
    ],
)
def test_a_missing_permission_forbids_its_calls_until_granted(
    wire: Wire, permission: str, method: str, path: str
) -> None:
    wire.steer("permissions", revoke=[permission])
    forbidden = wire.call(method, path)
    wire.steer("permissions", grant=[permission])

    assert error_of(forbidden) == (403, "CHK003")
    assert wire.call(method, path).status_code in (200, 404)


def test_full_access_stands_for_listing_and_viewing(wire: Wire) -> None:
    order_id = wire.new_order()
    wire.steer("permissions", revoke=["List Orders", "View order"], grant=["Orders Full Access"])

    assert len(wire.listed()["list"]) == 1
    assert wire.get(order_id).status_code == 200


def test_two_tokens_are_valid_until_the_old_one_is_closed(wire: Wire) -> None:
    old = str(wire.token)

    def status(token: str) -> int:
        wire.token = token
        return wire.call("GET", LIST).status_code

    def answers() -> list[int]:
        return [status(old), status("renewed")]

    assert answers() == [200, 401]
    wire.steer("tokens", add=["renewed"])
    assert answers() == [200, 200]
    wire.steer("tokens", remove=[old])
    assert answers() == [401, 200]


# --- latency, quota, arrivals -----------------------------------------------------------------


def test_latency_delays_every_answer(wire: Wire) -> None:
    wire.steer("settings", latency_ms=150)

    begun = time.monotonic()
    wire.listed()

    assert time.monotonic() - begun >= 0.15


def test_calls_above_the_quota_are_answered_429_and_have_no_effect() -> None:
    with wired(quota=2) as wire:
        order_id = wire.new_order()

        answers = [wire.get(order_id), wire.get(order_id), wire.start(order_id)]

        assert [one.status_code for one in answers] == [200, 200, 429]
        assert "Retry-After" not in answers[2].headers
        assert wire.status(order_id) == "ready-for-handling"
        assert wire.steer("state", "GET")["calls"]["429"] == 1
        assert wire.steer("calls", "GET") == {"answered": 2, "refused": 1, "handled": 0}
        wire.steer("settings", quota=None)
        assert wire.get(order_id).status_code == 200


def test_orders_arrive_by_themselves_from_when_it_is_switched_on(wire: Wire) -> None:
    assert wire.listed()["list"] == []

    wire.steer("settings", arrivals_per_minute=1200)

    eventually(lambda: wire.listed()["paging"]["total"] >= 5, 5)


# --- faults -----------------------------------------------------------------------------------


def seen(call: Callable[[], requests.Response]) -> Any:
    """Return the status and kind of an answer, or how there was none."""
    try:
        answer = call()
    except requests.ReadTimeout:
        return NEVER
    except requests.RequestException:
        return "cut off"
    return answer.status_code, answer.headers.get("Content-Type", "").partition(";")[0]


JSON, PAGE = "application/json", "text/html"


@pytest.mark.parametrize(
    ("fault", "on_the_wire", "effect"),
    [
        ({"kind": "throttle"}, (429, JSON), False),
        ({"kind": "throttle_date"}, (429, JSON), False),
        ({"kind": "throttle_silent"}, (429, JSON), False),
        ({"kind": "unavailable"}, (500, JSON), False),
        ({"kind": "unavailable", "status": 503}, (503, JSON), False),
        ({"kind": "refused"}, (400, JSON), False),
        ({"kind": "refused", "status": 404}, (404, JSON), False),
        ({"kind": "html_error"}, (502, PAGE), False),
        ({"kind": "html_error", "status": 504}, (504, PAGE), False),
        ({"kind": "html_200"}, (200, PAGE), False),
        ({"kind": "login"}, (302, PAGE), False),
        ({"kind": "timeout"}, NEVER, False),
        ({"kind": "timeout", "seconds": 0.1}, "cut off", False),
        ({"kind": "timeout_after"}, NEVER, True),
        ({"kind": "lose_before"}, "cut off", False),
        ({"kind": "lose_answer"}, "cut off", True),
        ({"kind": "half_body"}, "cut off", False),
        ({"kind": "malformed"}, (200, JSON), False),
        ({"kind": "ignore_effect"}, (204, ""), False),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else None,
)
def test_start_handling_meets_a_fault_once(
    wire: Wire, fault: dict[str, Any], on_the_wire: Any, effect: bool
) -> None:
    order_id = wire.new_order()
    wire.steer("faults", route="start_handling", **fault)

    first = seen(lambda: wire.start(order_id, seconds=0.5))

    assert first == on_the_wire
    assert wire.status(order_id) == ("handling" if effect else "ready-for-handling")
    assert wire.start(order_id).status_code == (409 if effect else 204)


@pytest.mark.parametrize("route", ["list", "order", "transaction", "payments"])
def test_every_route_can_fail_alone(wire: Wire, route: str) -> None:
    order = wire.get(wire.new_order(kind="pix")).json()
    transaction = (
        f"/api/pvt/transactions/{order['paymentData']['transactions'][0]['transactionId']}"
    )
    paths = {
        "list": LIST, "order": f"{LIST}/{order['orderId']}", "transaction": transaction,
        "payments": f"{transaction}/payments",
    }  # fmt: skip
    wire.steer("faults", kind="unavailable", route=route, times=None)

    failing = [name for name, path in paths.items() if wire.call("GET", path).status_code == 500]

    assert failing == [route]


def test_a_throttle_asks_for_its_seconds_its_date_or_nothing(wire: Wire) -> None:
    for kind in ("throttle", "throttle_date", "throttle_silent"):
        wire.steer("faults", kind=kind, retry_after=90)

    asked = [wire.call("GET", LIST).headers.get("Retry-After") for _ in range(3)]

    assert asked[0] == "90"
    until = parsedate_to_datetime(str(asked[1]))
    assert 80 < (until - datetime.now(UTC)).total_seconds() <= 90
    assert asked[2] is None


def test_a_malformed_answer_breaks_off_inside_its_json(wire: Wire) -> None:
    wire.steer("faults", kind="malformed")

    answer = wire.call("GET", LIST)

    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_half_a_body_ends_before_the_length_it_announced(wire: Wire) -> None:
    wire.steer("faults", kind="half_body")

    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        wire.call("GET", LIST)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ("envelope", '"exception": null'),
        ("checkout", '"operationId"'),
        ("aspnet", '"ModelState"'),
        ("problem", '"status": 422'),
        ("text", "Simulated error"),
        ("empty", ""),
    ],
)
def test_an_error_comes_in_each_shape_that_vtex_uses(wire: Wire, shape: str, words: str) -> None:
    wire.steer("faults", kind="refused", status=422, shape=shape)

    answer = wire.call("GET", LIST)

    assert answer.status_code == 422
    assert words in answer.text
    assert bool(answer.text) == bool(words)


def test_a_fault_of_one_order_spares_the_others(wire: Wire) -> None:
    ill, well = wire.new_order(), wire.new_order()
    wire.steer("faults", kind="lose_before", order_id=ill, times=None)

    assert seen(lambda: wire.get(ill)) == "cut off"
    assert seen(lambda: wire.get(well)) == (200, JSON)


def test_faults_are_shown_until_they_are_cleared(wire: Wire) -> None:
    wire.steer("faults", kind="unavailable", times=None)
    wire.steer("faults", kind="timeout", route="order", times=3)

    shown = wire.steer("faults", "GET")
    wire.steer("faults", "DELETE")

    assert [(one["kind"], one["route"], one["times"]) for one in shown] == [
        ("unavailable", "*", None), ("timeout", "order", 3),
    ]  # fmt: skip
    assert wire.steer("faults", "GET") == []
    assert wire.call("GET", LIST).status_code == 200


def test_a_call_that_hangs_holds_up_no_other(wire: Wire) -> None:
    order_id = wire.new_order()
    wire.steer("faults", kind="timeout", route="order")
    hung = threading.Thread(target=seen, args=(lambda: wire.get(order_id, seconds=3),))

    hung.start()
    eventually(lambda: wire.steer("state", "GET")["calls"].get("order"), 3)
    other = requests.get(f"{wire.store.url}/_simulator/state", timeout=1)

    assert hung.is_alive()
    assert other.status_code == 200
    hung.join()


# --- steering ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "method", "body", "field"),
    [
        ("faults", "POST", {"kind": "gremlin"}, "kind"),
        ("faults", "POST", {"kind": "timeout", "colour": 1}, "colour"),
        ("faults", "POST", {"kind": "timeout", "probability": 2}, "probability"),
        ("faults", "POST", ["timeout"], "body"),
        ("orders", "POST", {"count": "many"}, "count"),
        ("orders", "POST", {"kind": "barter"}, "kind"),
        ("orders", "POST", {"status": 7}, "status"),
        ("orders", "POST", {"colour": "red"}, "colour"),
        ("orders/o-1", "PUT", {"order": 7}, "order"),
        ("orders/o-1", "PUT", {"order": {}, "transactions": 7}, "transactions"),
        ("tokens", "POST", {"add": "renewed"}, "add"),
        ("permissions", "POST", {"grant": ["Fly"]}, "grant"),
        ("permissions", "POST", {"give": ["View order"]}, "give"),
        ("settings", "POST", {"latency_ms": -1}, "latency_ms"),
        ("settings", "POST", {"port": 1}, "port"),
    ],
)
def test_steering_that_makes_no_sense_is_answered_400_by_its_field(
    wire: Wire, what: str, method: str, body: Any, field: str
) -> None:
    answer = wire.say(what, method, json=body)

    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"{field}: ")
    assert wire.steer("faults", "GET") == []


def test_steering_with_what_is_no_json_is_answered_400(wire: Wire) -> None:
    answer = wire.say("faults", data=b"{")

    assert (answer.status_code, answer.json()) == (400, {"error": "body: is no JSON"})


@pytest.mark.parametrize(
    ("what", "method"),
    [("weather", "GET"), ("weather", "POST"), ("state", "DELETE"), ("orders/nobody", "PATCH")],
)
def test_what_cannot_be_steered_is_not_found(wire: Wire, what: str, method: str) -> None:
    assert wire.say(what, method, json={}).status_code == 404


def test_a_given_order_is_served_as_it_is(wire: Wire) -> None:
    document = {"orderId": "x", "status": "ready-for-handling", "items": "none", "ümlaut": None}
    transaction = {"transaction": {"id": "T1"}, "payments": []}

    wire.steer("orders/mine-01", "PUT", order=document, transactions={"T1": transaction})

    assert wire.get("mine-01").json() == document | {"orderId": "mine-01"}
    assert wire.call("GET", "/api/pvt/transactions/T1").json() == {"id": "T1"}


def test_an_order_is_changed_by_dotted_paths(wire: Wire) -> None:
    order_id = wire.new_order()
    wire.steer(f"orders/{order_id}", "PATCH", **{"items.0.quantity": 7, "status": "canceled"})

    order = wire.get(order_id).json()

    assert (order["items"][0]["quantity"], order["status"]) == (7, "canceled")
    refused = wire.say(f"orders/{order_id}", "PATCH", json={"items.99.quantity": 1})
    assert refused.status_code == 400
    assert refused.json()["error"].startswith("items.99.quantity: ")


# --- the command ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--conflict-status", "418"], "--conflict-status: 418"),
        (["--orders", "-1"], "--orders: -1"),
        (["--quota", "lots"], "--quota"),
        (["--colour", "red"], "--colour"),
    ],
)
def test_the_command_refuses_nonsense_by_its_option(arguments: list[str], fault: str) -> None:
    ended = command(*arguments)

    assert ended.returncode == 2
    assert fault in ended.stderr.splitlines()[-1]


def test_the_command_says_when_its_port_is_taken(wire: Wire) -> None:
    ended = command("--port", wire.store.url.rpartition(":")[2])

    assert ended.returncode == 2
    assert "cannot listen on 127.0.0.1:" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vtex.simulator", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
