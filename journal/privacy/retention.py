"""What the journal forgets, and when: what names people first, timelines later, orders never.

An order's rows in ``journal_orders`` and ``journal_jobs`` stay: they keep an order that VTEX lists
once more, or a request that the ERP sends once more, from being done again.
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
"""Rows looked at in one transaction: none holds the database for long."""

BODY_BATCH = 100
"""Contents of one transaction: they are read, and one may be an NF-e of a megabyte."""

INVOICE_FIELDS_KEPT = (
    "invoice_number",
    "invoice_series",
    "invoice_key",
    "type",
    "value_cents",
    "issued_at",
)
"""What stays of an invoice's content: it tells one invoice from another, and names nobody."""

_CLOSED = (State.DONE, State.SKIPPED)


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """How long the journal keeps what is closed; None: for ever.

    Attributes:
        documents: VTEX's documents, and what requests asked for.
        timeline: what happened to an order, line by line.
    """

    documents: timedelta | None = timedelta(days=30)
    timeline: timedelta | None = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class PurgeCount:
    """How many rows are purged, or would be.

    Attributes:
        request_bodies: of requests.
        events: lines of timelines.
        waits: documents that are old enough, of orders that are not closed for that long.
    """

    documents: int = 0
    request_bodies: int = 0
    events: int = 0
    waits: int = 0

    @property
    def any(self) -> bool:
        """Whether anything is."""
        return bool(self.documents or self.request_bodies or self.events)

    def __str__(self) -> str:
        """Say how much in a few words."""
        return (
            f"documents of {self.documents} orders, contents of {self.request_bodies} requests, "
            f"{self.events} lines of timelines"
        )

    def __add__(self, other: PurgeCount) -> PurgeCount:
        """Return both together."""
        return PurgeCount(
            *(getattr(self, one.name) + getattr(other, one.name) for one in fields(self))
        )


_Found = Sequence[Row[Any]]


@dataclass(frozen=True, slots=True)
class _Category:
    """A kind of thing that is forgotten.

    Attributes:
        page: what stands there, from the oldest on, or from behind the last that was seen.
        clear: forgets those of a page that may be forgotten, or counts them.
        batch: rows of a page.
    """

    page: Callable[[datetime, Row[Any] | None], Select[Any]]
    clear: Callable[[Connection, datetime, _Found, bool], PurgeCount]
    batch: int = BATCH


class Retention(Repository):
    """The deletion of old data."""

    def purge(
        self, retention: RetentionPolicy, *, dry_run: bool = False, seconds: float | None = None
    ) -> Iterator[PurgeCount]:
        """Forget what is old, batch by batch; yield how much of each.

        Several may run at once, beside workers. What was told of is forgotten, wherever it is cut
        off; the next one goes on from there.

        Args:
            dry_run: count alone.
            seconds: after which no other batch is begun.
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
                    # Two purges take different rows, and none waits for the other.
                    query = query.with_for_update(skip_locked=True)
                found = db.execute(query).all()
                batch = shelf.clear(db, before, found, not dry_run)
            yield batch
            more = len(found) == shelf.batch and found[-1].at < before
            last = found[-1] if found else None
            if more and self._database.is_local:
                # SQLite takes one writer at a time, and who waits looks now and then: workers must
                # find it free as often as not.
                time.sleep(time.monotonic() - began)


def _old_contents(before: datetime, last: Row[Any] | None) -> Select[Any]:
    at = jobs.c.updated_at
    query = select(jobs.c.id, jobs.c.invoice_number, jobs.c.request_body, at.label("at"))
    query = query.where(HAS_REQUEST_BODY, at < before).order_by(at, jobs.c.id)
    return query if last is None else query.where(_behind(last, at, jobs.c.id))


def _empty_old(db: Connection, _before: datetime, found: _Found, really: bool) -> PurgeCount:
    if really:
        purge_bodies(db, found)
    return PurgeCount(request_bodies=len(found))


def purge_bodies(db: Connection, found: _Found) -> None:
    """Forget what requests asked for: rows of ``id``, ``invoice_number`` and ``request_body``."""
    if found:
        rows = [
            {"n": one.id} | _remains(one.invoice_number, decompress(one.request_body) or {})
            for one in found
        ]
        emptied = update(jobs).where(jobs.c.id == bindparam("n"))
        db.execute(
            emptied.values(request_body=bindparam("remains"), request_sha256=bindparam("whole")),
            rows,
        )


def _remains(invoice_number: str | None, request_body: dict[str, Any]) -> dict[str, Any]:
    # Without a number it is a reason in words, or was refused and may hold anything anywhere.
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


def _throw_away(db: Connection, before: datetime, found: _Found, really: bool) -> PurgeCount:
    busy = _busy(db, before, found)
    closed = [one for one in found if (one.store, one.order_id) not in busy]
    if really:
        for store, ids in _by_store(closed):
            named = (documents.c.store == store, documents.c.order_id.in_(ids))
            db.execute(documents.delete().where(*named))
    return PurgeCount(documents=len(closed), waits=len(found) - len(closed))


def _old_lines(_before: datetime, last: Row[Any] | None) -> Select[Any]:
    # By number, as they were written, for which an index is there: close enough to their times.
    query = select(events.c.id, events.c.store, events.c.order_id, events.c.at)
    query = query.order_by(events.c.id)
    return query if last is None else query.where(events.c.id > last.id)


def _shorten(db: Connection, before: datetime, found: _Found, really: bool) -> PurgeCount:
    old = [one for one in found if one.at < before]
    busy = _busy(db, before, old)
    closed = [one.id for one in old if (one.store, one.order_id) not in busy]
    if closed and really:
        db.execute(events.delete().where(events.c.id.in_(closed)))
    return PurgeCount(events=len(closed))


_CONTENTS = _Category(_old_contents, _empty_old, BODY_BATCH)
_DOCUMENTS = _Category(_old_documents, _throw_away)
_TIMELINES = _Category(_old_lines, _shorten)


def _behind(last: Row[Any], at: ColumnElement[Any], *key: ColumnElement[Any]) -> Any:
    """Whether a row stands behind the last that was seen; the first half is what indexes know."""
    names = [getattr(last, one.key or "") for one in key]
    return (at >= last.at) & ((at > last.at) | (tuple_(*key) > tuple_(*names)))


def _busy(db: Connection, before: datetime, found: _Found) -> set[tuple[str, str]]:
    """Return the orders that have a job which is open or dead, or ended since then."""
    busy: set[tuple[str, str]] = set()
    for store, ids in _by_store(found):
        query = select(jobs.c.order_id).where(
            jobs.c.store == store,
            jobs.c.order_id.in_(ids),
            or_(jobs.c.state.not_in(_CLOSED), jobs.c.updated_at >= before),
        )
        busy |= {(store, one) for one in db.execute(query).scalars()}
    return busy


def _by_store(found: Iterable[Row[Any]]) -> Iterable[tuple[str, list[str]]]:
    """Return order ids by store; SQLite looks up no pair of both in an index."""
    ids: dict[str, set[str]] = {}
    for one in found:
        ids.setdefault(one.store, set()).add(one.order_id)
    return [(store, sorted(some)) for store, some in sorted(ids.items())]
