"""Counts the new orders of each hour once, for the order rate of each store."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update

from journal.monitoring.order_rate_model import HOUR, WEEK_HOURS, WEEKS, OrderRateModel, on_the_hour
from journal.storage.repository import Repository
from journal.storage.rows import insert, upsert
from journal.storage.tables import heartbeats, order_rates, orders

_LATE = timedelta(minutes=5)
"""Delay of the count after the end of an hour. By then every transaction has ended."""

_BATCH = 48
"""Hours per transaction, so that each one is short."""

_BATCHES = 8
"""Batches per call. The first calls work through eight weeks."""

_AHEAD = timedelta(days=1)
"""Upper bound of a time range. With it SQLite uses the index on time, and not a full scan."""

_COUNTED = "orders_counted"
"""Heartbeat of the counted hours."""


@dataclass(frozen=True, slots=True)
class LastOrder:
    """The arrival of a store's last order, and whether its count is complete."""

    at: datetime
    counted: bool


class OrderRates(Repository):
    """The order rates of all stores."""

    def count(self, now: datetime) -> dict[str, LastOrder]:
        """Count finished hours, and return each store's last order.

        Concurrent callers are safe: each hour is counted once.
        """
        for _ in range(_BATCHES):
            with self._database.transaction() as db:
                until = _watermark(db, now)
                if until is None:
                    return {}
                ended = min(on_the_hour(now - _LATE), until + _BATCH * HOUR)
                if ended <= until:
                    break
                _count(db, until, ended)
        with self._database.transaction() as db:
            until = _watermark(db, now)
            if until is None:
                return {}
            _note_last(db, until, now)
            counted = until >= on_the_hour(now - _LATE)
            rows = db.execute(select(order_rates.c.store, order_rates.c.last_at))
            return {row.store: LastOrder(row.last_at, counted) for row in rows}

    def get(self, store: str) -> OrderRateModel | None:
        """Return a store's order rate, or ``None`` before its first order."""
        query = select(order_rates.c.since, order_rates.c.hours).where(order_rates.c.store == store)
        row = self._database.row(query)
        return None if row is None else OrderRateModel(row.since, json.loads(row.hours))


def _watermark(db: Connection, now: datetime) -> datetime | None:
    """Lock and return the end of the counted hours, or ``None`` without orders."""
    mine = select(heartbeats.c.at).where(heartbeats.c.name == _COUNTED, heartbeats.c.store == "")
    watermark: datetime | None = db.execute(mine.with_for_update()).scalar_one_or_none()
    if watermark is not None:
        return watermark
    first = db.execute(select(func.min(orders.c.listed_at))).scalar_one_or_none()
    if first is None:
        return None
    begin = on_the_hour(max(first, now - timedelta(weeks=WEEKS)))
    row = {"name": _COUNTED, "store": "", "at": begin}
    db.execute(insert(db, heartbeats).values(row).on_conflict_do_nothing())
    return _watermark(db, now)  # another caller may have counted meanwhile


def _count(db: Connection, since: datetime, until: datetime) -> None:
    known = {row.store: dict(row) for row in db.execute(select(order_rates)).mappings()}
    for row in known.values():
        row["hours"] = json.loads(row["hours"])
    hour = since
    while hour < until:
        orders = _orders_of(db, hour, hour + HOUR)
        for store, (_, last_at) in orders.items():
            known.setdefault(
                store, {"store": store, "since": hour, "hours": [], "last_at": last_at}
            )
        for store, row in known.items():
            count, last_at = orders.get(store, (0, row["last_at"]))
            # A store begins with the hour of its first order.
            if hour >= row["since"]:
                row["hours"].append(count)
            row["last_at"] = max(row["last_at"], last_at)
        hour += HOUR
    for row in known.values():
        upsert(db, order_rates, {"store": row.pop("store")}, _shortened(row))
    db.execute(
        update(heartbeats)
        .where(heartbeats.c.name == _COUNTED, heartbeats.c.store == "")
        .values(at=until)
    )


def _shortened(row: dict[str, Any]) -> dict[str, Any]:
    gone = max(0, len(row["hours"]) - WEEKS * WEEK_HOURS)
    hours = json.dumps(row["hours"][gone:], separators=(",", ":"))
    return row | {"since": row["since"] + gone * HOUR, "hours": hours}


def _note_last(db: Connection, since: datetime, now: datetime) -> None:
    """Store the arrival of the last orders in hours that are not counted yet."""
    known = {
        row.store: row.last_at
        for row in db.execute(select(order_rates.c.store, order_rates.c.last_at))
    }
    for store, (_, last_at) in sorted(_orders_of(db, since, now + _AHEAD).items()):
        if store not in known or last_at > known[store]:
            row = {"store": store, "since": since, "hours": "[]", "last_at": last_at}
            made = insert(db, order_rates).values(row)
            new = {"last_at": last_at}
            db.execute(made.on_conflict_do_update(index_elements=["store"], set_=new))


def _orders_of(
    db: Connection, since: datetime, until: datetime
) -> Mapping[str, tuple[int, datetime]]:
    at = orders.c.listed_at
    query = select(orders.c.store, func.count().label("n"), func.max(at).label("last_at"))
    query = query.where(at >= since, at < until).group_by(orders.c.store)
    return {row.store: (row.n, row.last_at) for row in db.execute(query)}
