"""The ERP's outbox: passes rows of ``int_outbox`` to the workers, and writes outcomes back.

It claims a row, passes it on and confirms it in three steps. A lock is never held while the taker
runs, since both may share one SQLite file. An unconfirmed claim expires.
"""

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Table,
    Text,
    and_,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from erp.adapters.sql.database import ErpDatabase, refusal
from erp.adapters.sql.tables import outbox, outbox_items, results, stamp
from erp.nfe.safe_xml import MOST_BYTES
from erp.port import ErpRejected, Event, Request

CLAIM_SECONDS = 60
CHUNK = 20
"""Rows per claim. Each may hold an NF-e, and all must be taken before the claim expires."""

MOST_CHARACTERS = MOST_BYTES + 1
"""Characters read of an unbounded text, one more than allowed, so that it is refused."""

MOST_LINES = 1001
"""Items read of an invoice, one more than allowed."""

KINDS = {"INVOICE": "invoice", "TRACKING": "tracking", "CANCEL": "cancellation", "DENY": "denial"}
STATUSES = {"done": "SENT", "refused": "ERROR", "dead": "DEAD", "obsolete": "OBSOLETE"}

_NAMES = ("store", "order_id")
_NUMBERS = ("invoice_number", "invoice_series")
_TRACKING = ("tracking_number", "tracking_url", "courier", "dispatched_at")
_COLUMNS = {
    "INVOICE": {
        "type": "invoice_type",
        "value_cents": "value_cents",
        "issued_at": "issued_at",
        "invoice_key": "invoice_key",
        "url": "invoice_url",
    }
    | {name: name for name in (*_NUMBERS, *_TRACKING)},
    "TRACKING": {name: name for name in (*_NUMBERS, "delivered_at", *_TRACKING)},
    "CANCEL": {"reason": "reason"},
    "DENY": {"reason": "reason"},
}
"""Keyword arguments of each kind's task, with their columns."""

_EVENT = [(name, f"event_{name}") for name in ("city", "state", "description", "date")]


