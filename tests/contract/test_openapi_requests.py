"""Each request that the client sends, against VTEX's published OpenAPI documents."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest
import requests
import requests_mock
from openapi_schema_validator import OAS30Validator

from support import vtex_openapi
from support.vtex_openapi import content, document, resolved
from vtex import payloads
from vtex.client import VtexClient
from vtex.documents import FeedConfig
from vtex.errors import VtexRejected
from vtex.simulator import fulfillment
from vtex.simulator.config import Config
from vtex.simulator.server import running
from vtex.transport.transport import Account, Transport

pytestmark = vtex_openapi.needed

ZONE = ZoneInfo("America/Sao_Paulo")
ITEM = payloads.InvoiceItem("310102", 1, 4990)
INVOICE = payloads.Invoice("1", 5230, "2026-03-10T15:04:05-03:00", items=(ITEM,))
WHOLE_INVOICE = payloads.Invoice(
    "1",
    5230,
    "2026-03-10T15:04:05-03:00",
    items=(payloads.InvoiceItem("310102", 1, 4990, "Caneca azul"),),
    invoice_series="1",
    invoice_key="35260312345678000190550010001288411987654320",
    url="https://nf.example.com/1.xml",
    courier="Transportes Sul",
    tracking_number="BR1",
    tracking_url="https://rastreio.example.com/BR1",
    dispatched_at="2026-03-11T09:00:00-03:00",
    xml="<NFe/>",
)
EVENT = payloads.TrackingEvent("Niterói", "RJ", "Em trânsito", "2026-03-11")
TRACKING = {
    "number": payloads.Tracking("1", tracking_number="BR1"),
    "url": payloads.Tracking("1", tracking_url="https://rastreio.example.com/BR1"),
    "all": payloads.Tracking(
        "1",
        tracking_number="BR1",
        tracking_url="https://rastreio.example.com/BR1",
        courier="Transportes Sul",
        dispatched_at="2026-03-11T09:00:00-03:00",
    ),
}
EVENTS = {
    "event": payloads.Tracking("1", events=(EVENT,)),
    "delivery": payloads.Tracking("1", delivered_at="2026-03-12T10:00:00-03:00"),
}
NOW = datetime(2026, 3, 10, tzinfo=UTC)

Call = Callable[[VtexClient], Any]

CALLS: dict[str, list[Call]] = {
    "list_orders": [lambda client: list(client.list_orders(created_from=NOW, created_to=NOW))],
    "created": [lambda client: list(client.created(NOW, NOW, status="handling"))],
    "search": [lambda client: client.search("v70411223acme")],
    "order": [lambda client: client.order("o-1")],
    "transaction": [lambda client: client.transaction("T")],
    "start_handling": [lambda client: client.start_handling("o-1")],
    "send_invoice": [
        lambda client: client.send_invoice("o-1", payloads.invoice_body(INVOICE)),
        lambda client: client.send_invoice(
            "o-1", payloads.invoice_body(WHOLE_INVOICE, number="1-1")
        ),
    ],
    "set_tracking": [
        lambda client, tracking=tracking: client.set_tracking(  # type: ignore[misc]
            "o-1", "1", payloads.tracking_body(tracking)
        )
        for tracking in TRACKING.values()
    ],
    "add_events": [
        lambda client, tracking=tracking: client.add_events(  # type: ignore[misc]
            "o-1", "1", payloads.events_body(tracking, ZONE)
        )
        for tracking in EVENTS.values()
    ],
    "cancel": [
        lambda client: client.cancel(
            "o-1", payloads.cancellation_body(payloads.Cancellation("Falta de estoque"))
        )
    ],
    "deny_cancellation": [
        lambda client: client.deny_cancellation(
            "o-1", payloads.denial_body(payloads.Denial("Já foi despachado"), "85835AB4")
        )
    ],
    "change_under_way": [lambda client: client.change_under_way("o-1")],
    "feed": [lambda client: client.feed()],
    "commit_feed": [lambda client: client.commit_feed(["handle"])],
    "feed_config": [lambda client: client.feed_config()],
    "configure_feed": [
        lambda client: client.configure_feed(FeedConfig(("handling",), 300, 345_600))
    ],
    "remove_feed": [lambda client: client.remove_feed()],
    "probe": [lambda client: client.probe()],
}
"""The calls of each method of the client, the smallest and the largest body."""

GUIDES_ONLY = ("/payments$", "/deny-cancellation-request$")
"""Routes that VTEX publishes in guides, or in a document for other keys."""

GUIDE_FIELDS = {"requestedByUser"}
"""A guide says that a cancellation may have it."""


def sent_by(call: Call) -> list[Any]:
    typed = {"Content-Type": "application/json; charset=utf-8"}
    page = {"list": [], "paging": {"total": 0, "pages": 0, "currentPage": 1}}
    with requests_mock.Mocker() as mocker:
        mocker.register_uri(requests_mock.ANY, re.compile("."), json={}, headers=typed)
        mocker.get(re.compile(r"/orders\?"), json=page, headers=typed)
        mocker.get(re.compile("/(payments|feed)(\\?|$)"), json=[], headers=typed)
        changes = {"requests": [{"requestId": "r-1"}], "actions": []}
        mocker.get(re.compile("/changes$"), json=changes, headers=typed)
        mocker.get(re.compile("/changes/r-1$"), json={"status": "done"}, headers=typed)
        mocker.post(re.compile("/start-handling$"), status_code=204)
        call(VtexClient(Transport(Account("acme", "key", "token"))))
        return list(mocker.request_history)


def operation_of(request: Any) -> dict[str, Any] | None:
    for paths in (document("orders")["paths"], document("payments")["paths"]):
        for path, operations in paths.items():
            fits = re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), urlsplit(request.url).path)
            if fits and request.method.lower() in operations:
                return dict(operations[request.method.lower()])
    return None


def test_each_method_of_the_client_is_held_to_the_published_documents() -> None:
    methods = {name for name in vars(VtexClient) if not name.startswith("_")}

    assert methods - {"with_priority", "with_guard"} == set(CALLS)


@pytest.mark.parametrize("method", CALLS)
def test_what_the_client_sends_fits_the_published_schema(method: str) -> None:
    for request in [request for call in CALLS[method] for request in sent_by(call)]:
        for header in ("X-VTEX-API-AppKey", "X-VTEX-API-AppToken", "Accept", "Content-Type"):
            assert request.headers[header]
        operation = operation_of(request)
        if operation is None:
            assert any(re.search(route, request.path) for route in GUIDES_ONLY), request.path
            continue
        known = {str(row.get("name")) for row in operation.get("parameters", [])}
        assert {name for name, _ in parse_qsl(urlsplit(request.url).query)} <= known
        if "requestBody" not in operation:
            assert not request.body
            continue
        (asked,) = operation["requestBody"]["content"].values()
        schema = resolved(asked["schema"]) | {"components": document("orders")["components"]}
        body = request.json()
        assert [error.message for error in OAS30Validator(schema).iter_errors(body)] == []
        assert set(body) - set(schema["properties"]) <= GUIDE_FIELDS


BODIES = {
    ("post", "/api/oms/pvt/orders/{orderId}/invoice"): fulfillment.INVOICE,
    ("patch", "/api/oms/pvt/orders/{orderId}/invoice/{invoiceNumber}"): fulfillment.TRACKING,
    ("put", "/api/oms/pvt/orders/{orderId}/invoice/{invoiceNumber}/tracking"): fulfillment.EVENTS,
    ("post", "/api/oms/pvt/orders/{orderId}/cancel"): fulfillment.CANCELLATION,
}
TYPES = {"string": str, "integer": int, "boolean": bool, "array": list}


def fields_of(schema: dict[str, Any]) -> fulfillment.Fields:
    return {
        name: (
            TYPES[field["type"]],
            ("!" if name in schema.get("required", ()) else "")
            + ("?" if field.get("nullable") else ""),
        )
        for name, field in schema["properties"].items()
    }


@pytest.mark.parametrize("call", BODIES, ids=lambda call: f"{call[0]} {call[1].rsplit('/', 1)[-1]}")
def test_the_simulator_takes_the_bodies_of_the_published_schema(call: tuple[str, str]) -> None:
    method, path = call
    (asked,) = document("orders")["paths"][path][method]["requestBody"]["content"].values()
    schema = resolved(asked["schema"])

    assert fields_of(schema) == BODIES[call]
    for name, shape in (("items", fulfillment.ITEM), ("events", fulfillment.EVENT)):
        if name in schema["properties"]:
            assert fields_of(resolved(schema["properties"][name]["items"])) == shape


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"courier": None}, "courier must not be null"),
        ({"invoiceValue": 5230}, "invoiceValue must be of type str"),
        ({"items": [{"id": 310102, "price": 1, "quantity": 1}]}, "items.0.id must be of type str"),
    ],
)
def test_the_simulator_refuses_an_invoice_that_the_schema_forbids(
    change: dict[str, Any], words: str
) -> None:
    with running(Config()) as simulator:
        (order_id,) = simulator.store.generate(1, "handling", "plain")
        account = Account(
            "acme", simulator.app_key, simulator.app_token, simulator.url, simulator.url
        )

        with pytest.raises(VtexRejected, match=words) as caught:
            VtexClient(Transport(account)).send_invoice(
                order_id, payloads.invoice_body(INVOICE) | change
            )

    assert caught.value.status == 400


def test_the_answers_of_writes_fit_the_published_schema() -> None:
    with running(Config(cancel_at_once=True)) as simulator:
        (order_id, other) = simulator.store.generate(2, "handling", "plain")
        entry = simulator.store.entry(order_id)
        assert entry is not None
        headers = {
            "X-VTEX-API-AppKey": simulator.app_key,
            "X-VTEX-API-AppToken": simulator.app_token,
        }
        base = "/api/oms/pvt/orders/{orderId}"
        value = str(entry.order["value"])
        bodies = {
            ("post", f"{base}/invoice"): payloads.invoice_body(WHOLE_INVOICE)
            | {"invoiceValue": value},
            ("patch", f"{base}/invoice/{{invoiceNumber}}"): payloads.tracking_body(TRACKING["all"]),
            ("put", f"{base}/invoice/{{invoiceNumber}}/tracking"): payloads.events_body(
                EVENTS["delivery"], ZONE
            ),
            ("post", f"{base}/cancel"): payloads.cancellation_body(payloads.Cancellation("x")),
        }
        for (method, path), body in bodies.items():
            name = other if path.endswith("/cancel") else order_id
            url = path.replace("{orderId}", name).replace("{invoiceNumber}", "1")
            answer = requests.request(
                method, simulator.url + url, json=body, headers=headers, timeout=10
            )

            assert answer.status_code == 200, answer.text
            published = resolved(content("orders", path, method)["schema"])
            assert set(published["properties"]) <= set(answer.json())
