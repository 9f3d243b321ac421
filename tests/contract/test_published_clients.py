"""Published clients of VTEX call the simulator unmodified: each of their calls about orders."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from support.vtex_clients import RealClient, missing
from vtex.simulator.config import Config
from vtex.simulator.server import Running, running


@pytest.fixture(scope="module")
def store() -> Iterator[Running]:
    with running(Config(orders=20, index_lag=0, handling_delay=0, invoice_delay=0)) as made:
        yield made


def client_of(name: str, store: Running) -> Iterator[RealClient]:
    if reason := missing(name):
        pytest.skip(reason)
    client = RealClient(name, store)
    yield client
    client.close()


@pytest.fixture(scope="module")
def vtexpy(store: Running) -> Iterator[RealClient]:
    yield from client_of("vtexpy", store)


@pytest.fixture(scope="module")
def vtex(store: Running) -> Iterator[RealClient]:
    yield from client_of("vtex", store)


def ok(answer: tuple[int, Any], status: int = 200) -> Any:
    assert answer[0] == status, answer
    return answer[1]


def custom(client: RealClient, method: str, path: str, **options: Any) -> tuple[int, Any]:
    host = "vtexpayments" if path.startswith("/api/pvt/") else "vtexcommercestable"
    return client.call("custom.request", method, path, environment=host, **options)


def a_paid_order(store: Running, kind: str = "plain", status: str = "handling") -> dict[str, Any]:
    (order_id,) = store.store.generate(1, status, kind)
    return dict(store.store.entry(order_id).order)


def test_vtexpy_makes_each_of_its_calls_about_orders_and_payments(
    vtexpy: RealClient, store: Running
) -> None:
    call, now = vtexpy.call, datetime.now(UTC)
    order = a_paid_order(store)
    order_id = order["orderId"]
    (transaction,) = order["paymentData"]["transactions"]
    transaction_id, payment = transaction["transactionId"], transaction["payments"][0]

    whole = ok(call("orders.list_orders", page=1, page_size=5, order_by_direction="ASC"))
    found = ok(
        call(
            "orders.list_orders",
            query=order["clientProfileData"]["email"],
            search=f"paymentId&paymentId={payment['id']}",
            creation_date_from={"time": (now - timedelta(days=3)).isoformat()},
            creation_date_to={"time": now.isoformat()},
        )
    )
    assert (len(whole["list"]), [row["orderId"] for row in found["list"]]) == (5, [order_id])
    assert ok(call("orders.get_order", order_id))["orderId"] == order_id
    assert ok(call("orders.get_order_changes", order_id)) == {"requests": [], "actions": []}

    assert call("orders.get_feed_config")[0] == 404
    ok(call("orders.set_feed_config", ["ready-for-handling"]))
    assert ok(call("orders.get_feed_config"))["filter"]["type"] == "FromWorkflow"
    new = a_paid_order(store, status="ready-for-handling")["orderId"]
    (event,) = ok(call("orders.list_feed_orders"))
    assert event["orderId"] == new
    ok(call("orders.commit_feed_orders", [event["handle"]]))
    ok(call("orders.delete_feed_config"))

    gateway = "payments_gateway"
    assert ok(call(f"{gateway}.get_transaction", transaction_id))["id"] == transaction_id
    (row,) = ok(call(f"{gateway}.list_transaction_payments", transaction_id))[:1]
    assert row["id"] == payment["id"]
    assert ok(call(f"{gateway}.get_transaction_payment", transaction_id, payment["id"])) == row
    assert ok(call(f"{gateway}.list_transaction_interactions", transaction_id))
    assert ok(call(f"{gateway}.list_payment_systems"))
    for name in ("settlements", "refunds", "cancellations"):
        body = ok(call(f"{gateway}.get_transaction_{name}", transaction_id))
        assert body == {"requests": [], "actions": []}
    ok(call(f"{gateway}.get_transaction_capabilities", transaction_id))
    assert vtexpy.methods <= vtexpy.called


def test_vtex_makes_each_of_its_calls_about_orders_and_payments(
    vtex: RealClient, store: Running
) -> None:
    call, now = vtex.call, datetime.now(UTC)
    order = a_paid_order(store)
    (transaction,) = order["paymentData"]["transactions"]
    transaction_id = transaction["transactionId"]
    placed = datetime.fromisoformat(order["creationDate"])
    day, order_id = {"time": placed.date().isoformat()}, order["orderId"]
    orders, gateway = "order_management", "payments_gateway"

    assert ok(call(f"{orders}.get_order", order_id))["orderId"] == order_id
    pages = [
        ok(call(f"{orders}.get_list_orders", {"time": (now - timedelta(days=9)).isoformat()})),
        ok(call(f"{orders}.get_list_orders_per_day", day)),
        ok(call(f"{orders}.get_list_orders_per_hour_of_day", day, placed.hour)),
        ok(
            call(
                f"{orders}.get_list_orders_per_hour_minute_of_day", day, placed.hour, placed.minute
            )
        ),
        ok(call(f"{orders}.get_list_orders_by_page", 1)),
    ]
    assert all(page["paging"]["total"] >= 1 for page in pages)
    assert order_id in [row["orderId"] for row in pages[3]["list"]]
    assert ok(call(f"{orders}.get_conversation", order_id))[0]["subject"]
    paid = ok(call(f"{orders}.get_payment_transaction", order_id))
    assert paid["transactionId"] == transaction_id

    assert ok(call(f"{gateway}.get_transaction_details", transaction_id))["id"] == transaction_id
    payments = ok(call(f"{gateway}.get_payments_by_transaction", transaction_id))
    ok(call(f"{gateway}.get_payment_details", transaction_id, payments[0]["id"]))
    ok(call(f"{gateway}.get_transaction_settlement_details", transaction_id))
    assert vtex.methods <= vtex.called


def test_the_other_published_calls_are_answered(vtexpy: RealClient, store: Running) -> None:
    order = a_paid_order(store, "many")
    path = f"/api/oms/pvt/orders/{order['orderId']}"
    new = f"/api/order-system/orders/{order['orderId']}/changes"
    note = {"source": "ERP", "message": "Separado"}
    first = order["items"][0]
    units = {"id": first["id"], "quantity": 1}
    change = {
        "reason": "Sem estoque",
        "replace": [{"from": {"items": [units]}, "to": {"items": []}}],
    }

    group = ok(custom(vtexpy, "GET", f"/api/oms/pvt/orders/order-group/{order['orderGroup']}"))
    assert [row["orderId"] for row in group] == [order["orderId"]]
    ok(custom(vtexpy, "POST", f"{path}/interactions", json=note))
    (kept,) = ok(custom(vtexpy, "GET", f"{path}/interactions/"))
    assert kept["message"] == "Separado"
    assert custom(vtexpy, "POST", f"{path}/changes", json={})[0] == 410
    preview = ok(custom(vtexpy, "POST", f"{new}/preview", json=change))
    made = ok(custom(vtexpy, "PATCH", new, params={"accountName": "acme"}, json=change), 202)
    assert preview["totalChangeValue"] == made["totalChangeValue"] < 0
    history = ok(custom(vtexpy, "GET", f"{new}/"))["requests"]
    assert [row["reason"] for row in history] == ["Sem estoque"]
    summary = ok(
        custom(vtexpy, "GET", f"/api/orders/pvt/document/{order['orderId']}/change-summary")
    )
    assert [row["id"] for row in summary["removed"]] == [first["id"]]
    assert summary["totalChangeValueAggregated"] == made["totalChangeValue"]
    settings = "/api/order-system/orders/changes/settings"
    wanted = {"pipelineConfiguration": {"compensateShippingChanges": False}}
    ok(custom(vtexpy, "PUT", settings, json=wanted))
    shown = ok(custom(vtexpy, "GET", settings))["pipelineConfiguration"]
    assert shown["compensateShippingChanges"] is False
    window = "/api/checkout/pvt/configuration/window-to-change-seller"
    ok(custom(vtexpy, "POST", window, json={"waitingTime": 3}), 201)
    assert ok(custom(vtexpy, "GET", window)) == 3


def test_a_payment_is_notified_and_a_settlement_follows_the_invoice(
    vtexpy: RealClient, store: Running
) -> None:
    order = a_paid_order(store, "boleto", "payment-pending")
    path = f"/api/oms/pvt/orders/{order['orderId']}"
    (transaction,) = order["paymentData"]["transactions"]
    (payment,) = transaction["payments"]
    items = [{name: item[name] for name in ("id", "price", "quantity")} for item in order["items"]]
    invoice = {
        "type": "Output",
        "issuanceDate": "2026-03-10T15:04:05-03:00",
        "invoiceNumber": "1",
        "invoiceValue": str(order["value"]),
        "items": items,
    }

    ok(custom(vtexpy, "POST", f"{path}/payments/{payment['id']}/payment-notification"))
    ok(custom(vtexpy, "POST", f"{path}/start-handling"), 204)
    ok(custom(vtexpy, "POST", f"{path}/invoice", json=invoice))

    body = ok(
        custom(vtexpy, "GET", f"/api/pvt/transactions/{transaction['transactionId']}/settlements")
    )
    assert [row["value"] for row in body["requests"]] == [order["value"]]
    assert payment["id"] in [row["paymentId"] for row in body["actions"]]


def test_a_hook_is_configured_shown_and_removed(vtexpy: RealClient) -> None:
    path = "/api/orders/hook/config"
    hook = {"url": "https://erp.example.com/hook", "headers": {"key": "value"}}
    body = {"filter": {"type": "FromWorkflow", "status": ["handling"]}, "hook": hook}

    assert custom(vtexpy, "GET", path)[0] == 404
    assert ok(custom(vtexpy, "POST", path, json=body))["Origin"]["Account"] == "acme"
    assert ok(custom(vtexpy, "GET", path)) == body
    ok(custom(vtexpy, "DELETE", path))
    assert custom(vtexpy, "DELETE", path)[0] == 404
    hook["url"] = "http://erp.example.com/hook"
    assert custom(vtexpy, "POST", path, json=body)[0] == 400


def test_a_feed_from_orders_shows_each_order_that_matches_once(
    vtexpy: RealClient, store: Running
) -> None:
    expression = (
        'origin = "Marketplace" and $count(items) >= 2 and items[quantity > 0][0].price > 0'
    )
    queue = {"visibilityTimeoutInSeconds": 0, "MessageRetentionPeriodInSeconds": 345_600}
    config = {"filter": {"type": "FromOrders", "expression": expression}, "queue": queue}
    ok(custom(vtexpy, "POST", "/api/orders/feed/config", json=config))

    many, _ = a_paid_order(store, "pix"), a_paid_order(store, "plain")
    entry = store.store.entry(many["orderId"])
    store.store.change(entry, {"openTextField": {"value": "Presente"}})
    events = ok(custom(vtexpy, "GET", "/api/orders/feed", params={"maxlot": 10}))
    ok(custom(vtexpy, "DELETE", "/api/orders/feed/config"))

    assert [event["orderId"] for event in events] == [many["orderId"]]
    config["filter"]["status"] = ["handling"]
    assert custom(vtexpy, "POST", "/api/orders/feed/config", json=config)[0] == 409


def test_unknown_paths_and_methods_are_errors_in_json(vtexpy: RealClient) -> None:
    for method, path, status in (
        ("GET", "/api/oms/pvt/nothing", 404),
        ("GET", "/api/oms/pvt/orders/v1acme-01", 404),
        ("PUT", "/api/oms/pvt/orders", 405),
        ("DELETE", "/api/oms/pvt/orders/v1acme-01/invoice", 405),
        ("OPTIONS", "/api/orders/feed", 405),
    ):
        body = custom(vtexpy, method, path)
        assert (body[0], set(body[1]["error"])) == (status, {"code", "message", "exception"})


ORDER = {
    "orderId": "v77acme-01",
    "orderGroup": "v77acme",
    "sequence": "77",
    "salesChannel": "1",
    "affiliateId": "ABC",
    "value": 100,
    "isCheckedIn": True,
    "workflowIsInError": True,
    "clientProfileData": {
        "firstName": "Ana",
        "lastName": "Prado",
        "email": "ana@example.com",
        "document": "52998224725",
    },
    "marketingData": {"utmSource": "natal"},
    "callCenterOperatorData": {"userName": "Bia"},
    "ratesAndBenefitsData": {"rateAndBenefitsIdentifiers": [{"name": "Frete grátis"}]},
    "sellers": [{"id": "1", "name": "Acme"}],
    "items": [{"id": "310045", "quantity": 1}],
    "giftRegistryData": {"giftRegistryId": "311"},
    "packageAttachment": {"packages": [{"type": "Input", "invoiceNumber": "9"}]},
    "paymentData": {
        "transactions": [
            {
                "transactionId": "T7",
                "payments": [
                    {
                        "id": "P7",
                        "tid": "T-7",
                        "paymentSystemName": "Visa",
                        "connectorResponses": {"Tid": "C-7", "Nsu": "N-7"},
                    }
                ],
            }
        ]
    },
}


@pytest.fixture(scope="module")
def filtered(store: Running) -> str:
    now = datetime.now(UTC)
    dates = dict.fromkeys(("creationDate", "authorizedDate", "invoicedDate"), now.isoformat())
    day = (now + timedelta(days=1)).isoformat()
    shipping = {"logisticsInfo": [{"itemIndex": 0, "shippingEstimateDate": day}]}
    return store.store.put(ORDER | dates | {"status": "invoiced", "shippingData": shipping}, {})


WINDOW = "[2000-01-01T00:00:00.000Z TO 2100-01-01T00:00:00.000Z]"


@pytest.mark.parametrize(
    "query",
    [
        {"q": "v77acme-01"},
        {"q": "ana prado"},
        {"q": "ana@example.com"},
        {"q": "52998224725"},
        {"f_status": "invoiced,canceled", "f_affiliateId": "ABC"},
        {"f_creationDate": f"creationDate:{WINDOW}", "f_UtmSource": "natal"},
        {"f_authorizedDate": f"authorizedDate:{WINDOW}", "f_RnB": "Frete grátis"},
        {"f_invoicedDate": f"invoicedDate:{WINDOW}", "f_UtmSource": "natal"},
        {"f_hasInputInvoice": "true", "incompleteOrders": "false"},
        {"f_isInstore": "true", "f_salesChannel": "Main", "salesChannelId": "1"},
        {"f_sellerNames": "Acme", "f_callCenterOperatorName": "Bia", "f_paymentNames": "Visa"},
        {"f_shippingEstimate": "1.days", "f_sellerNames": "Acme"},
        {"f_shippingEstimate": "7.days", "f_sellerNames": "Acme"},
        {"searchField": "sku_Ids", "sku_Ids": "310045", "f_UtmSource": "natal"},
        {"searchField": "listId", "listId": "311", "f_UtmSource": "natal"},
        {"searchField": "tid", "tid": "T-7"},
        {"searchField": "pci_tid", "pci_tid": "C-7"},
        {"searchField": "paymentId", "paymentId": "P7"},
        {"searchField": "nsu", "nsu": "N-7"},
        {"filterError": "perm", "utc": "-0300", "_stats": "1"},
    ],
    ids=lambda query: urlencode(query)[:40],
)
def test_each_published_filter_finds_the_order(
    vtexpy: RealClient, filtered: str, query: dict[str, str]
) -> None:
    found = ok(custom(vtexpy, "GET", "/api/oms/pvt/orders/", params=query))

    assert [row["orderId"] for row in found["list"]] == [filtered]


@pytest.mark.parametrize(
    "query",
    [
        {"q": "joana prado"},
        {"f_isInstore": "true", "f_sellerNames": "Outro"},
        {"f_shippingEstimate": "-1.days", "f_UtmSource": "natal"},
        {"f_shippingEstimate": "0.days", "f_UtmSource": "natal"},
        {"f_hasInputInvoice": "false", "f_UtmSource": "natal"},
        {"searchField": "nsu", "nsu": "N-8"},
    ],
    ids=lambda query: urlencode(query)[:40],
)
def test_other_values_of_a_filter_find_nothing(
    vtexpy: RealClient, filtered: str, query: dict[str, str]
) -> None:
    assert ok(custom(vtexpy, "GET", "/api/oms/pvt/orders", params=query))["list"] == []
