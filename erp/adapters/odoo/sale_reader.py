"""Odoo's sales, invoices and notes as they are read, of whichever version."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from erp.adapters.odoo.external_ids import Records, name, parts
from erp.adapters.odoo.notes import AGAIN_BEGINS, MARK, REASON_BEGINS, Sale, note
from erp.adapters.odoo.rpc import OdooClient, Row

SALE = ("name", "state", "amount_total", "currency_id", "picking_ids", "invoice_ids")


@dataclass(frozen=True, slots=True)
class Invoices:
    """Where a generation of Odoo keeps customers' invoices.

    Attributes:
        line, link: model of the lines, and their field for the invoice.
        kind: field that says whether it is a customer's.
        references: fields that may hold an NF-e access key.
        amount: field of a line's amount, taxes included where that is known.
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
    """Say whether a sale was never confirmed; a person's draft has deliveries or invoices."""
    return sale["state"] in ("draft", "sent") and not sale["picking_ids"] + sale["invoice_ids"]


class Sales:
    """Reads sales that are orders of ours. Each method raises ErpUnavailable."""

    def __init__(self, odoo: OdooClient, records: Records) -> None:
        self._odoo = odoo
        self._records = records
        self._invoices: Invoices | None = None

    @property
    def invoices(self) -> Invoices:
        """Where this Odoo keeps its invoices: ``account.move`` from 13 on."""
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
            # 13 has the new model and the old name.
            found.kind if found.kind in fields else "type",
            found.posted,
            tuple(one for one in keys if one in fields),
            "price_total" if "price_total" in lines else found.amount,
        )

    def row(self, store: str, order_id: str) -> Row | None:
        """Return the sale of an order with the fields of SALE."""
        named = name("order", store, order_id)
        number = self._records.numbers("sale.order", [named]).get(named)
        return None if number is None else self.rows([number]).get(number)

    def rows(self, numbers: Sequence[int]) -> dict[int, Row]:
        """Return sales with the fields of SALE."""
        if not numbers:
            return {}
        found = self._odoo.search("sale.order", [["id", "in", list(numbers)]], SALE)
        return {one["id"]: one for one in found}

    def ours(self, numbers: Collection[int]) -> dict[int, Sale]:
        """Return those sales that are orders of ours, with their notes."""
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
        for one in self._odoo.search("mail.message", domain, ("res_id", "body")) if rows else ():
            said.setdefault(one["res_id"], []).append(one)
        made = {}
        for number, row in rows.items():
            kind, *words = parts(names[number])
            if kind == "order" and not is_half_made(row):
                told = [note(one["id"], one["body"]) for one in said.get(number, ())]
                made[number] = Sale(
                    number, words[0], words[1], row["state"], row["amount_total"], row["name"], told
                )
        return made

    def asked_again(self, since: str) -> tuple[set[int], str]:
        """Return the sales on which a person asked for all again since then, and the last stamp."""
        domain = [
            ["model", "=", "sale.order"],
            ["body", "ilike", AGAIN_BEGINS],
            ["write_date", ">=", since],
        ]
        found = self._odoo.search("mail.message", domain, ("res_id", "write_date"))
        last = max((one["write_date"] for one in found), default=since)
        return {one["res_id"] for one in found}, last

    def note(self, sale: int, named: str, body: str) -> int:
        """Leave a note of an external id on a sale, unless it is there; return it.

        Raises:
            OdooRefuses: the user may not.
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
        """Return a note as it is now."""
        found = self._odoo.search("mail.message", [["id", "=", number]], ("res_id", "body"))
        return found[0] if found else None

    def unnote(self, number: int) -> None:
        """Take a note away that may be gone already."""
        self._records.gone("mail.message", number)
