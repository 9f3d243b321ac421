"""Deletes old data: first personal data, later timelines. Orders stay.

The rows in ``journal_orders`` and ``journal_jobs`` stay, so that a repeated listing or a repeated
request is recognised.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    or_,
    select,
    tuple_,
    update,
)

from journal.model import State
from journal.storage.repository import Repository
from journal.storage.rows import compress, decompress, fingerprint
from journal.storage.tables import HAS_REQUEST_BODY, documents, events, jobs

BATCH = 1000
"""Rows per transaction, so that each one is short."""

BODY_BATCH = 100
"""Bodies per transaction. They are read, and one may be an NF-e of a megabyte."""

INVOICE_FIELDS_KEPT = (
    "invoice_number",
    "invoice_series",
    "invoice_key",
    "type",
    "value_cents",
    "issued_at",
)
"""Fields of an invoice's body that stay: they identify it, and are not personal."""

_CLOSED = (State.DONE, State.SKIPPED)


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """The retention of closed data. ``None`` means for ever.

    Attributes:
        documents: retention of VTEX's documents and of request bodies.
        timeline: retention of timelines.
    """

    documents: timedelta | None = timedelta(days=30)
    timeline: timedelta | None = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class PurgeCount:
    """The number of purged rows, or of rows that would be purged.

    Attributes:
        request_bodies: bodies of requests.
        events: lines of timelines.
        waits: old documents of orders that were closed too recently.
    """

    documents: int = 0
    request_bodies: int = 0
    events: int = 0
    waits: int = 0

    @property
    def any(self) -> bool:
        """Whether the count is above 0."""
        return bool(self.documents or self.request_bodies or self.events)

    def __str__(self) -> str:
        """Return a short summary."""
        return (
            f"documents of {self.documents} orders, contents of {self.request_bodies} requests, "
            f"{self.events} lines of timelines"
        )

    def __add__(self, other: PurgeCount) -> PurgeCount:
        """Return the sum of both."""
        return PurgeCount(
            *(getattr(self, field.name) + getattr(other, field.name) for field in fields(self))
        )


_Found = Sequence[Row[Any]]


@dataclass(frozen=True, slots=True)
class _Category:
    """A category of data to delete.

    Attributes:
        page: query of the next rows, the oldest first.
        clear: deletes the allowed rows of a page, or counts them.
        batch: rows per page.
    """

    page: Callable[[datetime, Row[Any] | None], Select[Any]]
    clear: Callable[[Connection, datetime, _Found, bool], PurgeCount]
    batch: int = BATCH


class Retention(Repository):
    """The deletion of old data."""

    def purge(
        self, retention: RetentionPolicy, *, dry_run: bool = False, seconds: float | None = None
    ) -> Iterator[PurgeCount]:
        """Delete old data batch by batch. Yield the count of each batch.

        Several purges may run at once, beside workers. A yielded batch is deleted, even if the
        purge is interrupted later.

        Args:
            dry_run: only count.
            seconds: time after which a new batch does not begin.
        """
        now, began = self._now(), time.monotonic()
        for shelf, age in (
            (_CONTENTS, retention.documents),
            (_DOCUMENTS, retention.documents),
            (_TIMELINES, retention.timeline),
        ):
            if age is None:
                continue
            for batch in self._clear(shelf, now - age, dry_run=dry_run):
                yield batch
                if seconds is not None and time.monotonic() - began > seconds:
                    return

    def _clear(self, shelf: _Category, before: datetime, *, dry_run: bool) -> Iterator[PurgeCount]:
        last: Row[Any] | None = None
        more = True
        while more:
            began = time.monotonic()
            with self._database.transaction() as db:
                query = shelf.page(before, last).limit(shelf.batch)
                if not dry_run:
                    # Two purges take different rows, so they do not wait for each other.
                    query = query.with_for_update(skip_locked=True)
                rows = db.execute(query).all()
                batch = shelf.clear(db, before, rows, not dry_run)
            yield batch
            more = len(rows) == shelf.batch and rows[-1].at < before
            last = rows[-1] if rows else None
            if more and self._database.is_local:
                # SQLite takes one writer at a time, and who waits looks now and then: workers must
                # find it free as often as not.
                time.sleep(time.monotonic() - began)


