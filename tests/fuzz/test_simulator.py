"""The simulator answers any call: with JSON, and never with an error of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode

from support import vtex_openapi
from support.documents import hostile
from support.store_client import LIST
from support.vtex_openapi import FILES, document
from vtex.simulator.config import Config
from vtex.simulator.routes import ROUTES
from vtex.simulator.server import Running, running

# The store is shared by the examples on purpose: a call may spoil it for the next one.
SHARED = settings(
    max_examples=max(5, settings.default.max_examples // 10),
    suppress_health_check=[*HealthCheck],
    deadline=None,
)


class Shop:
    """A store with an order in each status, and a session."""

    def __init__(self, store: Running) -> None:
        self.store, self.session = store, requests.Session()
        self.keys = {"X-VTEX-API-AppKey": store.app_key, "X-VTEX-API-AppToken": store.app_token}
        self.ids = [
            order_id
            for status in ("payment-pending", "ready-for-handling", "handling", "invoiced")
            for order_id in store.store.generate(2, status, "many")
        ]
        self.transaction_id = next(iter(store.store.transactions))

    def call(self, method: str, path: str, **options: Any) -> None:
        """Call a path and require a sound answer."""
        url = f"{self.store.url}{path}"
        require_sound(self.session.request(method, url, headers=self.keys, timeout=20, **options))


def require_sound(answer: requests.Response | Any) -> None:
    assert answer.status_code < 500, answer.text
    if answer.content:
        json.loads(answer.content)
    if answer.status_code >= 400:
        assert set(json.loads(answer.content)["error"]) == {"code", "message", "exception"}


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with running(Config(index_lag=0, handling_delay=0, invoice_delay=0)) as store:
        made = Shop(store)
        yield made
        made.session.close()


# --- any body and any query -------------------------------------------------------------------

ITEM = {"id": "310045", "price": 4990, "quantity": 1}
EVENT = {"city": "Niterói", "state": "RJ", "description": "Em trânsito", "date": "2026-03-11"}
FILTER = {"type": "FromOrders", "expression": "value > 100", "disableSingleFire": True}
QUEUE = {"visibilityTimeoutInSeconds": 0, "MessageRetentionPeriodInSeconds": 345_600}
BODIES = {
    ("POST", "invoice"): {
        "type": "Output",
        "issuanceDate": "2026-03-10T15:04:05-03:00",
        "invoiceNumber": "1",
        "invoiceValue": "100",
        "items": [ITEM],
        "trackingNumber": "BR1",
        "dispatchedDate": "2026-03-11T09:00:00-03:00",
    },
    ("PATCH", "invoice/1"): {
        "trackingNumber": "BR1",
        "trackingUrl": None,
        "courier": "Correios",
        "dispatchedDate": None,
    },
    ("PUT", "invoice/1/tracking"): {
        "isDelivered": True,
        "deliveredDate": "2026-03-11 09:00",
        "events": [EVENT],
    },
    ("POST", "cancel"): {"reason": "x"},
    ("POST", "interactions"): {"source": "ERP", "message": "x"},
    ("PATCH", "/api/order-system/orders/{}/changes"): {
        "reason": "x",
        "replace": [{"from": {"items": [ITEM]}, "to": {"items": [ITEM]}}],
    },
    ("POST", "/api/order-system/orders/{}/changes/preview"): {
        "reason": "x",
        "replace": [{"from": {"items": [ITEM]}, "to": {"items": [ITEM]}}],
    },
    ("PUT", "/api/order-system/orders/changes/settings"): {
        "pipelineConfiguration": {"compensateShippingChanges": True}
    },
    ("POST", "/api/orders/pvt/document/{}/deny-cancellation-request"): {
        "cancellationRequestId": "1",
        "denyReason": "x",
    },
    ("POST", "/api/orders/feed/config"): {"filter": FILTER, "queue": QUEUE},
    ("POST", "/api/orders/feed"): {"handles": ["1"]},
    ("POST", "/api/orders/hook/config"): {
        "filter": FILTER,
        "hook": {"url": "https://erp.example.com", "headers": {"key": "value"}},
    },
    ("POST", "/api/checkout/pvt/configuration/window-to-change-seller"): {"waitingTime": 1},
}


@pytest.mark.parametrize(("method", "path"), BODIES, ids=" ".join)
@SHARED
@given(data=st.data())
def test_any_body_is_taken_or_refused(
    shop: Shop, method: str, path: str, data: st.DataObject
) -> None:
    order_id = data.draw(st.sampled_from(shop.ids))
    whole = path.format(order_id) if path.startswith("/") else f"{LIST}/{order_id}/{path}"
    text = json.dumps(data.draw(hostile.mutated(BODIES[method, path])))

    shop.call(method, whole, data=text.encode())
    shop.call("GET", f"{LIST}/{order_id}")
    shop.call("GET", "/api/orders/feed", params={"maxlot": "1"})


NAMES = (
    "page", "per_page", "orderBy", "q", "f_status", "f_creationDate", "f_authorizedDate",
    "f_invoicedDate", "f_hasInputInvoice", "f_shippingEstimate", "f_UtmSource", "f_sellerNames",
    "f_callCenterOperatorName", "f_salesChannel", "salesChannelId", "f_affiliateId",
    "incompleteOrders", "f_paymentNames", "searchField", "sku_Ids", "f_RnB", "f_isInstore",
    "filterError", "utc",
)  # fmt: skip
VALUES = st.one_of(
    st.text(max_size=30),
    st.integers().map(str),
    st.sampled_from(["true", "creationDate:[0001-01-01 TO 9999-12-31T23:59:59+23:59]", "9" * 5000]),
)


@SHARED
@given(query=st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), VALUES, max_size=4))
def test_any_query_is_answered_or_refused(shop: Shop, query: dict[str, str]) -> None:
    shop.call("GET", LIST, params=query)
    shop.call("GET", "/api/orders/feed", params=query | {"maxlot": query.get("page", "1")})


@SHARED
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
    path=st.sampled_from([*ROUTES]),
    part=st.text(min_size=1, max_size=20),
    content=st.binary(max_size=30) | st.sampled_from([b"[" * 100_000, b'"\\ud800"', b"NaN"]),
)
def test_any_path_and_method_are_answered_or_refused(
    shop: Shop, method: str, path: str, part: str, content: bytes
) -> None:
    quoted = requests.utils.quote(part, safe="").replace(".", "%2E")
    shop.call(method, path.replace("([^/]+)", quoted), data=content)


# --- what VTEX publishes --------------------------------------------------------------------------

OPERATIONS = (
    {
        operation.ok().label: operation.ok()
        for name in FILES
        for operation in schemathesis.openapi.from_dict(document(name)).get_all_operations()
    }
    if vtex_openapi.FOLDER
    else {}
)


@vtex_openapi.needed
@pytest.mark.parametrize("label", OPERATIONS or ["none"])
@SHARED
@given(data=st.data())
def test_no_published_call_breaks_the_simulator(
    shop: Shop, label: str, data: st.DataObject
) -> None:
    operation = OPERATIONS[label]
    known = {"orderId": shop.ids, "changeOrderId": shop.ids, "invoiceNumber": ["1"]}
    known["transactionId"] = [shop.transaction_id]
    mode = data.draw(st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE]))
    case = data.draw(operation.as_strategy(generation_mode=mode))
    for name in case.path_parameters:
        if name in known and data.draw(st.booleans()):
            case.path_parameters[name] = data.draw(st.sampled_from(known[name]))

    answer = case.call(base_url=shop.store.url, headers=shop.keys)

    require_sound(answer)
    assert answer.status_code not in (404, 405) or "error" in answer.json()
