"""The names by which calls to VTEX are counted: few, and without anything of an order."""

import pytest

from vtex.transport.endpoints import ENDPOINTS, endpoint_of


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
        ("/api/order-system/orders/v1acme-01/changes", "changes"),
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
