"""Odoo over HTTP: each order a confirmed sales order, named by an external id."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

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

NEEDED = {
    "sale.order": ("client_order_ref", "picking_ids", "invoice_ids"),
    "stock.picking": ("carrier_tracking_ref", "sale_id"),
}
"""Fields that come with the modules sale_management, sale_stock and delivery (stock_delivery)."""

QUIET = {"tracking_disable": True, "disable_cancel_warning": True}
TRIES = 6
"""Looks at a sale that others may be moving on as well."""


class OdooErp:
    """Writes sales orders to Odoo and reads what became of them. Connects at first use.

    Args:
        url: ``odoo+https://USER:KEY@HOST/DATABASE``; see ``odoo_address.Address``.
        clock: seconds that only go forward; by them another worker's claim lapses.

    Raises:
        ValueError: the URL lacks something; says what, without the URL.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._where = address(url)
        self._odoo = OdooClient(self._where)
        self._records = Records(self._odoo)
        self._sales = Sales(self._odoo, self._records)
        self._outbox = OdooOutbox(self._odoo, self._sales, clock)
        self._partners = Partners(self._odoo, self._records)

    def insert(self, order: SalesOrder) -> str:
        """Make a confirmed sale of an order, once; return its number."""
        try:
            sale = self._sales.row(order.store, order.order_id) or self._made(order)
            return self._confirmed(sale, order)
        except OdooRefuses as error:
            raise ErpRejected(redacted(str(error), order)) from None

    def _made(self, order: SalesOrder) -> Row:
        """Create the sale as a draft; where a racing worker was first, return its sale."""
        lines = sale_mapping.sold(order, self._where)
        products = self._products({line.code for line in lines})
        rows = sale_mapping.line_values(lines, products)
        partner, invoiced, shipped = self._partners.of(order)
        values = {
            "partner_id/.id": str(partner),
            "partner_invoice_id/.id": str(invoiced),
            "partner_shipping_id/.id": str(shipped),
            "client_order_ref": order.order_id,
            "origin": f"VTEX {order.store} {order.sequence or ''}".strip(),
            "date_order": sale_mapping.ordered_at(order),
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
            raise ErpRejected(
                f"Odoo has no warehouse of code {code}: make it, or mend [branch] of "
                "ERP_CODE_MAP_FILE, then retry"
            )
        return {"warehouse_id/.id": str(warehouse)}

    def _confirmed(self, sale: Row, order: SalesOrder) -> str:
        """Confirm what is not; a worker that died may have left it as a draft."""
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
                # Also said to whoever comes second: looking tells.
                if refusal is not None:
                    raise
                refusal = error
            except OdooCollides:
                # Of those who confirm at once one gets through, and Odoo tells the others this.
                refusal = None
            sale = self._again(sale["id"])
        raise ErpUnavailable("the sale is moved on and back by others")

    def _require_same(self, sale: Row, order: SalesOrder) -> None:
        total, currency = money(sale["amount_total"]), sale["currency_id"][1]
        if total == order.total and currency == order.currency:
            return
        with suppress(OdooRefuses):
            self._odoo.call("sale.order", "unlink", ids=[sale["id"]])
        raise ErpRejected(
            f"total: the sale would come to {total} {currency}, the order to {order.total} "
            f"{order.currency}: see that Odoo adds no tax or rounding to it and sells in that "
            "currency, then retry"
        )

    def _again(self, number: int) -> Row:
        sale = self._sales.rows([number]).get(number)
        if sale is None:
            raise ErpUnavailable("the sale is gone that was there before")
        return sale

    def find(self, store: str, order_id: str) -> str | None:
        """Return the number of an order's sale; None if there is none, or it is but half made."""
        sale = self._sales.row(store, order_id)
        return None if sale is None or is_half_made(sale) else str(sale["name"])

    def look_up(self, store: str, order_ids: Sequence[str]) -> dict[str, ErpOrder]:
        """Return the orders that are there, with their totals and whether they were canceled."""
        named = {name("order", store, one): one for one in order_ids}
        numbers = self._records.numbers("sale.order", list(named))
        rows = self._sales.rows(list(numbers.values()))
        sales = self._sales.ours(list(rows))
        return {
            named[one]: _held(rows[number], sales[number])
            for one, number in numbers.items()
            if number in sales and number in rows
        }

    def report(self, event: Event) -> None:
        """Note on the sale what became of the order or a request; once."""
        # Of an order that Odoo never had there is nowhere to write, and nobody who asked.
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
            raise ErpUnavailable(f"the user of Odoo's key may not note on sales: {error}") from None
        if event.outcome is None and event.kind in notes.GONE:
            self._call_off(row)

    def _call_off(self, row: Row) -> None:
        """Cancel a sale of which nothing was sent or invoiced; else a person must, by the note."""
        if row["state"] in ("cancel", "done") or row["invoice_ids"]:
            return
        sent = [["id", "in", row["picking_ids"]], ["state", "=", "done"]]
        if row["picking_ids"] and self._odoo.search("stock.picking", sent, ("state",), limit=1):
            return
        with suppress(OdooRefuses):
            self._odoo.call("sale.order", "action_cancel", ids=[row["id"]], context=QUIET)

    def poll_outbox(self, take: Callable[[Request], None], limit: int) -> int:
        """Give ``take`` posted invoices, deliveries with tracking, canceled sales."""
        return self._outbox.poll_outbox(take, limit)

    def migrate(self) -> None:
        """Make the three services that are missing, without taxes."""
        fields = self._odoo.fields("product.product")
        for code in self._missing():
            values = {"name": code, "default_code": code, "type": "service", "taxes_id": ""}
            if "invoice_policy" in fields:
                values["invoice_policy"] = "order"
            try:
                self._records.made("product.product", name("product", code), values)
            except OdooRefuses as error:
                raise ErpRejected(f"make a service of reference {code} yourself: {error}") from None

    def check(self) -> str:
        """Say which protocol answered and what Odoo's set-up lacks."""
        for model, needed in NEEDED.items():
            try:
                missing = sorted(set(needed) - set(self._odoo.fields(model)))
            except OdooRefuses:
                missing = list(needed)
            if missing:
                raise ErpRejected(
                    f"Odoo lacks {', '.join(missing)} of {model}: install the modules "
                    "sale_management, stock, delivery (17 and later: stock_delivery) and invoicing"
                )
        if missing := self._missing():
            raise ErpRejected(
                f"Odoo has no product of reference {', '.join(missing)}: run vtex-erp migrate, or "
                "make it"
            )
        self._records.numbers("sale.order", ["nobody"])
        return f"Odoo over {self._odoo.protocol}, invoices as {self._sales.invoices.model}"

    def close(self) -> None:
        """Give back all connections."""
        self._odoo.close()

    # --- what a sale refers to ----------------------------------------------------------------

    def _missing(self) -> list[str]:
        services = {self._where.freight, self._where.discount, self._where.other}
        return sorted(services - set(self._products(services)))

    def _products(self, codes: set[str]) -> dict[str, int]:
        # Ascending, so that of two products of one reference the older one is taken.
        found = self._odoo.search(
            "product.product",
            [["default_code", "in", sorted(codes)], ["sale_ok", "=", True]],
            ("default_code",),
            order="id desc",
        )
        return {one["default_code"]: one["id"] for one in found}


def _held(row: Row, sale: notes.Sale) -> ErpOrder:
    """Return a sale as it is held; of a change that nobody made there the total is not told."""
    total = money(row["amount_total"])
    canceled = sale.state == "cancel" or notes.is_told_canceled(sale)
    told = notes.told_total(sale)
    return ErpOrder(str(row["name"]), total if told in (None, total) else None, canceled)
