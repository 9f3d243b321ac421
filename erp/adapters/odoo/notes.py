"""The notes that we leave in the log of Odoo's sales: for its people to read, for us to find again.

A note ends with what it is about: ``#vtex-erp taken odoo:invoice:12``. It is a ``mail.message``
under an external id, so that no race and no retry makes two of one.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from erp.adapters.odoo.external_ids import name
from erp.order_diff import OrderDiff
from erp.port import OUTCOMES, Event

ORDER, CLAIM, TAKEN, EVENT = "order", "claim", "taken", "event"
GONE = ("canceled", "replaced")
MARK = "#vtex-erp"
REASON_BEGINS = "motivo:"
AGAIN_BEGINS = "reenviar"
_REASON = re.compile(r"\s*motivo\s*:(.*)", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class Note:
    """A note of ours, or one that gives a reason.

    Attributes:
        mark: words of its mark after the first; empty for one of a person's.
    """

    number: int
    text: str
    mark: tuple[str, ...]


def note(number: int, body: str | None) -> Note:
    """Read a note from the HTML that Odoo keeps."""
    text = html.unescape(_TAG.sub(" ", body or ""))
    before, found, after = text.rpartition(MARK)
    return Note(number, before if found else text, tuple(after.split()) if found else ())


@dataclass(frozen=True, slots=True)
class Sale:
    """A sale that is an order of ours, with its notes, oldest first."""

    number: int
    store: str
    order_id: str
    state: str
    total: object
    title: str
    notes: Sequence[Note] = field(default=())

    def marks(self, kind: str) -> Iterator[Note]:
        """Yield its notes of a kind, oldest first."""
        yield from (one for one in self.notes if one.mark[:1] == (kind,))


def body(lines: Sequence[str | None], *mark: str) -> str:
    """Return a note as HTML, which Odoo takes it for."""
    words = "<br/>".join(html.escape(one) for one in filter(None, lines))
    return f"<p>{words}</p><p>{html.escape(' '.join((MARK, *mark)))}</p>"


def of_event(event: Event) -> str:
    """Return the note of what became of an order or a request."""
    words = f"VTEX: {event.kind}"
    if event.invoice_number:
        words += f" {event.invoice_number}"
    if event.outcome is not None:
        words += f": {event.outcome} ({OUTCOMES.get(event.outcome, event.outcome)})"
    lines = [
        words,
        event.reason,
        event.receipt and f"receipt {event.receipt}",
        event.order_status and f"order {event.order_status}",
    ]
    if event.outcome:
        return body(lines, EVENT, "told", event.outcome, event.reference or "")
    if event.order_diff is None:
        return body([*lines, *_more(event)], EVENT, event.kind)
    total = event.order_diff.after.total
    return body([*lines, *_changes(event.order_diff)], EVENT, event.kind, f"{total:.2f}")


def _more(event: Event) -> Iterator[str]:
    if event.new_order_id:
        yield f"new order {event.new_order_id}"
    if event.decide_by:
        yield f"decide until {event.decide_by.isoformat()}"


def _changes(order_diff: OrderDiff) -> Iterator[str]:
    """Yield what a clerk has to alter."""
    for one in order_diff.items:
        yield f"SKU {one.sku_id}: {one.quantity_before} -> {one.quantity} x {one.unit_price}"
    yield f"total {order_diff.after.total:.2f}"


def event_name(sale: int, event: Event) -> str:
    """Return the external id of an event's note."""
    digest = hashlib.sha256(event.key.encode()).hexdigest()[:24]
    return name("event", str(sale), digest)


def request_name(reference: str) -> str:
    """Return the external id of the note that a request is in hand, or was handed over."""
    return name("request", reference)


def of_claim(what: str, reference: str, token: str) -> str:
    """Return the note that a worker has a request in its hands."""
    return body([f"VTEX: {what} is being handed over"], CLAIM, reference, token)


def of_taken(what: str, reference: str) -> str:
    """Return the note that a request was handed over; see ``asked_again``."""
    return body([f"VTEX: {what} was handed over"], TAKEN, reference)


def is_taken(sale: Sale, reference: str) -> bool:
    """Say whether a request was handed over and not asked for again."""
    since = asked_again(sale)
    return any(one.mark[1:2] == (reference,) and one.number > since for one in sale.marks(TAKEN))


def asked_again(sale: Sale) -> int:
    """Return the number of the last note by which a person asks for all of a sale again, or 0."""
    begins = re.compile(rf"\s*{AGAIN_BEGINS}\b", re.IGNORECASE)
    return max(
        (one.number for one in sale.notes if not one.mark and begins.match(one.text)), default=0
    )


def ending(sale: Sale, reference: str) -> str | None:
    """Return how a request ended since it was last handed over, None if it did not.

    What VTEX has is not undone by an older failure that is told late.
    """
    since = max(
        (
            one.number
            for kind in (CLAIM, TAKEN)
            for one in sale.marks(kind)
            if one.mark[1] == reference
        ),
        default=0,
    )
    ends = [
        one.mark[2]
        for one in sale.marks(EVENT)
        if one.mark[3:] == (reference,) and one.number > since > 0
    ]
    return "done" if "done" in ends else next(reversed(ends), None)


def reason(sale: Sale) -> str | None:
    """Return why a clerk called a sale off: a note of theirs that begins with ``motivo:``."""
    for one in reversed(sale.notes):
        found = None if one.mark else _REASON.match(one.text)
        if found and (words := " ".join(found[1].split())):
            return words
    return None


def is_told_canceled(sale: Sale) -> bool:
    """Say whether VTEX's order is over without the ERP's doing: canceled, or replaced."""
    return any(one.mark[1] in GONE for one in sale.marks(EVENT))


def told_total(sale: Sale) -> Decimal | None:
    """Return what the order is worth by the last change that was told, None if there was none."""
    told = [one.mark[2] for one in sale.marks(EVENT) if one.mark[1] == "changed" and one.mark[2:]]
    return Decimal(told[-1]) if told else None
