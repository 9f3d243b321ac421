"""The Odoo adapter: each order becomes a confirmed sales order with an external id."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC

from erp.adapters.odoo import notes, sale_mapping
from erp.adapters.odoo.external_ids import Records, name
from erp.adapters.odoo.outbox import OdooOutbox
from erp.adapters.odoo.partners import Partners
from erp.adapters.odoo.rpc import OdooClient, OdooCollides, OdooRefuses, Row
from erp.adapters.odoo.sale_reader import Sales, is_half_made
from erp.adapters.odoo.url import address
from erp.adapters.shared.sale_notes import redacted, remark
from erp.port import ErpOrder, ErpRejected, ErpUnavailable, Event, Request
from erp.sales_order import SalesOrder
from foundation.foreign_values import money
from foundation.messages import erp as messages

NEEDED = {
    "sale.order": ("client_order_ref", "picking_ids", "invoice_ids"),
    "stock.picking": ("carrier_tracking_ref", "sale_id"),
}
"""Fields of the modules sale_management, sale_stock and delivery (stock_delivery)."""

QUIET = {"tracking_disable": True, "disable_cancel_warning": True}
TRIES = 6
"""Bound of the tries while others move the same sale."""


class OdooErp:
    """Writes sales orders to Odoo and polls their documents. It connects at first use.

    Args:
        url: ``odoo+https://USER:KEY@HOST/DATABASE``; see ``erp.adapters.odoo.url.Address``.
        clock: monotonic seconds, by which another worker's claim expires.

    Raises:
        ValueError: the URL is invalid. The message does not quote it.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._where = address(url)
        self._odoo = OdooClient(self._where)
        self._records = Records(self._odoo)
        self._sales = Sales(self._odoo, self._records)
        self._outbox = OdooOutbox(self._odoo, self._sales, clock)
        self._partners = Partners(self._odoo, self._records)

    def insert(self, order: SalesOrder) -> str:
        """Make a confirmed sale of an order once. Return its number."""
        try:
            sale = self._sales.row(order.store, order.order_id) or self._made(order)
            return self._confirmed(sale, order)
        except OdooRefuses as error:
            raise ErpRejected(redacted(error, order)) from None

    def _made(self, order: SalesOrder) -> Row:
        """Create the sale as a draft, or return the sale of a faster worker."""
        places = sale_mapping.quantity_places(self._odoo.fields("sale.order.line"))
        lines = sale_mapping.sold(order, self._where, places)
        products = self._products({line.code for line in lines})
        rows = sale_mapping.line_values(lines, products)
        partner, invoiced, shipped = self._partners.of(order)
        purchase_order = order.context.purchase_order_number
        named_by = order.order_id if purchase_order else order.sequence or ""
        values = {
            "partner_id/.id": str(partner),
            "partner_invoice_id/.id": str(invoiced),
            "partner_shipping_id/.id": str(shipped),
            "client_order_ref": purchase_order or order.order_id,
            "origin": f"VTEX {order.store} {named_by}".strip(),
            "date_order": f"{order.placed_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        }
        seller = str(order.code("channel") or order.store)
        if team := self._partners.named("crm.team", "name", seller):
            values["team_id/.id"] = str(team)
        values |= self._branch(order)
        named = name("order", order.store, order.order_id)
        return self._again(self._records.made("sale.order", named, values, rows))

    def _branch(self, order: SalesOrder) -> dict[str, str]:
        code = order.code("branch")
        if code is None:
            return {}
        warehouse = self._partners.named("stock.warehouse", "code", str(code))
        if warehouse is None:
            raise ErpRejected(messages.WAREHOUSE_MISSING(erp="Odoo", code=code))
        return {"warehouse_id/.id": str(warehouse)}

    def _confirmed(self, sale: Row, order: SalesOrder) -> str:
        """Confirm a draft, which a dead worker may have left behind."""
        refusal: OdooRefuses | None = None
        for _ in range(TRIES):
            if not is_half_made(sale):
                return str(sale["name"])
            self._require_same(sale, order)
            words = notes.body(remark(order).splitlines(), notes.ORDER)
            self._sales.note(sale["id"], name("note", str(sale["id"])), words)
            try:
                self._odoo.call("sale.order", "action_confirm", ids=[sale["id"]], context=QUIET)
            except OdooRefuses as error:
                # The slower worker gets this error, too. Read the state.
                if refusal is not None:
                    raise
                refusal = error
            except OdooCollides:
                # Of concurrent confirmations one succeeds. The others get this error.
                refusal = None
            sale = self._again(sale["id"])
        raise ErpUnavailable(messages.CHANGED_BY_OTHERS())

    def _require_same(self, sale: Row, order: SalesOrder) -> None:
        total, currency = money(sale["amount_total"]), sale["currency_id"][1]
        if total == order.total and currency == order.currency:
            return
        with suppress(OdooRefuses):
            self._odoo.call("sale.order", "unlink", ids=[sale["id"]])
        raise ErpRejected(
            messages.TOTAL_DIFFERS(
                sale=f"{total} {currency}", order=f"{order.total} {order.currency}"
            )
        )

    def _again(self, number: int) -> Row:
        sale = self._sales.rows([number]).get(number)
        if sale is None:
            raise ErpUnavailable(messages.SALE_GONE())
        return sale

    def find(self, store: str, order_id: str) -> str | None:
        """Return the number of an order's confirmed sale, or ``None``."""
        sale = self._sales.row(store, order_id)
        return None if sale is None or is_half_made(sale) else str(sale["name"])

    def look_up(self, store: str, order_ids: Sequence[str]) -> dict[str, ErpOrder]:
        """Return the known orders with their totals and cancellations."""
        named = {name("order", store, order_id): order_id for order_id in order_ids}
        numbers = self._records.numbers("sale.order", list(named))
        rows = self._sales.rows(list(numbers.values()))
        sales = self._sales.ours(list(rows))
        return {
            named[external_id]: _held(rows[number], sales[number])
            for external_id, number in numbers.items()
            if number in sales and number in rows
        }

    def report(self, event: Event) -> None:
        """Note a change or an outcome on the sale once."""
        # Without a sale the note has no place, and a request has no sender.
        row = self._sales.row(event.store, event.order_id)
        if row is None:
            return
        number = row["id"]
        if event.outcome not in (None, "done") and event.reference:
            sale = self._sales.ours([number]).get(number)
            if sale and notes.ending(sale, event.reference) == "done":
                return
        try:
            self._sales.note(number, notes.event_name(number, event), notes.of_event(event))
        except OdooRefuses as error:
            raise ErpUnavailable(messages.NOTES_DENIED(erp="Odoo", error=error)) from None
        if event.outcome is None and event.kind in notes.GONE:
            self._call_off(row)

    def _call_off(self, row: Row) -> None:
        """Cancel an open sale. After a delivery or an invoice, a person decides by the note."""
        if row["state"] in ("cancel", "done") or row["invoice_ids"]:
            return
        sent = [["id", "in", row["picking_ids"]], ["state", "=", "done"]]
        if row["picking_ids"] and self._odoo.search("stock.picking", sent, ("state",), limit=1):
            return
        with suppress(OdooRefuses):
            self._odoo.call("sale.order", "action_cancel", ids=[row["id"]], context=QUIET)

    def poll_outbox(self, take: Callable[[Request], None], limit: int) -> int:
        """Pass posted invoices, deliveries with tracking and canceled sales to ``take``."""
        return self._outbox.poll_outbox(take, limit)

    def migrate(self) -> None:
        """Create the missing ones of three services, without taxes."""
        fields = self._odoo.fields("product.product")
        for code in self._missing():
            values = {"name": code, "default_code": code, "type": "service", "taxes_id": ""}
            if "invoice_policy" in fields:
                values["invoice_policy"] = "order"
            try:
                self._records.made("product.product", name("product", code), values)
            except OdooRefuses as error:
                raise ErpRejected(messages.ODOO_SERVICE_REFUSED(code=code, error=error)) from None

    def check(self) -> str:
        """Describe the protocol and the gaps in Odoo's set-up."""
        for model, needed in NEEDED.items():
            try:
                missing = sorted(set(needed) - set(self._odoo.fields(model)))
            except OdooRefuses:
                missing = list(needed)
            if missing:
                raise ErpRejected(
                    messages.ODOO_FIELDS_MISSING(fields=", ".join(missing), model=model)
                )
        if missing := self._missing():
            raise ErpRejected(
                messages.SERVICE_MISSING(erp="Odoo", field="reference", codes=", ".join(missing))
            )
        self._records.numbers("sale.order", ["nobody"])
        return f"Odoo over {self._odoo.protocol}, invoices as {self._sales.invoices.model}"

    def close(self) -> None:
        """Close all connections."""
        self._odoo.close()

    # --- records of a sale --------------------------------------------------------------------

    def _missing(self) -> list[str]:
        services = {self._where.freight, self._where.discount, self._where.other}
        return sorted(services - set(self._products(services)))

    def _products(self, codes: set[str]) -> dict[str, int]:
        # Ascending order: of two products with one reference, the older one is used.
        products = self._odoo.search(
            "product.product",
            [["default_code", "in", sorted(codes)], ["sale_ok", "=", True]],
            ("default_code",),
            order="id desc",
        )
        return {product["default_code"]: product["id"] for product in products}


def _held(row: Row, sale: notes.Sale) -> ErpOrder:
    """Return a sale's state. Its total is unknown while Odoo lacks a reported change."""
    total = money(row["amount_total"])
    canceled = sale.state == "cancel" or notes.is_reported_canceled(sale)
    reported = notes.reported_total(sale)
    return ErpOrder(str(row["name"]), total if reported in (None, total) else None, canceled)
