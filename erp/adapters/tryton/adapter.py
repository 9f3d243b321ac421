"""The Tryton 8.2 adapter: each order becomes a confirmed sale of its store's web shop."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from erp.adapters.shared.sale_notes import BRASILIA, redacted, remark
from erp.adapters.tryton import notes, sale_mapping
from erp.adapters.tryton.outbox import TrytonOutbox
from erp.adapters.tryton.rest_client import Row, TrytonClient, TrytonRefuses, address, batched
from erp.port import ErpOrder, ErpRejected, ErpUnavailable, Event, Request
from erp.sales_order import PostalAddress, SalesOrder
from foundation.messages import erp as messages

MODULES = ("sale", "web_shop", "sale_shipment_cost", "account_invoice_stock")
SALE = ("state", "number", "total_amount")
SHOP = ("company", "currency.code")
CALL_OFF = {"draft": ("cancel",), "quotation": ("cancel",), "confirmed": ("draft", "cancel")}
NEXT = {"cancelled": "draft", "draft": "quote", "quotation": "confirm"}
"""Buttons that lead to a confirmed sale. Tryton cancels drafts that look abandoned."""

TRIES = 6
"""Bound of the tries while others move the same sale."""


class TrytonErp:
    """Writes sales orders to Tryton and polls their documents. It connects at first use.

    Args:
        url: ``tryton+https://USER:KEY@HOST/DATABASE``; see ``rest_client.Address``.
        clock: monotonic seconds, by which another worker's claim expires.

    Raises:
        ValueError: the URL is invalid. The message does not quote it.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._where = address(url)
        self._rest = TrytonClient(self._where)
        self._outbox = TrytonOutbox(self._rest, clock)
        self._seldom: dict[tuple[str, str], Row] = {}
        # A new customer's orders may come together. One of them creates the party per process.
        self._making_parties = threading.Lock()

    def insert(self, order: SalesOrder) -> str:
        """Make a confirmed sale of an order once. Return its number."""
        try:
            return self._insert(order)
        except TrytonRefuses as error:
            raise ErpRejected(redacted(error, order)) from None

    def _insert(self, order: SalesOrder) -> str:
        shop = self._named("web.shop", "name", order.store, fields=SHOP)
        if shop is None:
            raise ErpRejected(messages.TRYTON_SHOP_MISSING(store=order.store))
        sale = self._sale(order.store, order.order_id) or self._made(order, shop)
        return self._confirmed(sale, order, shop["company"])

    def _made(self, order: SalesOrder, shop: Row) -> Row:
        """Create the sale as a draft, or return the sale of a faster worker."""
        values = self._values(order, shop)
        try:
            return self._rest.create("sale.sale", values, SALE, shop["company"])
        except TrytonRefuses:
            # The error of a duplicate is translated. Read the sale instead.
            if sale := self._sale(order.store, order.order_id):
                return sale
            raise

    def _values(self, order: SalesOrder, shop: Row) -> Row:
        lines = sale_mapping.sold(order, self._where)
        values = sale_mapping.line_values(lines, self._products({line.code for line in lines}))
        party, invoiced, shipped = self._party(order)
        return self._branch(order) | {
            "company": shop["company"],
            "currency": self._currency(order.currency, shop),
            "party": party,
            "invoice_address": invoiced,
            "shipment_address": shipped,
            "web_shop": shop["id"],
            "web_id": order.order_id,
            "reference": order.context.purchase_order_number or order.sequence,
            "sale_date": order.placed_at.astimezone(BRASILIA).date(),
            # Without a carrier, Tryton's default method fails its own check.
            "shipment_cost_method": None,
            "lines": [["create", values]],
            "notes": [["create", [{"message": notes.of_order(remark(order))}]]],
        }

    def _confirmed(self, sale: Row, order: SalesOrder, company: int) -> str:
        """Quote and confirm a sale, which a dead worker may have left in any state."""
        refusal: TrytonRefuses | None = None
        for _ in range(TRIES):
            # A number means that it was quoted. Then a clerk has reset or canceled it.
            step = NEXT.get(sale["state"])
            if step is None or (sale["number"] and sale["state"] != "quotation"):
                return str(sale["number"])
            if not sale["number"] and sale["total_amount"] != order.total:
                self._undo(sale, company)
                raise ErpRejected(
                    messages.TOTAL_DIFFERS(sale=sale["total_amount"], order=order.total)
                )
            before = sale["state"]
            try:
                sale = self._rest.act("sale.sale", sale["id"], step, SALE, company)
            except TrytonRefuses as error:
                # The slower worker gets this error, too. Read the state.
                if refusal is not None:
                    raise
                refusal = error
                sale = self._again(order)
            if sale["state"] != before:
                refusal = None
        raise ErpUnavailable(messages.CHANGED_BY_OTHERS())

    def _again(self, order: SalesOrder) -> Row:
        sale = self._sale(order.store, order.order_id)
        if sale is None:
            raise ErpUnavailable(messages.SALE_GONE())
        return sale

    def _undo(self, sale: Row, company: int) -> None:
        if sale["state"] != "cancelled":
            self._rest.act("sale.sale", sale["id"], "cancel", ("state",), company)
        self._rest.delete("sale.sale", sale["id"])

    def find(self, store: str, order_id: str) -> str | None:
        """Return the number of an order's confirmed sale, or ``None``."""
        sale = self._sale(store, order_id)
        return sale["number"] if sale else None

    def look_up(self, store: str, order_ids: Sequence[str]) -> dict[str, ErpOrder]:
        """Return the known orders with their totals and cancellations."""
        fields = ("web_id", *SALE, *notes.STANDING)
        shop = ["web_shop.name", "=", store]
        return {
            sale["web_id"]: ErpOrder(sale["number"], sale["total_amount"], notes.is_canceled(sale))
            for some in batched(order_ids)
            for sale in self._rest.search("sale.sale", [shop, ["web_id", "in", some]], fields)
            if sale["number"]
        }

    def report(self, event: Event) -> None:
        """Note a change or an outcome on the sale once."""
        domain = [["web_shop.name", "=", event.store], ["web_id", "=", event.order_id]]
        sales = self._rest.search("sale.sale", domain, ("state", "notes.message"), limit=1)
        # Without a sale the note has no place, and a request has no sender.
        if not sales:
            return
        sale = sales[0]
        if not notes.has(sale, event) and not _is_late(sale, event):
            new = [["create", [{"message": notes.of_event(event)}]]]
            self._rest.update("sale.sale", sale["id"], {"notes": new}, ("state",))
        if notes.is_over(event):
            self._call_off(sale)

    def _call_off(self, sale: Row) -> None:
        """Cancel a sale that is not being processed. For others, a person reads the note."""
        with suppress(TrytonRefuses):
            for step in CALL_OFF.get(sale["state"], ()):
                self._rest.act("sale.sale", sale["id"], step, ("state",), None)

    def poll_outbox(self, take: Callable[[Request], None], limit: int) -> int:
        """Pass posted invoices, shipments with tracking and canceled sales to ``take``."""
        return self._outbox.poll_outbox(take, limit)

    def migrate(self) -> None:
        """Return at once: Tryton's own people set it up (docs/erp/tryton.md)."""

    def check(self) -> str:
        """Describe the Tryton and the gaps in its set-up."""
        domain = [["name", "in", list(MODULES)], ["state", "=", "activated"]]
        modules = self._rest.search("ir.module", domain, ("name", "version"))
        if missing := sorted(set(MODULES) - {module["name"] for module in modules}):
            raise ErpRejected(messages.TRYTON_MODULES_MISSING(modules=", ".join(missing)))
        shops = self._rest.search("web.shop", [], ("name",))
        if not shops:
            raise ErpRejected(messages.TRYTON_SHOPS_MISSING())
        where = self._where
        services = {where.freight, where.discount, where.other}
        if unknown := sorted(services - set(self._products(services))):
            raise ErpRejected(
                messages.SERVICE_MISSING(erp="Tryton", field="code", codes=", ".join(unknown))
            )
        version = next(filter(None, (module["version"] for module in modules)), "of no version")
        names = ", ".join(sorted(shop["name"] for shop in shops))
        return f"Tryton {version}, web shops {names}"

    def close(self) -> None:
        """Close all connections."""
        self._rest.close()

    # --- records of a sale --------------------------------------------------------------------

    def _sale(self, store: str, order_id: str) -> Row | None:
        domain = [["web_shop.name", "=", store], ["web_id", "=", order_id]]
        sales = self._rest.search("sale.sale", domain, SALE, limit=1)
        return sales[0] if sales else None

    def _products(self, codes: set[str]) -> dict[str, Row]:
        salable = ["salable", "=", True]
        return {
            product["code"]: product
            for some in batched(sorted(codes))
            for product in self._rest.search(
                "product.product", [salable, ["code", "in", some]], ("code", "sale_uom.digits")
            )
        }

    def _branch(self, order: SalesOrder) -> Row:
        code = order.code("branch")
        if code is None:
            return {}
        warehouse = self._named("stock.location", "code", str(code), ["type", "=", "warehouse"])
        if warehouse is None:
            raise ErpRejected(messages.WAREHOUSE_MISSING(erp="Tryton", code=code))
        return {"warehouse": warehouse["id"]}

    def _currency(self, code: str, shop: Row) -> int:
        if shop["currency"]["code"] == code:
            return int(shop["currency"]["id"])
        currency = self._named("currency.currency", "code", code)
        if currency is None:
            raise ErpRejected(messages.TRYTON_CURRENCY_MISSING(code=code))
        return int(currency["id"])

    def _named(
        self, model: str, field: str, code: str, *more: list[str], fields: Sequence[str] = ("code",)
    ) -> Row | None:
        """Return the first record with a code, such as a country. The result is cached."""
        if (model, code) not in self._seldom:
            rows = self._rest.search(model, [[field, "=", code], *more], fields, limit=1)
            if not rows:
                return None
            self._seldom[model, code] = rows[0]
        return self._seldom[model, code]

    def _party(self, order: SalesOrder) -> tuple[int, int, int]:
        """Return party, invoice address and shipment address. Create missing ones."""
        billing = order.customer_address
        wanted = [
            self._address(address, order)
            for address in (billing, order.shipping_address or billing)
        ]
        party = self._known(order)
        if party is None or None in _matches(party, wanted):
            with self._making_parties:
                party = self._known(order) or self._new_party(order, wanted)
                party = self._with_addresses(party, wanted)
        invoiced, shipped = _matches(party, wanted)
        if invoiced is None or shipped is None:
            raise ErpUnavailable(messages.HIDDEN(erp="Tryton", record="an address"))
        return party["id"], invoiced, shipped

    def _known(self, order: SalesOrder) -> Row | None:
        domain: list[Any] = [["code", "=", sale_mapping.party_code(order)]]
        if order.customer.document:
            by_number = ["identifiers.code_compact", "=", order.customer.document]
            domain = ["OR", *domain, by_number]
        fields = [f"addresses.{field}" for field in sale_mapping.SAME]
        parties = self._rest.search("party.party", domain, fields, order=[["id", "ASC"]], limit=1)
        return parties[0] if parties else None

    def _new_party(self, order: SalesOrder, wanted: Sequence[Row]) -> Row:
        code = sale_mapping.party_code(order)
        values = sale_mapping.party_values(order.customer, code)
        addresses = [wanted[0]] if wanted[0] == wanted[1] else list(wanted)
        values["addresses"] = [["create", addresses]]
        fields = [f"addresses.{field}" for field in sale_mapping.SAME]
        try:
            return self._rest.create("party.party", values, fields, None)
        except TrytonRefuses:
            # The code is unique. Another process created the party meanwhile.
            if party := self._known(order):
                return party
            raise

    def _with_addresses(self, party: Row, wanted: Sequence[Row]) -> Row:
        for values in wanted:
            if _matches(party, [values]) == [None]:
                made = self._rest.create(
                    "party.address", values | {"party": party["id"]}, sale_mapping.SAME, None
                )
                party = party | {"addresses": [*party["addresses"], made]}
        return party

    def _address(self, place: PostalAddress | None, order: SalesOrder) -> Row:
        country = state = None
        if place is not None and place.country:
            country = self._named("country.country", "code3", place.country)
        if place is not None and country and place.state:
            name = f"{country['code']}-{place.state}"
            state = self._named("country.subdivision", "code", name)
        return sale_mapping.address_values(place, order.customer.name, _id(country), _id(state))


def _is_late(sale: Row, event: Event) -> bool:
    """Return whether a reported failure is older than a success."""
    if event.outcome in (None, "done") or event.reference is None:
        return False
    return notes.ending(sale, event.reference) == "done"


def _matches(party: Row, wanted: Sequence[Row]) -> list[int | None]:
    known = party["addresses"]
    return [
        next((row["id"] for row in known if sale_mapping.is_same(values, row)), None)
        for values in wanted
    ]


def _id(record: Row | None) -> int | None:
    return None if record is None else int(record["id"])
