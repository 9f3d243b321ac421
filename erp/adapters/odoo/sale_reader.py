"""Reads sales, invoices and notes of every supported version of Odoo."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from erp.adapters.odoo.external_ids import Records, name, parts
from erp.adapters.odoo.notes import AGAIN_BEGINS, MARK, REASON_BEGINS, Sale, note
from erp.adapters.odoo.rpc import OdooClient, Row

SALE = ("name", "state", "amount_total", "currency_id", "picking_ids", "invoice_ids")


@dataclass(frozen=True, slots=True)
class Invoices:
    """The models and fields of customer invoices in a generation of Odoo.

    Attributes:
        line, link: model of the lines, and their field for the invoice.
        kind: field that separates invoices of customers from others.
        references: fields that may hold an NF-e access key.
        amount: field of a line's amount, with taxes if Odoo has it.
    """

    model: str
    line: str
    link: str
    number: str
    date: str
    kind: str
    posted: tuple[str, ...]
    references: tuple[str, ...]
    amount: str = "price_subtotal"


def is_half_made(sale: Row) -> bool:
    """Return whether a sale was never confirmed. A person's draft has deliveries or invoices."""
    return sale["state"] in ("draft", "sent") and not sale["picking_ids"] + sale["invoice_ids"]


class Sales:
    """Reads the sales of VTEX orders. Each method raises ErpUnavailable."""

    def __init__(self, odoo: OdooClient, records: Records) -> None:
        self._odoo = odoo
        self._records = records
        self._invoices: Invoices | None = None

    @property
    def invoices(self) -> Invoices:
        """The invoices of this Odoo: ``account.move`` from version 13 on."""
        if self._invoices is None:
            relation = self._odoo.fields("sale.order")["invoice_ids"].get("relation")
            if relation == "account.invoice":
                found = Invoices(
                    "account.invoice",
                    "account.invoice.line",
                    "invoice_id",
                    "number",
                    "date_invoice",
                    "type",
                    ("open", "in_payment", "paid"),
                    ("reference", "name"),
                )
            else:
                found = Invoices(
                    "account.move",
                    "account.move.line",
                    "move_id",
                    "name",
                    "invoice_date",
                    "move_type",
                    ("posted",),
                    ("ref", "payment_reference"),
                )
            self._invoices = self._fitted(found)
        return self._invoices

    def _fitted(self, found: Invoices) -> Invoices:
        fields, lines = self._odoo.fields(found.model), self._odoo.fields(found.line)
        keys = ("l10n_br_access_key", "document_key", *found.references)
        return Invoices(
            found.model,
            found.line,
            found.link,
            found.number,
            found.date,
            # Version 13 has the new model with the old name.
            found.kind if found.kind in fields else "type",
            found.posted,
            tuple(key for key in keys if key in fields),
            "price_total" if "price_total" in lines else found.amount,
        )

    def row(self, store: str, order_id: str) -> Row | None:
        """Return an order's sale with the fields of ``SALE``."""
        named = name("order", store, order_id)
        number = self._records.numbers("sale.order", [named]).get(named)
        return None if number is None else self.rows([number]).get(number)

    def rows(self, numbers: Sequence[int]) -> dict[int, Row]:
        """Return sales with the fields of ``SALE``."""
        if not numbers:
            return {}
        rows = self._odoo.search("sale.order", [["id", "in", list(numbers)]], SALE)
        return {row["id"]: row for row in rows}

    def ours(self, numbers: Collection[int]) -> dict[int, Sale]:
        """Return the sales of VTEX orders with their notes."""
        if not numbers:
            return {}
        names = self._records.names("sale.order", numbers)
        rows = self.rows(list(names))
        domain = [
            ["model", "=", "sale.order"],
            ["res_id", "in", list(rows)],
            "|",
            "|",
            ["body", "ilike", MARK],
            ["body", "ilike", REASON_BEGINS],
            ["body", "ilike", AGAIN_BEGINS],
        ]
        said: dict[int, list[Row]] = {}
        for row in self._odoo.search("mail.message", domain, ("res_id", "body")) if rows else ():
            said.setdefault(row["res_id"], []).append(row)
        made = {}
        for number, row in rows.items():
            kind, *words = parts(names[number])
            if kind == "order" and not is_half_made(row):
                texts = [note(row["id"], row["body"]) for row in said.get(number, ())]
                made[number] = Sale(
                    number,
                    words[0],
                    words[1],
                    row["state"],
                    row["amount_total"],
                    row["name"],
                    texts,
                )
        return made

    def asked_again(self, since: str) -> tuple[set[int], str]:
        """Return the sales for which a person asked again since a stamp, and the last stamp."""
        domain = [
            ["model", "=", "sale.order"],
            ["body", "ilike", AGAIN_BEGINS],
            ["write_date", ">=", since],
        ]
        rows = self._odoo.search("mail.message", domain, ("res_id", "write_date"))
        last = max((row["write_date"] for row in rows), default=since)
        return {row["res_id"] for row in rows}, last

    def note(self, sale: int, named: str, body: str) -> int:
        """Create a note with an external id on a sale, unless it exists. Return its id.

        Raises:
            OdooRefuses: the user may not create notes.
        """
        values = {
            "model": "sale.order",
            "res_id": str(sale),
            "message_type": "comment",
            "body": body,
            "subtype_id/id": "mail.mt_note",
        }
        return self._records.made("mail.message", named, values)

    def noted(self, number: int) -> Row | None:
        """Return the current state of a note."""
        rows = self._odoo.search("mail.message", [["id", "=", number]], ("res_id", "body"))
        return rows[0] if rows else None

    def unnote(self, number: int) -> None:
        """Delete a note, which may be gone already."""
        self._records.gone("mail.message", number)