def _old_contents(before: datetime, last: Row[Any] | None) -> Select[Any]:
    at = jobs.c.updated_at
    query = select(jobs.c.id, jobs.c.invoice_number, jobs.c.request_body, at.label("at"))
    query = query.where(HAS_REQUEST_BODY, at < before).order_by(at, jobs.c.id)
    return query if last is None else query.where(_behind(last, at, jobs.c.id))


def _empty_old(db: Connection, _before: datetime, rows: _Found, really: bool) -> PurgeCount:
    if really:
        purge_bodies(db, rows)
    return PurgeCount(request_bodies=len(rows))


def purge_bodies(db: Connection, rows: _Found) -> None:
    """Delete request bodies: rows of ``id``, ``invoice_number`` and ``request_body``."""
    if rows:
        remains = [
            {"n": row.id} | _remains(row.invoice_number, decompress(row.request_body) or {})
            for row in rows
        ]
        emptied = update(jobs).where(jobs.c.id == bindparam("n"))
        db.execute(
            emptied.values(request_body=bindparam("remains"), request_sha256=bindparam("whole")),
            remains,
        )


def _remains(invoice_number: str | None, request_body: dict[str, Any]) -> dict[str, Any]:
    # Without a number, the body is a reason in words, or a refused request with any content.
    kept = (
        {}
        if invoice_number is None
        else {name: request_body[name] for name in INVOICE_FIELDS_KEPT if name in request_body}
    )
    return {"remains": compress(kept), "whole": fingerprint(request_body)}


def _old_documents(before: datetime, last: Row[Any] | None) -> Select[Any]:
    key = (documents.c.store, documents.c.order_id)
    at = documents.c.stored_at
    query = select(*key, at.label("at")).where(at < before).order_by(at, *key)
    return query if last is None else query.where(_behind(last, at, *key))


def _throw_away(db: Connection, before: datetime, rows: _Found, really: bool) -> PurgeCount:
    busy = _busy(db, before, rows)
    closed = [row for row in rows if (row.store, row.order_id) not in busy]
    if really:
        for store, ids in _by_store(closed):
            named = (documents.c.store == store, documents.c.order_id.in_(ids))
            db.execute(documents.delete().where(*named))
    return PurgeCount(documents=len(closed), waits=len(rows) - len(closed))


def _old_lines(_before: datetime, last: Row[Any] | None) -> Select[Any]:
    # The order by number uses an index, and is close enough to the order by time.
    query = select(events.c.id, events.c.store, events.c.order_id, events.c.at)
    query = query.order_by(events.c.id)
    return query if last is None else query.where(events.c.id > last.id)


def _shorten(db: Connection, before: datetime, rows: _Found, really: bool) -> PurgeCount:
    old = [row for row in rows if row.at < before]
    busy = _busy(db, before, old)
    closed = [row.id for row in old if (row.store, row.order_id) not in busy]
    if closed and really:
        db.execute(events.delete().where(events.c.id.in_(closed)))
    return PurgeCount(events=len(closed))


_CONTENTS = _Category(_old_contents, _empty_old, BODY_BATCH)
_DOCUMENTS = _Category(_old_documents, _throw_away)
_TIMELINES = _Category(_old_lines, _shorten)


def _behind(last: Row[Any], at: ColumnElement[Any], *key: ColumnElement[Any]) -> Any:
    """Return the condition for rows after the last one. Its first half uses an index."""
    names = [getattr(last, column.key or "") for column in key]
    return (at >= last.at) & ((at > last.at) | (tuple_(*key) > tuple_(*names)))


def _busy(db: Connection, before: datetime, rows: _Found) -> set[tuple[str, str]]:
    """Return the orders with a job that is open, dead, or ended since then."""
    busy: set[tuple[str, str]] = set()
    for store, ids in _by_store(rows):
        query = select(jobs.c.order_id).where(
            jobs.c.store == store,
            jobs.c.order_id.in_(ids),
            or_(jobs.c.state.not_in(_CLOSED), jobs.c.updated_at >= before),
        )
        busy |= {(store, order_id) for order_id in db.execute(query).scalars()}
    return busy


def _by_store(rows: Iterable[Row[Any]]) -> Iterable[tuple[str, list[str]]]:
    """Return order ids by store, since SQLite does not use an index for pairs."""
    ids: dict[str, set[str]] = {}
    for row in rows:
        ids.setdefault(row.store, set()).add(row.order_id)
    return [(store, sorted(some)) for store, some in sorted(ids.items())]
