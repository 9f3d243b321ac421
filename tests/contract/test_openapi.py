"""Client and simulator against VTEX's published OpenAPI documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import requests_mock
from openapi_schema_validator import OAS30Validator

from erp.mapping import SumMismatch, to_sales_order
from support import vtex_openapi
from support.vtex_openapi import ORDER, PAYMENT, TRANSACTION, content, document, example
from vtex import payloads, schemas
from vtex.client import VtexClient
from vtex.documents import FeedConfig
from vtex.simulator import cancel_requests, fulfillment, order_changes
from vtex.simulator.config import Config
from vtex.simulator.server import Running, running
from vtex.transport.transport import Account, Transport

pytestmark = vtex_openapi.needed
LIST = "/api/oms/pvt/orders"

# The published schemas type many fields more strictly than VTEX answers: null, "" and missing
# all mean absent, and some types differ. These differences are VTEX's own, as seen in its answers.
TOLERATED = re.compile(r"is not of type|None for not nullable|is a required property|is not one of")
TYPED = frozenset({"orderId", "sequence", "status", "value", "creationDate", "transactionId"})


def faults(name: str, path: str, body: Any) -> list[str]:
    schema = content(name, path)["schema"] | {"components": document(name)["components"]}
    return [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message[:80]}"
        for error in OAS30Validator(schema).iter_errors(body)
        if not TOLERATED.search(error.message) or (set(list(error.absolute_path)[:1]) & TYPED)
    ]


@pytest.fixture(scope="module")
def simulator() -> Iterator[Running]:
    with running(Config(orders=36, index_lag=0)) as made:
        yield made


@pytest.fixture
def client(simulator: Running) -> VtexClient:
    account = Account("acme", simulator.app_key, simulator.app_token, simulator.url, simulator.url)
    return VtexClient(Transport(account))


def test_the_simulators_list_fits_the_published_schema(simulator: Running) -> None:
    headers = {"X-VTEX-API-AppKey": simulator.app_key, "X-VTEX-API-AppToken": simulator.app_token}

    body = requests.get(f"{simulator.url}{LIST}", headers=headers, timeout=10).json()

    assert faults("orders", LIST, body) == []
    published = set(example("orders", LIST)["list"][0])
    assert published <= set(body["list"][0])


def test_the_simulators_orders_fit_the_published_schema(
    simulator: Running, client: VtexClient
) -> None:
    published = content("orders", ORDER)["schema"]
    for order_id in simulator.store.shown()["orders"]:
        body = client.order(order_id)

        assert faults("orders", ORDER, body) == []
        missing = set(published.get("properties", {})) - set(body)
        assert missing <= {"giftRegistryData", "authorizationPolicyData"}, missing


def test_orders_that_changed_fit_the_published_schema(
    simulator: Running, client: VtexClient
) -> None:
    store = simulator.store
    asked, canceled, denied, changed, old = store.generate(5, "handling", "many")
    entries = {one: store.entry(one) for one in (asked, canceled, denied, changed, old)}
    for one in (asked, canceled, denied):
        cancel_requests.ask(store, entries[one], {"reason": "x", "requestedByUser": True})
    cancel_requests.cancel(store, entries[canceled], {"reason": "x"})
    cancel_requests.deny(store, entries[denied], cancel_requests.open_request(entries[denied]), "x")
    order_changes.amend(store, entries[changed], {"quantities": {"0": 0}, "add": "310555"})
    new = order_changes.replace(store, entries[old])

    for order_id in (*entries, new):
        body = client.order(order_id)
        assert faults("orders", ORDER, body) == [], order_id
    shown = client.order(canceled)["cancellationData"]
    published = content("orders", ORDER)["schema"]["properties"]["cancellationData"]
    assert set(resolved(published)["properties"]) <= set(shown)


CHANGES = "/api/order-system/orders/{changeOrderId}/changes"


def test_the_answers_of_the_routes_of_changes_fit_the_published_schemas(
    simulator: Running, client: VtexClient
) -> None:
    store, answers = simulator.store, []
    for kind in ("many", "discount", "kit", "weight"):
        (order_id,) = store.generate(1, "handling", kind)
        entry = store.entry(order_id)
        units = entry.order["items"][0]["quantity"]
        order_changes.amend(store, entry, {"add": "310555", "quantities": {"0": units + 1}})
        order_changes.amend(store, entry, {"quantities": {"0": 0}, "running": True})
        path = f"/api/order-system/orders/{order_id}/changes"
        history = client._transport.get(path)
        details = client._transport.get(f"{path}/{history['requests'][-1]['requestId']}")
        answers.append((history, details))

    for history, details in answers:
        assert faults("orders", CHANGES, history) == []
        assert faults("orders", f"{CHANGES}/{{changeRequestId}}", details) == []
        assert details["status"] == "waiting-confirmation"
        published = required(content("orders", CHANGES)["schema"]["properties"]["requests"])
        assert all(published <= set(row) for row in history["requests"])
        one = required(content("orders", f"{CHANGES}/{{changeRequestId}}")["schema"])
        assert one <= set(details)
        moved = resolved(document("orders")["components"]["schemas"]["To2"])["properties"]["items"]
        to = history["requests"][0]["replace"][0]["to"]["items"]
        assert all(required(moved) <= set(item) for item in to)


def test_orders_that_keep_changed_items_fit_the_published_schema(
    simulator: Running, client: VtexClient
) -> None:
    store = simulator.store
    (order_id,) = store.generate(1, "handling", "many")
    store.config.change(changed_items="kept")
    order_changes.amend(store, store.entry(order_id), {"quantities": {"0": 0}, "add": "310555"})
    store.config.change(changed_items="dropped")

    body = client.order(order_id)

    assert faults("orders", ORDER, body) == []
    shown = body["changesAttachment"]
    published = resolved(content("orders", ORDER)["schema"]["properties"]["changesAttachment"])
    change = published["properties"]["changesData"]["items"]
    assert required(published) <= set(shown)
    assert required(change) <= set(shown["changesData"][0])
    for name in ("itemsAdded", "itemsRemoved"):
        (row,) = shown["changesData"][0][name]
        assert set(row) == set(change["properties"][name]["items"]["properties"])


def test_the_simulators_transactions_fit_the_published_schema(
    simulator: Running, client: VtexClient
) -> None:
    for transaction_id in simulator.store.transactions:
        body = client.transaction(transaction_id)

        assert faults("payments", TRANSACTION, body["transaction"]) == []
        assert [faults("payments", PAYMENT, one) for one in body["payments"]] == [[]] * len(
            body["payments"]
        )


def test_every_request_of_the_client_is_published_with_its_headers() -> None:
    client = VtexClient(Transport(Account("acme", "key", "token")))
    page = {"list": [], "paging": {"total": 0, "pages": 0, "currentPage": 1}}
    typed = {"Content-Type": "application/json; charset=utf-8"}
    with requests_mock.Mocker() as mocker:
        mocker.get(re.compile(r"/orders\?"), json=page, headers=typed)
        mocker.get(re.compile("/orders/o-1$"), json={}, headers=typed)
        mocker.post(re.compile("/start-handling$"), status_code=204)
        changes = {"requests": [{"requestId": "r-1"}], "actions": []}
        mocker.get(re.compile("/changes$"), json=changes, headers=typed)
        mocker.get(re.compile("/changes/r-1$"), json={"status": "done"}, headers=typed)
        mocker.get(re.compile("/transactions/T$"), json={}, headers=typed)
        mocker.get(re.compile("/payments$"), json=[], headers=typed)
        list(client.list_orders())
        client.search("v70411223acme")
        client.order("o-1")
        client.start_handling("o-1")
        client.change_under_way("o-1")
        client.transaction("T")
        sent = list(mocker.request_history)

    paths = document("orders")["paths"] | document("payments")["paths"]
    for request in sent:
        fits = [p for p in paths if re.fullmatch(re.sub(r"{\w+}", "[^/]+", p), request.path)]
        # The list of a transaction's payments is named in guides only.
        assert fits or request.path.endswith("/payments"), request.path
        if not fits:
            continue
        operation = paths[fits[0]][request.method.lower()]
        known = {one.get("name") for one in operation.get("parameters", [])}
        assert set(request.qs) <= {str(name).lower() for name in known}
        for header in ("X-VTEX-API-AppKey", "X-VTEX-API-AppToken", "Accept", "Content-Type"):
            assert request.headers[header]


def test_the_published_order_is_held_with_its_sum_and_inserted_where_allowed() -> None:
    raw = example("orders", ORDER)
    order = schemas.read_order(raw)

    with pytest.raises(SumMismatch) as caught:
        to_sales_order("acme", order, [], raw_payment=None)
    allowed = to_sales_order("acme", order, [], raw_payment=None, allow_mismatch=True)

    wanted = "Items 0.99 + Discounts 0.00 + Shipping 3.00 + Tax 0.00 = 3.99"
    assert wanted in str(caught.value)
    assert "value is 11.60 (difference 7.61)" in str(caught.value)
    assert wanted in allowed.flags[0]


OUT = {
    ("post", "/api/oms/pvt/orders/{orderId}/invoice"): payloads.invoice_body(
        payloads.Invoice("1", 5230, "2026-03-10T15:04:05-03:00", courier="Transportes Sul"),
        (payloads.InvoiceItem("310102", 1, 4990, "Caneca azul"),),
        None,
    ),
    ("patch", "/api/oms/pvt/orders/{orderId}/invoice/{invoiceNumber}"): payloads.tracking_body(
        payloads.Tracking("1", tracking_number="BR1")
    ),
    ("put", "/api/oms/pvt/orders/{orderId}/invoice/{invoiceNumber}/tracking"): (
        payloads.events_body(
            payloads.Tracking(
                "1",
                events=(payloads.TrackingEvent("Niterói", "RJ", "Em trânsito", "2026-03-11"),),
                delivered_at="2026-03-12T10:00:00-03:00",
            )
        )
    ),
    ("post", "/api/oms/pvt/orders/{orderId}/cancel"): payloads.cancellation_body(
        payloads.Cancellation("Falta de estoque")
    ),
}
# A guide says that requestedByUser may be sent; VTEX takes a number where it publishes a text.
OURS = {"requestedByUser", "dispatchedDate"}


@pytest.mark.parametrize("call", OUT, ids=lambda call: f"{call[0]} {call[1].rsplit('/', 1)[-1]}")
def test_what_goes_out_and_what_is_answered_fit_the_published_schema(
    simulator: Running, call: tuple[str, str]
) -> None:
    method, path = call
    operation = document("orders")["paths"][path][method]
    (asked,) = operation["requestBody"]["content"].values()
    schema = resolved(asked["schema"]) | {"components": document("orders")["components"]}
    (order_id,) = simulator.store.generate(1, "handling", "plain")
    entry = simulator.store.entry(order_id)
    assert entry is not None
    body = OUT[call] | (
        {"invoiceValue": entry.order["value"]} if "invoiceValue" in OUT[call] else {}
    )
    headers = {"X-VTEX-API-AppKey": simulator.app_key, "X-VTEX-API-AppToken": simulator.app_token}
    if "{invoiceNumber}" in path:
        fulfillment.invoice(
            simulator.store,
            entry,
            OUT["post", "/api/oms/pvt/orders/{orderId}/invoice"]
            | {"invoiceValue": entry.order["value"], "trackingNumber": "BR1"},
        )

    url = path.replace("{orderId}", order_id).replace("{invoiceNumber}", "1")
    answer = requests.request(method, simulator.url + url, json=body, headers=headers, timeout=10)

    found = [one.message for one in OAS30Validator(schema).iter_errors(body)]
    assert [one for one in found if not TOLERATED.search(one)] == []
    assert set(schema.get("required", ())) <= set(body)
    assert set(body) - set(schema["properties"]) <= OURS
    assert answer.status_code == 200
    published_answer = resolved(content("orders", path, method)["schema"])
    assert set(published_answer["properties"]) <= set(answer.json())


FEED = "/api/orders/feed"
CONFIG = f"{FEED}/config"


def test_the_feeds_answers_fit_the_published_schema(simulator: Running, client: VtexClient) -> None:
    headers = {"X-VTEX-API-AppKey": simulator.app_key, "X-VTEX-API-AppToken": simulator.app_token}
    client.configure_feed(FeedConfig(("ready-for-handling",), 300, 345_600))
    (order_id,) = simulator.store.generate()

    config, events = (
        requests.get(f"{simulator.url}{path}", params=query, headers=headers, timeout=10).json()
        for path, query in ((CONFIG, {}), (FEED, {"maxlot": "10"}))
    )
    client.remove_feed()

    shown = resolved(content("orders", CONFIG)["schema"])
    assert set(config) <= set(shown["properties"])
    assert [one["orderId"] for one in events] == [order_id]
    assert set(events[0]) == set(example("orders", FEED)[0])
    one = resolved(content("orders", FEED)["schema"]["items"])
    assert [
        error.message
        for error in OAS30Validator(
            one | {"components": document("orders")["components"]}
        ).iter_errors(events[0])
        if not TOLERATED.search(error.message)
    ] == []


def test_the_published_event_is_read() -> None:
    batch = schemas.read_feed(example("orders", FEED))

    (event,) = batch.events
    assert (event.order_id, event.state) == ("953712004126-01", "ready-for-handling")
    assert event.changed_at is not None
    assert not batch.unreadable


@pytest.mark.parametrize(
    ("path", "call"),
    [
        (CONFIG, lambda client: client.configure_feed(FeedConfig(("handling",), 300, 345_600))),
        (FEED, lambda client: client.commit_feed(["handle"])),
    ],
)
def test_what_is_sent_to_the_feed_fits_the_published_schema(path: str, call: Any) -> None:
    with requests_mock.Mocker() as mocker:
        mocker.post(re.compile(f"{path}$"), text="")
        call(VtexClient(Transport(Account("acme", "key", "token"))))
        body = mocker.last_request.json()

    asked = document("orders")["paths"][path]["post"]["requestBody"]["content"]
    schema = resolved(asked["application/json"]["schema"])
    whole = schema | {"components": document("orders")["components"]}
    assert [one.message for one in OAS30Validator(whole).iter_errors(body)] == []
    assert set(body) <= set(schema["properties"])


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Any = document("orders")
    for step in schema["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return dict(found)


def required(schema: dict[str, Any]) -> set[str]:
    """Return the required names of an object, or of a list's rows."""
    whole = resolved(schema)
    return set(resolved(whole.get("items", whole))["required"])


def test_the_published_transaction_is_read() -> None:
    raw = {
        "transaction": example("payments", TRANSACTION),
        "payments": [example("payments", PAYMENT)],
    }

    assert schemas.read_transaction(raw).payments
