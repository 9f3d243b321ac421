"""How orders of the simulated store change: on a real socket, through the client, steered by HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from support.order_flow import Clock
from vtex import payloads
from vtex.client import VtexClient
from vtex.errors import OrderNotFound, VtexRejected
from vtex.payloads import Cancellation, Denial, Invoice, InvoiceItem
from vtex.schemas.cancel_requests import asked
from vtex.simulator.config import Config
from vtex.simulator.server import Running, running
from vtex.transport.transport import Account, Transport


class Shop:
    """A store, its client, and a clock."""

    def __init__(self, simulator: Running) -> None:
        self.simulator, self.clock = simulator, Clock()
        simulator.store._now = self.clock
        account = Account(
            "acme", simulator.app_key, simulator.app_token, simulator.url, simulator.url
        )
        self.client = VtexClient(Transport(account))

    def order(self, status: str = "handling", kind: str = "many") -> str:
        (order_id,) = self.simulator.store.generate(1, status, kind)
        return order_id

    def steer(self, what: str, *, status: int = 200, **body: Any) -> Any:
        url = f"{self.simulator.url}/_simulator/{what}"
        answer = requests.post(url, json=body, timeout=5)
        assert answer.status_code == status, answer.text
        return answer.json()

    def post(self, order_id: str, request_id: str, end: str, **body: Any) -> int:
        url = f"{self.simulator.url}/api/order-system/orders/{order_id}/changes/{request_id}/{end}"
        keys = self.simulator
        headers = {"X-VTEX-API-AppKey": keys.app_key, "X-VTEX-API-AppToken": keys.app_token}
        return requests.post(url, json=body, headers=headers, timeout=5).status_code

    def status(self, order_id: str) -> str:
        return str(self.client.order(order_id)["status"])

    def deny(self, order_id: str, request_id: str) -> None:
        body = payloads.denial_body(Denial("não"), request_id)
        self.client.deny_cancellation(order_id, body)

    def cancel(self, order_id: str) -> None:
        self.client.cancel(order_id, payloads.cancellation_body(Cancellation("ok")))


@pytest.fixture
def shop() -> Iterator[Shop]:
    with running(Config(index_lag=0)) as simulator:
        yield Shop(simulator)


@pytest.mark.parametrize("before", ["ready-for-handling", "handling"])
def test_a_denied_request_lets_the_order_go_on_where_it_was(shop: Shop, before: str) -> None:
    order_id = shop.order(before)
    request_id = shop.steer("cancellations", order_id=order_id, reason="x", requestedByUser=True)
    assert shop.status(order_id) == "cancellation-requested"

    shop.deny(order_id, request_id)

    assert shop.status(order_id) == "cancellation-request-denied-ffm"
    shop.clock.pass_by(3)
    assert shop.status(order_id) == before
    found = asked(shop.client.order(order_id))
    assert found is not None
    assert (found.request_id, found.denied, found.by_user) == (request_id, True, True)


def test_a_denial_needs_the_right_id_and_status(shop: Shop) -> None:
    order_id = shop.order()
    with pytest.raises(VtexRejected, match="nothing to deny in status handling"):
        shop.deny(order_id, "85835AB4")
    shop.steer("cancellations", order_id=order_id)

    with pytest.raises(VtexRejected, match="not found"):
        shop.deny(order_id, "85835AB4")
    with pytest.raises(VtexRejected, match="denyReason is required"):
        shop.client.deny_cancellation(order_id, {"cancellationRequestId": "85835AB4"})
    with pytest.raises(OrderNotFound):
        shop.deny("nobody-01", "85835AB4")
    assert shop.status(order_id) == "cancellation-requested"


def test_another_cancel_confirms_the_request_and_its_data_show_later(shop: Shop) -> None:
    order_id = shop.order()
    request_id = shop.steer("cancellations", order_id=order_id, reason="x")

    shop.cancel(order_id)
    assert shop.status(order_id) == "cancel"
    shop.clock.pass_by(3)

    order = shop.client.order(order_id)
    assert (order["status"], order["cancelReason"]) == ("canceled", "ok")
    assert order["cancellationData"]["cancellationRequestId"] == request_id


def test_an_invoice_refuses_the_request_and_the_order_goes_on_for_good(shop: Shop) -> None:
    order_id = shop.order(kind="plain")
    shop.steer("cancellations", order_id=order_id)
    order = shop.client.order(order_id)
    item = order["items"][0]
    line = InvoiceItem(item["id"], item["quantity"], item["price"])
    note = Invoice("128841", order["value"], "2026-03-10T15:04:05-03:00", items=(line,))

    shop.client.send_invoice(order_id, payloads.invoice_body(note))

    shop.clock.pass_by(timedelta(days=31).total_seconds())
    assert shop.status(order_id) == "invoiced"


def test_what_nobody_decides_on_is_canceled_after_30_days(shop: Shop) -> None:
    order_id = shop.order()
    shop.steer("cancellations", order_id=order_id)

    shop.clock.pass_by(timedelta(days=30).total_seconds() - 1)
    assert shop.status(order_id) == "cancellation-requested"
    shop.clock.pass_by(4)

    assert shop.status(order_id) == "canceled"


def test_a_change_can_write_items_totals_and_value_anew(shop: Shop) -> None:
    shop.steer("settings", changed_items="dropped")
    order_id = shop.order()
    before = shop.client.order(order_id)

    change = shop.steer("changes", order_id=order_id, quantities={"0": 0, "2": 7}, add="310045")

    after = shop.client.order(order_id)
    assert len(after["items"]) == len(before["items"])
    assert after["items"][0]["uniqueId"] == before["items"][1]["uniqueId"]
    assert after["items"][1]["quantity"] == 7
    assert after["items"][-1]["id"] == "310045"
    assert after["value"] == sum(one["value"] for one in after["totals"]) != before["value"]
    places = sorted(one["itemIndex"] for one in after["shippingData"]["logisticsInfo"])
    assert places == list(range(len(after["items"])))
    assert not shop.client.change_under_way(order_id)
    assert change


@pytest.mark.parametrize("form", ["requests", "list", "bare"])
def test_a_change_that_runs_is_under_way_until_it_ends(shop: Shop, form: str) -> None:
    shop.steer("settings", changes_form=form)
    order_id = shop.order()
    shop.steer("changes", order_id=order_id, add="310045")
    assert not shop.client.change_under_way(order_id)

    shop.steer("changes", order_id=order_id, add="310045", running=True)
    assert shop.client.change_under_way(order_id)

    shop.steer("changes", order_id=order_id, end="canceled")
    assert not shop.client.change_under_way(order_id)


@pytest.mark.parametrize(("end", "status"), [("retry", 204), ("cancel", 200)])
def test_a_change_ends_by_vtexs_routes_unless_it_fails(shop: Shop, end: str, status: int) -> None:
    order_id, stuck = shop.order(), shop.order(kind="repeated")
    request_id = shop.steer("changes", order_id=order_id, add="310045", running=True)
    before = shop.client.order(stuck)
    failed = shop.steer("changes", order_id=stuck, quantities={"0": 9}, fails=True)

    assert shop.post(order_id, request_id, end, reason="x") == status
    assert shop.post(stuck, failed, end, reason="x") == status
    assert shop.post(order_id, request_id, end) == 400
    assert shop.post(order_id, "nobody", end, reason="x") == 404

    assert not shop.client.change_under_way(order_id)
    assert shop.client.change_under_way(stuck)
    assert shop.client.order(stuck) == before


def test_a_changed_order_keeps_its_items_and_names_the_change(shop: Shop) -> None:
    order_id = shop.order()
    before = shop.client.order(order_id)
    first, second = before["items"][:2]

    shop.steer("changes", order_id=order_id, quantities={"0": 0})
    shop.steer("changes", order_id=order_id, quantities={"1": second["quantity"] + 2}, add="310045")

    after = shop.client.order(order_id)
    assert after["items"] == before["items"]
    removed, added = after["changesAttachment"]["changesData"]
    assert [(row["id"], row["quantity"]) for row in removed["itemsRemoved"]] == [
        (first["id"], first["quantity"])
    ]
    assert removed["itemsAdded"] == []
    assert [(row["id"], row["quantity"]) for row in added["itemsAdded"]] == [
        (second["id"], 2),
        ("310045", 1),
    ]
    totals = {total["id"]: total["value"] for total in after["totals"]}
    assert after["value"] == sum(totals.values())
    gone = first["priceDefinition"]["total"]
    assert (removed["discountValue"], removed["incrementValue"]) == (gone, 0)
    assert totals["Change"] == added["incrementValue"] - gone == after["value"] - before["value"]


def test_a_line_of_kept_items_is_removed_once(shop: Shop) -> None:
    order_id = shop.order()
    for _ in range(2):
        shop.steer("changes", order_id=order_id, quantities={"0": 0})

    first, second = shop.client.order(order_id)["changesAttachment"]["changesData"]

    assert (len(first["itemsRemoved"]), second["itemsRemoved"]) == (1, [])


def test_a_setting_of_changes_takes_its_words_alone(shop: Shop) -> None:
    answer = shop.steer("settings", status=400, changes_form="xml")

    assert answer["error"] == "changes_form: 'xml' is none of requests, list, bare"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"quantities": {"99": 1}}, "quantities.99: the order has no such item"),
        ({"quantities": {"0": -1}}, "quantities.0: -1 is no whole number"),
        ({"quantities": {"0": 0}}, "quantities: the order would have no items"),
        ({"add": "1"}, "add: '1' is no product"),
        ({"price": 1}, "price: is none of"),
        ({"order_id": "nobody-01"}, "order_id: 'nobody-01' is no order"),
    ],
)
def test_a_change_that_makes_no_sense_changes_nothing(
    shop: Shop, body: dict[str, Any], fault: str
) -> None:
    order_id = shop.order(kind="plain")
    before = shop.client.order(order_id)

    answer = shop.steer("changes", status=400, **{"order_id": order_id} | body)

    assert answer["error"].startswith(fault)
    assert shop.client.order(order_id) == before


def test_an_order_is_changed_in_handling_alone(shop: Shop) -> None:
    order_id = shop.order("ready-for-handling")

    answer = shop.steer("changes", status=400, order_id=order_id, add="310045")

    assert "an order that is ready-for-handling is not changed" in answer["error"]


def test_a_new_order_takes_the_place_of_another_and_the_list_finds_both(shop: Shop) -> None:
    old = shop.order()
    shop.clock.pass_by(60)

    new = shop.steer("replacements", order_id=old)

    assert (shop.status(old), shop.status(new)) == ("replaced", "ready-for-handling")
    group = shop.client.order(new)["orderGroup"]
    assert group == shop.client.order(old)["orderGroup"]
    assert [one.order_id for one in shop.client.search(group).orders] == [new, old]


def test_within_the_shoppers_own_window_a_request_cancels_at_once(shop: Shop) -> None:
    order_id = shop.order("window-to-cancel")

    shop.steer("cancellations", order_id=order_id)

    assert shop.status(order_id) == "cancel"


@pytest.mark.parametrize("over", ["canceled", "replaced", "invoiced"])
def test_what_is_over_is_not_canceled(shop: Shop, over: str) -> None:
    order_id = shop.order(over)

    answer = shop.steer("cancellations", status=400, order_id=order_id, final=True)

    assert answer["error"] == f"order_id: an order that is {over} is not canceled"
