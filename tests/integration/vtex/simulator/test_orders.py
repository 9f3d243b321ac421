"""Orders, list, keys and quota of the simulated store: a real socket, plain requests."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import requests

from support.servers import eventually
from support.store_client import LIST, StoreClient, error_of, served_store

# --- orders and transactions ------------------------------------------------------------------


def test_two_stores_of_one_seed_serve_the_same_orders() -> None:
    ids = []
    for seed in (5, 5, 6):
        with served_store(orders=20, seed=seed) as client:
            ids.append({order["orderId"] for order in client.listed(per_page=100)["list"]})

    assert ids[0] == ids[1]
    assert ids[0].isdisjoint(ids[2])


def test_an_order_is_found_by_its_id_and_by_its_sequence(client: StoreClient) -> None:
    order_id = client.new_order()

    order = client.get(order_id).json()

    assert order["orderId"] == order_id
    assert client.get(f"seq{order['sequence']}").json() == order
    assert client.get("seq1").status_code == 404


@pytest.mark.parametrize("call", [StoreClient.get, StoreClient.start])
def test_an_unknown_order_is_not_found(
    client: StoreClient, call: Callable[[StoreClient, str], requests.Response]
) -> None:
    answer = call(client, "v1acme-01")

    assert answer.json() == {
        "error": {"code": "OMS007", "message": "Order Not Found", "exception": None}
    }
    assert answer.status_code == 404


def test_an_order_older_than_two_years_is_not_found(client: StoreClient) -> None:
    order = client.get(client.new_order()).json()
    placed = datetime.now(UTC) - timedelta(days=731)
    client.steer("orders/old-01", "PUT", order=order | {"creationDate": placed.isoformat()})

    assert error_of(client.get("old-01")) == (404, "OMS007")
    assert "old-01" not in [order["orderId"] for order in client.listed()["list"]]


def test_an_incomplete_order_says_so_in_the_document_and_in_the_list(client: StoreClient) -> None:
    order_id = client.new_order()
    client.steer(f"orders/{order_id}", "PATCH", isCompleted=False)

    assert client.get(order_id).json()["isCompleted"] is False
    assert client.listed()["list"][0]["orderIsComplete"] is False


def test_the_gateway_gives_a_transaction_its_payments_and_each_of_them(client: StoreClient) -> None:
    order = client.get(client.new_order(kind="gift_card")).json()
    [transaction] = order["paymentData"]["transactions"]
    path = f"/api/pvt/transactions/{transaction['transactionId']}"

    head = client.call("GET", path).json()
    payments = client.call("GET", head["payments"]["href"]).json()

    assert head["value"] == order["value"]
    assert {payment["id"] for payment in transaction["payments"]} <= {
        payment["id"] for payment in payments
    }
    assert client.call("GET", payments[0]["self"]["href"]).json() == payments[0]


@pytest.mark.parametrize("tail", ["", "/payments", "/payments/P1"])
def test_an_unknown_transaction_is_not_found(client: StoreClient, tail: str) -> None:
    assert error_of(client.call("GET", f"/api/pvt/transactions/NO-PAYMENT{tail}")) == (404, "1")


# --- start handling ---------------------------------------------------------------------------


def test_start_handling_is_accepted_at_once_and_done_after_the_delay() -> None:
    with served_store(handling_delay=0.5) as client:
        order_id = client.new_order()

        answer = client.start(order_id)

        assert (answer.status_code, answer.content) == (204, b"")
        assert client.get(order_id).json()["status"] == "start-handling"
        eventually(lambda: client.get(order_id).json()["status"] == "handling", 5)


@pytest.mark.parametrize("conflict", [409, 400])
def test_start_handling_in_another_status_is_a_conflict(client: StoreClient, conflict: int) -> None:
    client.steer("settings", conflict_status=conflict)
    order_id = client.new_order(status="canceled")

    assert error_of(client.start(order_id)) == (conflict, "OMS003")
    assert client.status(order_id) == "canceled"


def test_start_handling_twice_has_one_effect(client: StoreClient) -> None:
    order_id = client.new_order()

    answers = [client.start(order_id).status_code for _ in range(2)]

    assert answers == [204, 409]
    shown = client.steer("state", "GET")["orders"][order_id]
    assert (shown["start_handling_calls"], shown["start_handling_effects"]) == (2, 1)


# --- list -------------------------------------------------------------------------------------


def test_the_list_lags_and_the_document_does_not(client: StoreClient) -> None:
    client.steer("settings", index_lag=0.5)
    order_id = client.new_order()

    assert client.listed()["list"] == []
    assert client.get(order_id).status_code == 200
    eventually(lambda: client.listed()["list"], 5)


def test_a_page_has_15_orders_unless_asked_and_100_at_most() -> None:
    with served_store(orders=130) as client:
        shown = [client.listed(), client.listed(per_page=40), client.listed(per_page=500)]

        assert [len(row["list"]) for row in shown] == [15, 40, 100]
        assert [row["paging"]["perPage"] for row in shown] == [15, 40, 100]
        assert [row["paging"]["pages"] for row in shown] == [9, 4, 2]
        assert {row["paging"]["total"] for row in shown} == {130}


def test_30_pages_are_served_and_no_more() -> None:
    with served_store(orders=31) as client:
        last = client.listed(page=30, per_page=1)

        assert len(last["list"]) == 1
        assert last["paging"] == {"total": 31, "pages": 31, "currentPage": 30, "perPage": 1}
        refused = client.call("GET", LIST, page=31, per_page=1)
        assert refused.status_code == 400
        assert refused.json()["error"]["message"].startswith("page: ")


def test_the_store_tells_when_an_order_was_first_listed_and_its_handling_started() -> None:
    with served_store(orders=2) as client:
        (listed, unseen) = client.steer("times", "GET")
        before = time.time()

        shown = client.listed(per_page="1", orderBy="orderId,asc")["list"]
        again = client.listed(per_page="1", orderBy="orderId,asc")["list"]
        client.start(listed)

        assert [order["orderId"] for order in shown + again] == [listed, listed]
        first, handled = client.steer("times", "GET")[listed]
        assert before <= first <= handled <= time.time()
        assert client.steer("times", "GET")[unseen] == [None, None]
        assert client.steer("calls", "GET")["handled"] == 1


def test_a_date_window_lists_what_was_placed_in_it() -> None:
    with served_store(orders=20) as client:
        rows = client.listed(per_page=100, orderBy="creationDate,asc")["list"]
        stamps = [row["creationDate"] for row in rows]
        window = f"creationDate:[{stamps[5]} TO {stamps[9]}]"

        found = client.listed(f_creationDate=window, orderBy="creationDate,asc")

        assert [row["creationDate"] for row in found["list"]] == stamps[5:10]
        assert found["paging"]["total"] == 5


# --- who may call -----------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, {"X-VTEX-API-AppToken": "simulated-token"}])
def test_a_call_without_both_keys_is_not_authorized(
    client: StoreClient, headers: dict[str, str]
) -> None:
    answer = requests.get(f"{client.store.url}{LIST}", headers=headers, timeout=5)

    assert answer.status_code == 401
    assert answer.json()["error"] == {
        "code": "1",
        "message": "Unauthorized access",
        "exception": None,
    }


def test_a_call_that_is_not_authorized_has_no_effect(client: StoreClient) -> None:
    order_id = client.new_order()
    client.token = "wrong"

    assert error_of(client.start(order_id)) == (401, "1")
    assert client.status(order_id) == "ready-for-handling"


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
    client: StoreClient, permission: str, method: str, path: str
) -> None:
    client.steer("permissions", revoke=[permission])
    forbidden = client.call(method, path)
    client.steer("permissions", grant=[permission])

    assert error_of(forbidden) == (403, "CHK003")
    assert client.call(method, path).status_code in (200, 404)


def test_full_access_stands_for_listing_and_viewing(client: StoreClient) -> None:
    order_id = client.new_order()
    client.steer("permissions", revoke=["List Orders", "View order"], grant=["Orders Full Access"])

    assert len(client.listed()["list"]) == 1
    assert client.get(order_id).status_code == 200


def test_two_tokens_are_valid_until_the_old_one_is_closed(client: StoreClient) -> None:
    old = str(client.token)

    def status(token: str) -> int:
        client.token = token
        return client.call("GET", LIST).status_code

    def answers() -> list[int]:
        return [status(old), status("renewed")]

    assert answers() == [200, 401]
    client.steer("tokens", add=["renewed"])
    assert answers() == [200, 200]
    client.steer("tokens", remove=[old])
    assert answers() == [401, 200]


# --- latency, quota, arrivals -----------------------------------------------------------------


def test_latency_delays_every_answer(client: StoreClient) -> None:
    client.steer("settings", latency_ms=150)

    begun = time.monotonic()
    client.listed()

    assert time.monotonic() - begun >= 0.15


def test_calls_above_the_quota_are_answered_429_and_have_no_effect() -> None:
    with served_store(quota=2) as client:
        order_id = client.new_order()

        answers = [client.get(order_id), client.get(order_id), client.start(order_id)]

        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert "Retry-After" not in answers[2].headers
        assert client.status(order_id) == "ready-for-handling"
        assert client.steer("state", "GET")["calls"]["429"] == 1
        assert client.steer("calls", "GET") == {"answered": 2, "refused": 1, "handled": 0}
        client.steer("settings", quota=None)
        assert client.get(order_id).status_code == 200


def test_orders_arrive_by_themselves_from_when_it_is_switched_on(client: StoreClient) -> None:
    assert client.listed()["list"] == []

    client.steer("settings", arrivals_per_minute=1200)

    eventually(lambda: client.listed()["paging"]["total"] >= 5, 5)


# --- nonsense -------------------------------------------------------------------------------------

EVENT = {"city": "Niterói", "state": "RJ", "description": "Em trânsito", "date": "2026-03-11"}
DELIVERY = {"isDelivered": True, "deliveredDate": "2026-03-11 09:00", "events": [EVENT]}


@pytest.fixture
def invoiced(client: StoreClient) -> str:
    order = client.get(client.new_order(status="handling")).json()
    item = order["items"][0]
    body = {
        "type": "Output",
        "issuanceDate": "2026-03-10T15:04:05-03:00",
        "invoiceNumber": "1",
        "invoiceValue": str(order["value"]),
        "items": [{name: item[name] for name in ("id", "price", "quantity")}],
        "trackingNumber": "BR1",
    }
    path = f"{LIST}/{order['orderId']}/invoice"
    assert client.send("POST", path, body).status_code == 200
    return str(order["orderId"])


@pytest.mark.parametrize(
    "change",
    [
        {"deliveredDate": "ontem"},
        {"isDelivered": "sim"},
        {"events": "x"},
        {"events": [3]},
        {"events": [EVENT | {"date": "11/03"}]},
        {"events": [EVENT | {"city": 3}]},
        {"events": [EVENT | {"description": ""}]},
        {"events": [EVENT | {"description": "x" * 5_001}]},
    ],
)
def test_nonsense_in_tracking_events_is_refused(
    client: StoreClient, invoiced: str, change: dict[str, object]
) -> None:
    path = f"{LIST}/{invoiced}/invoice/1/tracking"

    assert client.send("PUT", path, DELIVERY | change).status_code == 400
    package = client.get(invoiced).json()["packageAttachment"]["packages"][0]
    assert package["courierStatus"] is None
    assert client.send("PUT", path, DELIVERY).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"issuanceDate": "10T03"},
        {"invoiceValue": "9" * 5_000},
        {"invoiceValue": "٣"},
        {"items": [{"id": "1", "price": 1, "quantity": 0}]},
        {"items": [{"id": "1", "price": -1, "quantity": 1}]},
        {"items": [{"id": 1, "price": 1, "quantity": 1}]},
        {"dispatchedDate": "amanhã"},
        {"courier": "\ud800"},
    ],
)
def test_nonsense_in_an_invoice_is_refused(client: StoreClient, change: dict[str, object]) -> None:
    order_id = client.new_order(status="handling")
    body = {
        "type": "Output",
        "issuanceDate": "2026-03-10T15:04:05-03:00",
        "invoiceNumber": "1",
        "invoiceValue": "1",
        "items": [{"id": "310045", "price": 1, "quantity": 1}],
    }

    assert client.send("POST", f"{LIST}/{order_id}/invoice", body | change).status_code == 400
    assert client.get(order_id).json()["packageAttachment"] is None


@pytest.mark.parametrize(
    "query",
    [
        {"page": "9" * 5_000},
        {"f_isInstore": "talvez"},
        {"f_shippingEstimate": "amanhã"},
        {"filterError": "x"},
        {"q": "a+b"},
        {"searchField": "cor"},
        {"searchField": "nsu"},
    ],
)
def test_nonsense_in_a_query_is_refused(client: StoreClient, query: dict[str, str]) -> None:
    assert client.call("GET", LIST, **query).status_code == 400
