"""The names by which calls to VTEX are counted: few, and without anything of an order."""

import inspect
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest
import requests_mock
from requests_mock import ANY

from vtex.client import VtexClient
from vtex.documents import FeedConfig
from vtex.errors import VtexError
from vtex.statuses import READY
from vtex.transport.endpoints import ENDPOINTS, Call, endpoint_of
from vtex.transport.transport import Account, Transport


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/oms/pvt/orders", "list"),
        ("/api/oms/pvt/orders/v1acme-01", "order"),
        ("/api/oms/pvt/orders/v1acme-01/start-handling", "start_handling"),
        ("/api/oms/pvt/orders/v1acme-01/cancel", "cancel"),
        ("/api/oms/pvt/orders/v1acme-01/invoice", "invoice"),
        ("/api/oms/pvt/orders/v1acme-01/invoice/128841", "invoice_update"),
        ("/api/oms/pvt/orders/v1acme-01/invoice/128841/tracking", "tracking"),
        ("/api/orders/pvt/document/v1acme-01/deny-cancellation-request", "deny_cancellation"),
        ("/api/order-system/orders/v1acme-01/changes", "changes"),
        ("/api/order-system/orders/v1acme-01/changes/e8532a32", "change"),
        ("/api/pvt/transactions/AB12", "transaction"),
        ("/api/pvt/transactions/AB12/payments", "payments"),
        ("/api/orders/feed", "feed"),
        ("/api/orders/feed/config", "feed_config"),
    ],
)
def test_each_endpoint_has_a_name_without_the_order(path: str, name: str) -> None:
    assert endpoint_of(path) == name
    assert name in ENDPOINTS


@pytest.mark.parametrize("path", ["", "/", "/api/oms/pvt/orders/a/b/c/d", "/ana@example.com"])
def test_whatever_else_is_asked_for_has_one_name(path: str) -> None:
    assert endpoint_of(path) == "other"


ARGUMENTS = {
    "order_id": "v1acme-01",
    "transaction_id": "AB12",
    "number": "128841",
    "body": {},
    "text": "v1acme",
    "handles": ["h1"],
    "config": FeedConfig((READY,), 300, 345_600),
    "start": datetime(2026, 3, 9, tzinfo=UTC),
    "end": datetime(2026, 3, 10, tzinfo=UTC),
}
"""An argument for each parameter without a default of the client's methods."""

CALLS = [
    name
    for name, method in vars(VtexClient).items()
    if inspect.isfunction(method) and not name.startswith(("_", "with_"))
]


@pytest.mark.parametrize("name", CALLS)
def test_every_call_of_the_client_is_counted_under_a_name(
    name: str, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.register_uri(ANY, ANY, json={})
    seen: list[Call] = []
    account = Account("acme", "key", "token")
    method = getattr(VtexClient(Transport(account, observer=seen.append)), name)
    needed = [
        parameter.name
        for parameter in inspect.signature(method).parameters.values()
        if parameter.default is parameter.empty
    ]

    with suppress(VtexError):
        answer = method(**{parameter: ARGUMENTS[parameter] for parameter in needed})
        list(answer) if isinstance(answer, Iterator) else None

    assert seen
    assert "other" not in {call.endpoint for call in seen}
