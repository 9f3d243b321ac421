"""Notes in the log of Odoo's sales, for its people and for the adapter itself.

A note ends with a mark, as in ``#vtex-erp taken odoo:invoice:12``. It is a ``mail.message`` with an
external id, so that races and retries make one note.
"""

import hashlib
import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from erp.adapters.odoo.external_ids import name
from erp.adapters.shared.sale_notes import event_lines, reason_in
from erp.order_diff import OrderDiff
from erp.port import Event

ORDER, CLAIM, TAKEN, EVENT = "order", "claim", "taken", "event"
GONE = ("canceled", "replaced")
MARK = "#vtex-erp"
REASON_BEGINS = "motivo:"
AGAIN_BEGINS = "reenviar"
_REASON = re.compile(r"\s*motivo\s*:(.*)", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class Note:
    """A note of the adapter, or a person's note with a reason.

    Attributes:
        mark: words of the mark after the first. Empty for a person's note.
    """

    number: int
    text: str
    mark: tuple[str, ...]


def note(number: int, body: str | None) -> Note:
    """Read a note from Odoo's HTML."""
    text = html.unescape(_TAG.sub(" ", body or ""))
    before, mark, after = text.rpartition(MARK)
    return Note(number, before if mark else text, tuple(after.split()) if mark else ())


@dataclass(frozen=True, slots=True)
class Sale:
    """A sale of a VTEX order with its notes, oldest first."""

    number: int
    store: str
    order_id: str
    state: str
    total: object
    title: str
    notes: Sequence[Note] = field(default=())

    def marks(self, kind: str) -> Iterator[Note]:
        """Yield its notes of a kind, oldest first."""
        yield from (note for note in self.notes if note.mark[:1] == (kind,))


def body(lines: Sequence[str | None], *mark: str) -> str:
    """Return a note as HTML, as Odoo expects."""
    words = "<br/>".join(map(html.escape, filter(None, lines)))
    return f"<p>{words}</p><p>{html.escape(' '.join((MARK, *mark)))}</p>"


def of_event(event: Event) -> str:
    """Return the note of a change or an outcome."""
    lines = event_lines(event)
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
    """Yield the lines that a clerk has to change."""
    for item in order_diff.items:
        yield f"SKU {item.sku_id}: {item.quantity_before} -> {item.quantity} x {item.unit_price}"
        if item.unit_multiplier != item.unit_multiplier_before:
            before, now = item.unit_multiplier_before, item.unit_multiplier
            yield f"SKU {item.sku_id}: {before.normalize():f} -> {now.normalize():f} a unit"
    yield f"total {order_diff.after.total:.2f}"


def event_name(sale: int, event: Event) -> str:
    """Return the external id of an event's note."""
    digest = hashlib.sha256(event.key.encode()).hexdigest()[:24]
    return name("event", str(sale), digest)


def request_name(reference: str) -> str:
    """Return the external id of the note for a claimed or taken request."""
    return name("request", reference)


def of_claim(what: str, reference: str, token: str) -> str:
    """Return the note of a claimed request."""
    return body([f"VTEX: {what} is being handed over"], CLAIM, reference, token)


def of_taken(what: str, reference: str) -> str:
    """Return the note of a taken request. See ``asked_again``."""
    return body([f"VTEX: {what} was handed over"], TAKEN, reference)


def is_taken(sale: Sale, reference: str) -> bool:
    """Return whether a request was taken, and a person has not asked again."""
    since = asked_again(sale)
    return any(note.mark[1:2] == (reference,) and note.number > since for note in sale.marks(TAKEN))


def asked_again(sale: Sale) -> int:
    """Return the number of the last note with which a person asks again, or 0."""
    begins = re.compile(rf"\s*{AGAIN_BEGINS}\b", re.IGNORECASE)
    return max(
        (note.number for note in sale.notes if not note.mark and begins.match(note.text)), default=0
    )


def ending(sale: Sale, reference: str) -> str | None:
    """Return the outcome of a request since it was last taken, or ``None``.

    A late report of an older failure does not undo a success.
    """
    since = max(
        (
            note.number
            for kind in (CLAIM, TAKEN)
            for note in sale.marks(kind)
            if note.mark[1] == reference
        ),
        default=0,
    )
    ends = [
        note.mark[2]
        for note in sale.marks(EVENT)
        if note.mark[3:] == (reference,) and note.number > since > 0
    ]
    return "done" if "done" in ends else next(reversed(ends), None)


def reason(sale: Sale) -> str | None:
    """Return a clerk's reason to cancel a sale: a note that begins with ``motivo:``."""
    texts = (note.text for note in reversed(sale.notes) if not note.mark)
    return reason_in(texts, _REASON)


def is_reported_canceled(sale: Sale) -> bool:
    """Return whether VTEX reported the order as canceled or replaced."""
    return any(note.mark[1] in GONE for note in sale.marks(EVENT))


def reported_total(sale: Sale) -> Decimal | None:
    """Return the order's total after the last reported change, or ``None``."""
    totals = [
        note.mark[2] for note in sale.marks(EVENT) if note.mark[1] == "changed" and note.mark[2:]
    ]
    return Decimal(totals[-1]) if totals else None
