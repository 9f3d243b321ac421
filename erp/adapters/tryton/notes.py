"""Notes on Tryton's sales, for its people and for the adapter itself.

A note's last line is its mark, as in ``#vtex-erp taken invoice:12``.
"""

import hashlib
import re
from collections.abc import Iterator

from erp.adapters.shared.sale_notes import event_lines, reason_in
from erp.adapters.tryton.rest_client import Row
from erp.port import Event

STANDING = ("state", "invoices.state", "shipments.state", "notes.message")
"""Fields of a sale that decide whether it is canceled."""

ORDER, CLAIM, TAKEN, EVENT = "order", "claim", "taken", "event"
_MARK = "#vtex-erp"
_REASON = re.compile(r"\s*(?:motivo|reason)\s*:(.*)", re.IGNORECASE | re.DOTALL)


def of_event(event: Event) -> str:
    """Return the note of a change or an outcome."""
    return "\n".join([*event_lines(event), f"{_MARK} {_name(event)}"])


def _name(event: Event) -> str:
    kind = "canceled" if is_over(event) else EVENT
    digest = hashlib.sha256(event.key.encode()).hexdigest()[:16]
    name = f"{EVENT} {kind} {digest}"
    return f"{name} {event.outcome} {event.reference}" if event.outcome else name


def of_order(words: str) -> str:
    """Return the note that marks a sale as a VTEX order."""
    return f"{words}\n{_MARK} {ORDER}"


def is_order(sale: Row) -> bool:
    """Return whether a worker brought the sale in."""
    return any(True for _ in marks(sale, ORDER))


def of_claim(what: str, reference: str) -> str:
    """Return the note of a claimed request."""
    return f"VTEX: {what} is being handed over\n{_MARK} {CLAIM} {reference}"


def of_taken(what: str, reference: str, claim: int) -> str:
    """Return the note of a taken request. A clerk who deletes it asks again.

    Args:
        claim: number of the note that claimed it. Later notes report its outcome.
    """
    return f"VTEX: {what} was handed over\n{_MARK} {TAKEN} {reference} {claim}"


def is_taken(sale: Row, reference: str) -> bool:
    """Return whether a request was taken, and a person has not asked again."""
    return any(words[:1] == [reference] for _, words in marks(sale, TAKEN))


def ending(sale: Row, reference: str) -> str | None:
    """Return the outcome of a request since it was last taken, or ``None``.

    A late report of an older failure does not undo a success.
    """
    claims = [int(words[1]) for _, words in marks(sale, TAKEN) if words[:1] == [reference]]
    claims += [number for number, words in marks(sale, CLAIM) if words == [reference]]
    ends = [
        words[2]
        for number, words in marks(sale, EVENT)
        if words[3:] == [reference] and number > max(claims, default=number)
    ]
    return "done" if "done" in ends else next(reversed(ends), None)


def marks(sale: Row, kind: str) -> Iterator[tuple[int, list[str]]]:
    """Yield number and words of a sale's marks of a kind, oldest first."""
    for note in sorted(sale["notes"], key=lambda row: int(row["id"])):
        last = (note["message"] or "").rsplit("\n", 1)[-1]
        words = last.split()
        if words[:2] == [_MARK, kind]:
            yield note["id"], words[2:]


def has(sale: Row, event: Event) -> bool:
    """Return whether an event is noted already."""
    name = _name(event).split()[1:]
    return any(words[:2] == name[:2] for _, words in marks(sale, EVENT))


def reason(sale: Row) -> str | None:
    """Return a clerk's reason to cancel a sale: a note that begins with ``motivo:``."""
    notes = sorted(sale["notes"], key=lambda row: int(row["id"]), reverse=True)
    return reason_in((note["message"] for note in notes), _REASON)


def is_canceled(sale: Row) -> bool:
    """Return whether a sale or its VTEX order was canceled. See ``is_called_off``."""
    return is_called_off(sale) or is_reported_canceled(sale)


def is_over(event: Event) -> bool:
    """Return whether an event ends VTEX's order: canceled, or replaced by another."""
    return event.outcome is None and event.kind in ("canceled", "replaced")


def is_reported_canceled(sale: Row) -> bool:
    """Return whether VTEX reported the order as canceled."""
    return any(words[:1] == ["canceled"] for _, words in marks(sale, EVENT))


def is_called_off(sale: Row) -> bool:
    """Return whether Tryton's people canceled a sale.

    A sale in processing counts as canceled if all its shipments and invoices are.
    """
    if sale["state"] == "cancelled":
        return True
    documents = [*sale["invoices"], *sale["shipments"]]
    return bool(documents) and all(document["state"] == "cancelled" for document in documents)
