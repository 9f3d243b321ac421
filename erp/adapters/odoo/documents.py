"""Turns Odoo's invoices, deliveries and canceled sales into requests."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from erp.adapters.odoo import notes
from erp.adapters.odoo.notes import Sale
from erp.adapters.odoo.rpc import OdooClient, Row
from erp.adapters.odoo.sale_reader import Sales
from erp.adapters.shared import change_polling, sale_notes
from erp.port import Request
from foundation.foreign_values import bounded_number, cents, money
from vtex.payloads import series_in

DocumentRequest = change_polling.DocumentRequest[Sale]


@dataclass(frozen=True, slots=True)
class OdooStream:
    """Documents of one kind.

    Attributes:
        domain: search domain of documents that may make requests.
        asked: function from ids to requests. Foreign documents make none.
        of: function from sales to their documents.
    """

    model: str
    domain: Sequence[Any]
    asked: Callable[[Sequence[int]], Mapping[int, list[DocumentRequest]]]
    of: Callable[[Sequence[int]], set[int]]


class Documents:
    """Reads documents whole. Each method raises ErpUnavailable."""

    def __init__(self, odoo: OdooClient, sales: Sales) -> None:
        self._odoo = odoo
        self._sales = sales

    def streams(self) -> list[OdooStream]:
        """Return the three kinds in VTEX's order."""
        kind = self._sales.invoices
        posted = [[kind.kind, "=", "out_invoice"], ["state", "in", list(kind.posted)]]
        sent = [
            ["state", "=", "done"],
            ["picking_type_id.code", "=", "outgoing"],
            ["carrier_tracking_ref", "!=", False],
            ["sale_id", "!=", False],
        ]
        return [
            OdooStream(kind.model, posted, self._invoices, self._invoices_of),
            OdooStream("stock.picking", sent, self._pickings, self._pickings_of),
            OdooStream("sale.order", [["state", "=", "cancel"]], self._canceled, set),
        ]

    def _invoices_of(self, sales: Sequence[int]) -> set[int]:
        lines = self._lines([["sale_line_ids.order_id", "in", list(sales)]])
        return {line[self._sales.invoices.link][0] for line in lines}

    def _pickings_of(self, sales: Sequence[int]) -> set[int]:
        pickings = self._odoo.search(
            "stock.picking", [["sale_id", "in", list(sales)]], ("sale_id",)
        )
        return {picking["id"] for picking in pickings}

    def _canceled(self, numbers: Sequence[int]) -> dict[int, list[DocumentRequest]]:
        return {
            number: [DocumentRequest(sale, _cancellation(sale), "cancellation")]
            for number, sale in self._sales.ours(numbers).items()
            if not notes.is_reported_canceled(sale)
        }

    def _invoices(self, numbers: Sequence[int]) -> dict[int, list[DocumentRequest]]:
        kind = self._sales.invoices
        fields = (kind.number, kind.date, "amount_total", *kind.references)
        invoices = self._odoo.search(kind.model, [["id", "in", list(numbers)]], fields)
        lines = self._lines([[kind.link, "in", list(numbers)], ["sale_line_ids", "!=", False]])
        of_lines = self._sold(lines)
        sales = self._sales.ours({line["order_id"][0] for line in of_lines.values()})
        return {
            invoice["id"]: list(self._asked_of(invoice, lines, of_lines, sales))
            for invoice in invoices
        }

    def _asked_of(
        self, invoice: Row, lines: list[Row], sold: Mapping[int, Row], sales: Mapping[int, Sale]
    ) -> Iterator[DocumentRequest]:
        kind = self._sales.invoices
        of_sale: dict[int, list[tuple[Row, str]]] = {}
        for line in lines:
            first = next((sold[number] for number in line["sale_line_ids"] if number in sold), None)
            if first and line[kind.link][0] == invoice["id"]:
                of_sale.setdefault(first["order_id"][0], []).append((line, first["name"]))
        for number in set(of_sale) & set(sales):
            own, value = of_sale[number], money(invoice["amount_total"])
            if len(of_sale) > 1:
                value = sum((money(line[kind.amount]) for line, _ in own), Decimal(0))
            if value > 0 or value == money(sales[number].total):
                yield self._invoice(invoice, sales[number], value, own)

    def _invoice(
        self, invoice: Row, sale: Sale, value: Decimal, own: list[tuple[Row, str]]
    ) -> DocumentRequest:
        nota, key = self._number(invoice)
        fields = _named(sale) | {
            "invoice_number": nota,
            "value_cents": cents(value),
            "issued_at": _midnight(invoice[self._sales.invoices.date]),
        }
        if key:
            fields["invoice_key"] = key
        if value != money(sale.total) and (items := self._items(own)):
            fields["items"] = items
        request = Request("invoice", f"odoo:invoice:{invoice['id']}", fields)
        return DocumentRequest(sale, request, f"invoice {nota}")

    def _items(self, own: list[tuple[Row, str]]) -> list[Mapping[str, Any]]:
        amount = self._sales.invoices.amount
        return list(
            sale_notes.items(
                (text, bounded_number(line["quantity"]), money(line[amount])) for line, text in own
            )
        )

    def _number(self, invoice: Row) -> tuple[str, str | None]:
        """Return an invoice's number, and its NF-e access key if a field holds one."""
        kind = self._sales.invoices
        texts = (str(invoice[field] or "") for field in kind.references)
        return sale_notes.nota_of(*texts) or (str(invoice[kind.number]), None)

    def _pickings(self, numbers: Sequence[int]) -> dict[int, list[DocumentRequest]]:
        fields = ("sale_id", "carrier_tracking_ref", "carrier_id", "date_done")
        pickings = self._odoo.search("stock.picking", [["id", "in", list(numbers)]], fields)
        sales = self._sales.ours(
            {picking["sale_id"][0] for picking in pickings if picking["sale_id"]}
        )
        invoices, billed = self._posted_of(list(sales))
        sent = self._sent(numbers)
        made: dict[int, list[DocumentRequest]] = {}
        for picking in pickings:
            sale = sales.get(picking["sale_id"][0]) if picking["sale_id"] else None
            if sale is None:
                continue
            of_sale = sorted(billed.get(sale.number, {}).items())
            same = [number for number, lines in of_sale if lines & sent.get(picking["id"], set())]
            first = next(iter([*same, *(number for number, _ in of_sale)]), None)
            made[picking["id"]] = [
                DocumentRequest(sale, None)
                if first is None
                else self._tracking(picking, sale, invoices[first])
            ]
        return made

    def _tracking(self, picking: Row, sale: Sale, invoice: Row) -> DocumentRequest:
        code = picking["carrier_tracking_ref"].strip()
        number, key = self._number(invoice)
        fields = _named(sale) | {"invoice_number": number}
        if series := series_in(key):
            fields["invoice_series"] = series
        if picking["carrier_id"]:
            fields["courier"] = picking["carrier_id"][1]
        if picking["date_done"]:
            fields["dispatched_at"] = f"{picking['date_done'].replace(' ', 'T')[:19]}+00:00"
        request = sale_notes.tracking(f"odoo:picking:{picking['id']}", code, fields)
        return DocumentRequest(sale, request, f"tracking {code}")

    def _posted_of(self, sales: list[int]) -> tuple[dict[int, Row], dict[int, dict[int, set[int]]]]:
        """Return posted invoices, and the lines of each sale in each invoice."""
        kind = self._sales.invoices
        if not sales:
            return {}, {}
        lines = self._lines([["sale_line_ids.order_id", "in", sales]])
        wanted = sorted({line[kind.link][0] for line in lines})
        domain = [
            ["id", "in", wanted],
            ["state", "in", list(kind.posted)],
            [kind.kind, "=", "out_invoice"],
        ]
        rows = self._odoo.search(kind.model, domain, (kind.number, *kind.references))
        invoices = {row["id"]: row for row in rows}
        sold = self._sold(lines)
        billed: dict[int, dict[int, set[int]]] = {}
        for line in lines:
            number = line[kind.link][0]
            for line_id in line["sale_line_ids"]:
                if number in invoices and line_id in sold:
                    of_sale = billed.setdefault(sold[line_id]["order_id"][0], {})
                    of_sale.setdefault(number, set()).add(line_id)
        return invoices, billed

    def _lines(self, domain: Sequence[Any]) -> list[Row]:
        kind = self._sales.invoices
        return self._odoo.search(
            kind.line, domain, (kind.link, "sale_line_ids", "quantity", kind.amount)
        )

    def _sold(self, lines: list[Row]) -> dict[int, Row]:
        wanted = sorted({number for line in lines for number in line["sale_line_ids"]})
        if not wanted:
            return {}
        rows = self._odoo.search("sale.order.line", [["id", "in", wanted]], ("order_id", "name"))
        return {row["id"]: row for row in rows}

    def _sent(self, numbers: Sequence[int]) -> dict[int, set[int]]:
        """Return the sale lines of each delivery. Odoo has them from version 11 on."""
        sent: dict[int, set[int]] = {}
        if "sale_line_id" in self._odoo.fields("stock.move"):
            domain = [["picking_id", "in", list(numbers)], ["sale_line_id", "!=", False]]
            for move in self._odoo.search("stock.move", domain, ("picking_id", "sale_line_id")):
                sent.setdefault(move["picking_id"][0], set()).add(move["sale_line_id"][0])
        return sent


def _named(sale: Sale) -> dict[str, Any]:
    return {"store": sale.store, "order_id": sale.order_id}


def _cancellation(sale: Sale) -> Request:
    return sale_notes.cancellation(f"odoo:cancel:{sale.number}", notes.reason(sale), _named(sale))


def _midnight(day: str | None) -> str:
    today = datetime.now(UTC).astimezone(sale_notes.BRASILIA).date()
    return sale_notes.midnight(date.fromisoformat(day[:10]) if day else today)
