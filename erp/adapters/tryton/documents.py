"""Turns Tryton's invoices, shipments and canceled sales into requests. Pure functions."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from erp.adapters.shared import change_polling, sale_notes
from erp.adapters.tryton import notes
from erp.adapters.tryton.rest_client import Row
from erp.port import Request
from foundation.foreign_values import bounded_number, cents
from vtex.payloads import series_in

POSTED = ("posted", "paid")


DocumentRequest = change_polling.DocumentRequest[Row]


@dataclass(frozen=True, slots=True)
class TrytonStream:
    """Documents of one kind.

    Attributes:
        domain: search domain of documents that may make requests.
        fields: fields that ``asked`` needs.
        asked: function from a document to its requests. Foreign documents make none.
    """

    model: str
    domain: tuple[Any, ...]
    fields: tuple[str, ...]
    asked: Callable[[Row], Iterator[DocumentRequest]]


def _is_ours(sale: Row | None) -> bool:
    # Skip a sale that was never confirmed, or that a clerk or another shop made.
    return bool(sale and sale["web_shop"] and sale["number"] and notes.is_order(sale))


def _named(sale: Row) -> dict[str, Any]:
    return {"store": sale["web_shop"]["name"], "order_id": sale["web_id"]}


def _cancellation(sale: Row) -> Iterator[DocumentRequest]:
    if _is_ours(sale) and notes.is_called_off(sale) and not notes.is_reported_canceled(sale):
        what = f"tryton:cancel:{sale['id']}"
        request = sale_notes.cancellation(what, notes.reason(sale), _named(sale))
        yield DocumentRequest(sale, request, "cancellation")


def _invoice(invoice: Row) -> Iterator[DocumentRequest]:
    sales = {sale["id"]: sale for sale in invoice["sales"]}
    for sale in sales.values():
        own = _own_lines(invoice["lines"], sale)
        value = invoice["total_amount"]
        if len(sales) > 1:
            value = sum((line["amount"] for line, _ in own), Decimal(0))
        if not _is_ours(sale) or value < 0 or value == 0 != sale["total_amount"]:
            continue
        number, key = _number(invoice)
        fields = _named(sale) | {
            "invoice_number": number,
            "value_cents": cents(value),
            "issued_at": sale_notes.midnight(invoice["invoice_date"]),
        }
        if key:
            fields["invoice_key"] = key
        if value != sale["total_amount"] and (items := _items(own)):
            fields["items"] = items
        request = Request("invoice", f"tryton:invoice:{invoice['id']}", fields)
        yield DocumentRequest(sale, request, f"invoice {number}")


def _own_lines(lines: list[Row], sale: Row) -> list[tuple[Row, str | None]]:
    """Return an invoice's lines of a sale, each with the note of the sale's line."""
    remarks = {f"sale.line,{line['id']}": line["note"] for line in sale["lines"]}
    return [(line, remarks[line["origin"]]) for line in lines if line["origin"] in remarks]


def _items(own: list[tuple[Row, str | None]]) -> list[Mapping[str, Any]]:
    sold = ((note, bounded_number(line["quantity"]), line["amount"]) for line, note in own)
    return list(sale_notes.items(sold))


def _number(invoice: Row) -> tuple[str, str | None]:
    """Return an invoice's number, and the NF-e access key if its reference holds one."""
    return sale_notes.nota_of(invoice["reference"]) or (invoice["number"], None)


def _tracking(shipment: Row) -> Iterator[DocumentRequest]:
    origins = {move["origin"] for move in shipment["outgoing_moves"]}
    sales = {
        move["sale"]["id"]: move["sale"] for move in shipment["outgoing_moves"] if move["sale"]
    }
    for sale in sales.values():
        if not _is_ours(sale):
            continue
        invoice = _invoice_of(origins, sale["invoices"])
        if invoice is None:
            yield DocumentRequest(sale, None)
            continue
        code = shipment["reference"].strip()
        number, key = _number(invoice)
        fields = _named(sale) | {"invoice_number": number}
        if series := series_in(key):
            fields["invoice_series"] = series
        if shipment["carrier"]:
            fields["courier"] = shipment["carrier"]["rec_name"]
        if shipment["effective_date"]:
            fields["dispatched_at"] = sale_notes.midnight(shipment["effective_date"])
        request = sale_notes.tracking(f"tryton:shipment:{shipment['id']}", code, fields)
        yield DocumentRequest(sale, request, f"tracking {code}")


def _invoice_of(origins: set[str], invoices: list[Row]) -> Row | None:
    """Return the posted invoice of a shipment's lines, or the first posted one."""
    posted = sorted((row for row in invoices if row["state"] in POSTED), key=lambda row: row["id"])
    same = [row for row in posted if origins & {line["origin"] for line in row["lines"]}]
    return next(iter([*same, *posted]), None)


_SALE = ("web_id", "web_shop.name", "number", "notes.message")

STREAMS = (
    TrytonStream(
        "account.invoice",
        (["type", "=", "out"], ["state", "in", list(POSTED)], ["sales.web_shop", "!=", None]),
        (
            "number", "reference", "invoice_date", "total_amount", "lines.origin",
            "lines.quantity", "lines.amount", "sales.total_amount", "sales.lines.note",
            *(f"sales.{field}" for field in _SALE),
        ),
        _invoice,
    ),
    TrytonStream(
        "stock.shipment.out",
        (
            ["state", "in", ["shipped", "done"]], ["reference", "!=", None],
            ["reference", "!=", ""], ["moves.sale.web_shop", "!=", None],
        ),
        (
            "reference", "effective_date", "carrier.rec_name", "outgoing_moves.origin",
            *(f"outgoing_moves.sale.{field}" for field in _SALE),
            "outgoing_moves.sale.invoices.state", "outgoing_moves.sale.invoices.number",
            "outgoing_moves.sale.invoices.reference",
            "outgoing_moves.sale.invoices.lines.origin",
        ),
        _tracking,
    ),
    TrytonStream(
        "sale.sale",
        (
            ["web_shop", "!=", None],
            [
                "OR", ["state", "=", "cancelled"],
                ["shipment_state", "=", "exception"], ["invoice_state", "=", "exception"],
            ],
        ),
        (*_SALE, *notes.STANDING),
        _cancellation,
    ),
)  # fmt: skip
