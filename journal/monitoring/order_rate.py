"""Counts the new orders of each hour, once, so that a store's rhythm need not be read from all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update

from journal.monitoring.order_rate_model import HOUR, WEEK_HOURS, WEEKS, OrderRateModel
from journal.storage.repository import Repository
from journal.storage.rows import insert
from journal.storage.tables import heartbeats, order_rates, orders

_LATE = timedelta(minutes=5)
"""An hour is counted so long after its end: who wrote an order then has committed by now."""

_BATCH = 48
"""Hours counted in one transaction: none holds the database for long."""

_BATCHES = 8
"""Batches of one call; the first of all has eight weeks before it, and calls go on."""

_AHEAD = timedelta(days=1)
"""No clock is so far ahead. With an end as well as a beginning SQLite goes by time; without it
takes all orders there are, store by store."""

_COUNTED = "orders_counted"
"""The sign that tells up to which hour orders are counted."""


@dataclass(frozen=True, slots=True)
class LastOrder:
    """When a store's last new order came in, and whether its rhythm is counted up to now."""

    at: datetime
    counted: bool


class OrderRates(Repository):
    """The rhythms of the stores."""

    def count(self, now: datetime) -> dict[str, LastOrder]:
        """Count the hours that have ended since, and return each store's last new order.

        Several may do so at once: each hour is counted by one.
        """
        for _ in range(_BATCHES):
            with self._database.transaction() as db:
                until = _watermark(db, now)
                if until is None:
                    return {}
                ended = min(_hour_of(now - _LATE), until + _BATCH * HOUR)
                if ended <= until:
                    break
                _count(db, until, ended)
        with self._database.transaction() as db:
            until = _watermark(db, now)
            if until is None:
                return {}
            _note_last(db, until, now)
            counted = until >= _hour_of(now - _LATE)
            found = db.execute(select(order_rates.c.store, order_rates.c.last_at))
            return {one.store: LastOrder(one.last_at, counted) for one in found}

    def get(self, store: str) -> OrderRateModel | None:
        """Return a store's rhythm; None where no order of it ever came in."""
        query = select(order_rates.c.since, order_rates.c.hours).where(order_rates.c.store == store)
        with self._database.transaction() as db:
            row = db.execute(query).one_or_none()
        return None if row is None else OrderRateModel(row.since, json.loads(row.hours))


def _watermark(db: Connection, now: datetime) -> datetime | None:
    """Return up to when all is counted, kept from others; None while there is no order at all."""
    mine = select(heartbeats.c.at).where(heartbeats.c.name == _COUNTED, heartbeats.c.store == "")
    found: datetime | None = db.execute(mine.with_for_update()).scalar_one_or_none()
    if found is not None:
        return found
    first = db.execute(select(func.min(orders.c.listed_at))).scalar_one_or_none()
    if first is None:
        return None
    begin = _hour_of(max(first, now - timedelta(weeks=WEEKS)))
    row = {"name": _COUNTED, "store": "", "at": begin}
    db.execute(insert(db, heartbeats).values(row).on_conflict_do_nothing())
    return _watermark(db, now)  # whoever was first may have counted on meanwhile


def _count(db: Connection, since: datetime, until: datetime) -> None:
    known = {one.store: dict(one) for one in db.execute(select(order_rates)).mappings()}
    for one in known.values():
        one["hours"] = json.loads(one["hours"])
    hour = since
    while hour < until:
        found = _orders_of(db, hour, hour + HOUR)
        for store, (_, last_at) in found.items():
            known.setdefault(
                store, {"store": store, "since": hour, "hours": [], "last_at": last_at}
            )
        for store, one in known.items():
            count, last_at = found.get(store, (0, one["last_at"]))
            # One whose first order came in an hour that is not counted yet begins with it.
            if hour >= one["since"]:
                one["hours"].append(count)
            one["last_at"] = max(one["last_at"], last_at)
        hour += HOUR
    for one in known.values():
        _write(db, _shortened(one))
    db.execute(
        update(heartbeats)
        .where(heartbeats.c.name == _COUNTED, heartbeats.c.store == "")
        .values(at=until)
    )


def _shortened(one: dict[str, Any]) -> dict[str, Any]:
    gone = max(0, len(one["hours"]) - WEEKS * WEEK_HOURS)
    hours = json.dumps(one["hours"][gone:], separators=(",", ":"))
    return one | {"since": one["since"] + gone * HOUR, "hours": hours}


def _note_last(db: Connection, since: datetime, now: datetime) -> None:
    """Keep when the last orders came in, of the hours that are not counted yet."""
    known = {
        one.store: one.last_at
        for one in db.execute(select(order_rates.c.store, order_rates.c.last_at))
    }
    for store, (_, last_at) in sorted(_orders_of(db, since, now + _AHEAD).items()):
        if store not in known or last_at > known[store]:
            row = {"store": store, "since": since, "hours": "[]", "last_at": last_at}
            new = {"last_at": last_at}
            key = [order_rates.c.store]
            made = insert(db, order_rates).values(row)
            db.execute(made.on_conflict_do_update(index_elements=key, set_=new))


def _orders_of(
    db: Connection, since: datetime, until: datetime
) -> Mapping[str, tuple[int, datetime]]:
    at = orders.c.listed_at
    query = select(orders.c.store, func.count().label("n"), func.max(at).label("last_at"))
    query = query.where(at >= since, at < until).group_by(orders.c.store)
    return {one.store: (one.n, one.last_at) for one in db.execute(query)}


def _write(db: Connection, row: Mapping[str, Any]) -> None:
    new = {name: value for name, value in row.items() if name != "store"}
    db.execute(
        insert(db, order_rates)
        .values(dict(row))
        .on_conflict_do_update(index_elements=[order_rates.c.store], set_=new)
    )


def _hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