class SqlOutbox:
    """The worker's side of ``int_outbox`` and ``int_result``."""

    def __init__(self, database: ErpDatabase, now: Callable[[], datetime]) -> None:
        self._database, self._now = database, now

    def poll_outbox(self, take: Callable[[Request], None], limit: int) -> int:
        """Pass the waiting rows to ``take``, oldest first. Return their number."""
        count = 0
        while count < limit:
            until, requests = self._claim(min(CHUNK, limit - count))
            if not requests:
                break
            self._give(take, requests, until)
            count += len(requests)
        return count

    def _claim(self, limit: int) -> tuple[str, list[tuple[int, Request]]]:
        now = self._now()
        until = stamp(now + timedelta(seconds=CLAIM_SECONDS))
        waiting = (
            select(*_READ)
            .where(
                outbox.c.status == "PENDING",
                or_(outbox.c.locked_until.is_(None), outbox.c.locked_until <= stamp(now)),
            )
            .order_by(outbox.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with self._database.transaction() as db:
            rows = db.execute(waiting).mappings().all()
            numbers = [row["id"] for row in rows]
            if numbers:
                claimed = update(outbox).where(outbox.c.id.in_(numbers))
                db.execute(claimed.values(locked_until=until))
            lines = _lines(db, numbers)
        return until, [(row["id"], _request(row, lines.get(row["id"], []))) for row in rows]

    def _give(
        self, take: Callable[[Request], None], requests: list[tuple[int, Request]], until: str
    ) -> None:
        taken: list[int] = []
        try:
            for number, request in requests:
                take(request)
                taken.append(number)
        finally:
            # A failed row keeps its claim for a while, so that it does not block later rows.
            left = [number for number, _ in requests[len(taken) + 1 :]]
            with self._database.transaction() as db:
                self._settle(db, taken, until, status="SENDING")
                self._settle(db, left, until)

    def _settle(self, db: Connection, numbers: list[int], until: str, **values: Any) -> None:
        """Release claims, except of rows that moved on or belong to another process."""
        if numbers:
            db.execute(
                update(outbox)
                .where(
                    outbox.c.id.in_(numbers),
                    outbox.c.status == "PENDING",
                    outbox.c.locked_until == until,
                )
                .values(locked_until=None, changed_at=stamp(self._now()), **values)
            )

    def report(self, event: Event) -> None:
        """Write an outcome once: onto the request's row, or into ``int_result``."""
        try:
            with self._database.transaction() as db:
                row = _row_of(db, event)
                if row is None or not _may_tell(row, event):
                    db.execute(results.insert().values(_result(event)))
                elif row["last_event"] != event.key:
                    change = update(outbox).where(outbox.c.id == row["id"])
                    db.execute(change.values(_ending(event, stamp(self._now()))))
        except IntegrityError as error:
            if not self._database.holds(results, event):
                raise ErpRejected(refusal(error)) from None


def _read(table: Table) -> list[ColumnElement[Any]]:
    """Return a table's columns, with long texts cut just above their bound."""
    return [
        func.substr(column, 1, MOST_CHARACTERS).label(column.name)
        if isinstance(column.type, Text)
        else column
        for column in table.columns
    ]


_READ = _read(outbox)


def _lines(db: Connection, numbers: list[int]) -> dict[int, list[dict[str, Any]]]:
    lines: dict[int, list[dict[str, Any]]] = {}
    if not numbers:
        return lines
    columns = outbox_items.c
    place = func.row_number().over(partition_by=columns.int_outbox_id, order_by=columns.line_no)
    numbered = (
        select(columns.int_outbox_id, columns.line_no, place.label("place"))
        .where(columns.int_outbox_id.in_(numbers))
        .subquery()
    )
    query = (
        select(*_read(outbox_items))
        .join(
            numbered,
            and_(
                numbered.c.int_outbox_id == columns.int_outbox_id,
                numbered.c.line_no == columns.line_no,
            ),
        )
        .where(numbered.c.place <= MOST_LINES)
        .order_by(columns.int_outbox_id, columns.line_no)
    )
    names = [(name, name) for name in ("sku_id", "quantity", "price_cents", "description")]
    for row in db.execute(query).mappings():
        lines.setdefault(row["int_outbox_id"], []).append(_filled(row, names))
    return lines


def _request(row: RowMapping, lines: list[dict[str, Any]]) -> Request:
    kind = row["kind"].strip().upper()
    fields = _filled(row, [("store", "store"), ("order_id", "order_id"), *_COLUMNS[kind].items()])
    if kind == "INVOICE" and lines:
        fields["items"] = lines
    if kind == "TRACKING" and (event := _filled(row, _EVENT)):
        fields["events"] = [event]
    if kind == "CANCEL" and row["requested_by_user"] is not None:
        fields["requested_by_user"] = bool(row["requested_by_user"])
    xml = _bytes(row["xml"]) if kind == "INVOICE" and row["xml"] else None
    return Request(KINDS[kind], f"outbox:{row['id']}", fields, xml)


def _filled(row: RowMapping, names: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return a row's values under the names of the task's arguments. NULL and blank are absent."""
    given = {name: _value(row[column]) for name, column in names}
    return {name: value for name, value in given.items() if value is not None and value != ""}


def _value(value: Any) -> Any:
    # SQLite returns the stored type, whatever the column's type.
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _bytes(xml: str | bytes) -> bytes:
    """Return a document in the encoding of its XML declaration."""
    if isinstance(xml, bytes):
        return xml
    declared = re.match(r'\ufeff?\s*<\?xml[^>]*encoding=["\']([\w.-]+)', xml)
    try:
        return xml.encode(declared[1] if declared else "utf-8", "xmlcharrefreplace")
    except (LookupError, UnicodeError):
        return xml.encode()


def _row_of(db: Connection, event: Event) -> RowMapping | None:
    """Return an event's row, if it belongs to the order. A message could name any row."""
    number = re.fullmatch(r"outbox:([0-9]{1,18})", event.reference or "")
    if number is None:
        return None
    query = (
        select(
            outbox.c.id,
            *(outbox.c[name] for name in _NAMES),
            outbox.c.status,
            outbox.c.locked_until,
            outbox.c.last_event,
        )
        .where(outbox.c.id == int(number[1]))
        .with_for_update()
    )
    row = db.execute(query).mappings().one_or_none()
    if row is None or tuple(row[name].strip() for name in _NAMES) != (event.store, event.order_id):
        return None
    return row


def _may_tell(row: RowMapping, event: Event) -> bool:
    """Return whether an outcome still belongs to a row.

    A row that the ERP has set back to waiting is a new request. An older failure does not undo a
    success. A repeated event belongs to the row in any state.
    """
    if row["last_event"] == event.key:
        return True
    asked_anew = row["status"] == "PENDING" and row["locked_until"] is None
    return not asked_anew and (row["status"] != "SENT" or event.outcome == "done")


def _ending(event: Event, now: str) -> dict[str, Any]:
    done = event.outcome == "done"
    return {
        "status": STATUSES[str(event.outcome)],
        "attempts": event.attempts,
        "last_error": None if done else event.reason,
        "message": event.reason if done else None,
        "receipt": event.receipt,
        "order_status": event.order_status,
        "sent_at": stamp(event.at) if done else None,
        "changed_at": now,
        "locked_until": None,
        "last_event": event.key,
    }


def _result(event: Event) -> dict[str, Any]:
    return {
        "store": event.store,
        "order_id": event.order_id,
        "event_key": event.key,
        "kind": event.kind,
        "invoice_number": event.invoice_number,
        "invoice_series": event.invoice_series,
        "outcome": event.outcome,
        "receipt": event.receipt,
        "order_status": event.order_status,
        "reason": event.reason,
        "reference": event.reference,
        "attempts": event.attempts,
        "happened_at": stamp(event.at),
        "erp_state": "NEW",
    }
