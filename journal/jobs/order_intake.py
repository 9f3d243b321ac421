"""Orders that the journal did not know, each with its intake due."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from journal.jobs import postgresql_fast_path as quick
from journal.model import Kind, Stage
from journal.queries import Readings
from journal.storage.rows import insert, line, new_job
from journal.storage.tables import events, jobs, orders


@dataclass(frozen=True, slots=True)
class Listed:
    """An order as VTEX's list names it."""

    order_id: str
    created_at: datetime | None
    value_cents: int | None


class Recording(Readings):
    """What writes down that an order is there."""

    def record(self, store: str, listed: Iterable[Listed]) -> int:
        """Write the orders that are not known yet, each with its intake due; return how many.

        One transaction; existing rows stay untouched.
        """
        now = self._now()
        # Due since it was placed: a backlog drains in order of age.
        rows = sorted({one.order_id: one for one in listed}.values(), key=_age)
        if not rows:
            return 0
        if not self._database.is_local:
            named = [(one.order_id, one.created_at, one.value_cents) for one in rows]
            return quick.record(self._database, store, named, now)
        with self._database.transaction() as db:
            # Nobody else writes meanwhile, as SQLite has one writer.
            there = select(jobs.c.order_id).where(
                jobs.c.store == store,
                jobs.c.order_id.in_([one.order_id for one in rows]),
                jobs.c.kind == Kind.INTAKE,
            )
            known = set(db.execute(there).scalars())
            new = [one for one in rows if one.order_id not in known]
            if new:
                _open(db, store, new, now)
        return len(new)


def _open(db: Connection, store: str, new: Sequence[Listed], now: datetime) -> None:
    """Write orders, each with its intake due."""
    noted = [
        {
            "store": store, "order_id": one.order_id, "created_at": one.created_at,
            "value_cents": one.value_cents, "listed_at": now,
        }
        for one in new
    ]  # fmt: skip
    db.execute(insert(db, orders).on_conflict_do_nothing(), noted)
    intakes = [
        new_job(store, one.order_id, Kind.INTAKE, "", now)
        | {"due_at": min(one.created_at or now, now)}
        for one in new
    ]
    db.execute(jobs.insert(), intakes)
    lines = [line(store, one.order_id, now, 0, "listed", stage=Stage.LISTED) for one in new]
    db.execute(events.insert(), lines)


def _age(one: Listed) -> tuple[bool, datetime, str]:
    return (
        one.created_at is None,
        one.created_at or datetime.max.replace(tzinfo=UTC),
        one.order_id,
    )
