"""Faults of the simulated store, and how a test steers it: a real socket, plain requests."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from support.servers import ROOT, eventually
from support.store_client import LIST, StoreClient

NEVER = "silence"


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
    client: StoreClient, fault: dict[str, Any], on_the_wire: Any, effect: bool
) -> None:
    order_id = client.new_order()
    client.steer("faults", route="start_handling", **fault)

    first = seen(lambda: client.start(order_id, seconds=0.5))

    assert first == on_the_wire
    assert client.status(order_id) == ("handling" if effect else "ready-for-handling")
    assert client.start(order_id).status_code == (409 if effect else 204)


@pytest.mark.parametrize("route", ["list", "order", "transaction", "payments"])
def test_every_route_can_fail_alone(client: StoreClient, route: str) -> None:
    order = client.get(client.new_order(kind="pix")).json()
    transaction = (
        f"/api/pvt/transactions/{order['paymentData']['transactions'][0]['transactionId']}"
    )
    paths = {
        "list": LIST,
        "order": f"{LIST}/{order['orderId']}",
        "transaction": transaction,
        "payments": f"{transaction}/payments",
    }
    client.steer("faults", kind="unavailable", route=route, times=None)

    failing = [name for name, path in paths.items() if client.call("GET", path).status_code == 500]

    assert failing == [route]


def test_a_throttle_asks_for_its_seconds_its_date_or_nothing(client: StoreClient) -> None:
    for kind in ("throttle", "throttle_date", "throttle_silent"):
        client.steer("faults", kind=kind, retry_after=90)

    asked = [client.call("GET", LIST).headers.get("Retry-After") for _ in range(3)]

    assert asked[0] == "90"
    until = parsedate_to_datetime(str(asked[1]))
    assert 80 < (until - datetime.now(UTC)).total_seconds() <= 90
    assert asked[2] is None


def test_a_malformed_answer_breaks_off_inside_its_json(client: StoreClient) -> None:
    client.steer("faults", kind="malformed")

    answer = client.call("GET", LIST)

    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_half_a_body_ends_before_the_length_it_announced(client: StoreClient) -> None:
    client.steer("faults", kind="half_body")

    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        client.call("GET", LIST)


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
def test_an_error_comes_in_each_shape_that_vtex_uses(
    client: StoreClient, shape: str, words: str
) -> None:
    client.steer("faults", kind="refused", status=422, shape=shape)

    answer = client.call("GET", LIST)

    assert answer.status_code == 422
    assert words in answer.text
    assert bool(answer.text) == bool(words)


def test_a_fault_of_one_order_spares_the_others(client: StoreClient) -> None:
    ill, well = client.new_order(), client.new_order()
    client.steer("faults", kind="lose_before", order_id=ill, times=None)

    assert seen(lambda: client.get(ill)) == "cut off"
    assert seen(lambda: client.get(well)) == (200, JSON)


def test_faults_are_shown_until_they_are_cleared(client: StoreClient) -> None:
    client.steer("faults", kind="unavailable", times=None)
    client.steer("faults", kind="timeout", route="order", times=3)

    shown = client.steer("faults", "GET")
    client.steer("faults", "DELETE")

    assert [(row["kind"], row["route"], row["times"]) for row in shown] == [
        ("unavailable", "*", None),
        ("timeout", "order", 3),
    ]
    assert client.steer("faults", "GET") == []
    assert client.call("GET", LIST).status_code == 200


def test_a_call_that_hangs_holds_up_no_other(client: StoreClient) -> None:
    order_id = client.new_order()
    client.steer("faults", kind="timeout", route="order")
    hung = threading.Thread(target=seen, args=(lambda: client.get(order_id, seconds=3),))

    hung.start()
    eventually(lambda: client.steer("state", "GET")["calls"].get("order"), 3)
    other = requests.get(f"{client.store.url}/_simulator/state", timeout=1)

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
    client: StoreClient, what: str, method: str, body: Any, field: str
) -> None:
    answer = client.say(what, method, json=body)

    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"{field}: ")
    assert client.steer("faults", "GET") == []


def test_steering_with_what_is_no_json_is_answered_400(client: StoreClient) -> None:
    answer = client.say("faults", data=b"{")

    assert (answer.status_code, answer.json()) == (400, {"error": "body: is no JSON"})


@pytest.mark.parametrize(
    ("what", "method"),
    [("weather", "GET"), ("weather", "POST"), ("state", "DELETE"), ("orders/nobody", "PATCH")],
)
def test_what_cannot_be_steered_is_not_found(client: StoreClient, what: str, method: str) -> None:
    assert client.say(what, method, json={}).status_code == 404


def test_a_given_order_is_served_as_it_is(client: StoreClient) -> None:
    document = {"orderId": "x", "status": "ready-for-handling", "items": "none", "ümlaut": None}
    transaction = {"transaction": {"id": "T1"}, "payments": []}

    client.steer("orders/mine-01", "PUT", order=document, transactions={"T1": transaction})

    assert client.get("mine-01").json() == document | {"orderId": "mine-01"}
    assert client.call("GET", "/api/pvt/transactions/T1").json() == {"id": "T1"}


def test_an_order_is_changed_by_dotted_paths(client: StoreClient) -> None:
    order_id = client.new_order()
    client.steer(f"orders/{order_id}", "PATCH", **{"items.0.quantity": 7, "status": "canceled"})

    order = client.get(order_id).json()

    assert (order["items"][0]["quantity"], order["status"]) == (7, "canceled")
    refused = client.say(f"orders/{order_id}", "PATCH", json={"items.99.quantity": 1})
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


def test_the_command_says_when_its_port_is_taken(client: StoreClient) -> None:
    ended = command("--port", client.store.url.rpartition(":")[2])

    assert ended.returncode == 2
    assert "cannot listen on 127.0.0.1:" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vtex.simulator", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
