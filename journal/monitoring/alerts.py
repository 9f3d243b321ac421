"""Alerts: what is wrong, since when, who was told, and when it was over. One row a problem.

An alert is noticed first, opened when it lasts, and closed when its cause has been gone for a
while. Whoever looks may do so beside others: what two find at once is one alert, and what is to be
sent is claimed by one of them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, func, or_, select, update

from journal.storage.repository import Repository
from journal.storage.rows import Row, insert
from journal.storage.tables import alerts

MAX_RESOLVE_DELAY = timedelta(hours=4)
"""A cause that comes back again and again is closed after so long a calm, at most; and so soon
after its end it counts as having come back."""

ORPHANED_AFTER = timedelta(hours=1)
"""An alert that nobody looked after for so long is closed: its store or host is gone."""

CLOSED_KEPT_FOR = timedelta(days=365)
"""Closed alerts are kept for so long."""

CLAIM_TIMEOUT = timedelta(minutes=2)
"""Longer than sending may take: what was claimed by somebody who died is sent again after it."""

RESOLUTION_TRIED_FOR = timedelta(days=1)
"""For so long the end of an alert is tried to be told."""

MAX_CLAIMED = 200
_BACKOFF, _SLOWEST = 30.0, 900.0


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong now.

    Attributes:
        rule: its name.
        store: empty where it concerns the cluster.
        message: one sentence without personal data.
        next_step: the next step, a command where there is one.
        since: since when it is so.
        key: tells problems of one rule and store apart.
        count: how many are concerned; 0 where that says nothing.
        order_id: the first that is concerned.
        holds_since: set where it only counts if this is later than when it was noticed: the
            proof that what else could be the cause works.
    """

    rule: str
    store: str
    message: str
    next_step: str
    since: datetime
    key: str = ""
    count: int = 0
    order_id: str | None = None
    holds_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class AlertTiming:
    """How quickly alerts open, close and are told again.

    Attributes:
        pending: how long a cause has to last before it is told, by rule.
        resolve: how long it has to be gone before that is told; twice as long each time that it
            came back soon.
        repeat: between two messages of one that lasts.
        repeat_by_rule: the same, of rules that are reminded of less often.
        max_gap: between two looks; after a longer one nobody knows whether a cause has lasted.
    """

    pending: Mapping[str, timedelta] = field(default_factory=dict)
    resolve: timedelta = timedelta(minutes=5)
    repeat: timedelta = timedelta(hours=4)
    repeat_by_rule: Mapping[str, timedelta] = field(default_factory=dict)
    max_gap: timedelta = timedelta(minutes=5)

    def repeat_of(self, rule: str) -> timedelta:
        """Return how long after a message another one reminds of what a rule found."""
        return self.repeat_by_rule.get(rule, self.repeat)


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert.

    Attributes:
        since: since when its cause holds.
        seen_at: when it was last seen to hold.
        opened_at: when it had lasted long enough to be told.
        reopened: how often it came back soon after its end.
        notification_no: number of the message that is due or was sent last: 1 is the alert, then
            come the reminders, at the end the resolution.
        notified_at: when that message first reached anybody.
        delivered: receivers' names to the last message that they have.
        failures: to send it, in a row.
        fault: why it could not be sent; names no secret.
    """

    id: int
    rule: str
    store: str
    key: str
    message: str
    next_step: str
    since: datetime
    count: int
    order_id: str | None
    seen_at: datetime
    opened_at: datetime | None
    closed_at: datetime | None
    reopened: int
    notification_no: int
    notified_at: datetime | None
    delivered: Mapping[str, int]
    failures: int
    fault: str | None

    def lacks(self, receiver: str) -> bool:
        """Say whether a receiver is to get the message that is due; an end, who knows of it."""
        if self.closed_at is not None and receiver not in self.delivered:
            return False
        return self.delivered.get(receiver, 0) < self.notification_no


RuleScope = tuple[str, str]
"""Rule and store."""


class Alerts(Repository):
    """What is kept of alerts."""

    def observe(
        self,
        problems: Sequence[Problem],
        checked: Collection[RuleScope],
        timing: AlertTiming,
        *,
        now: datetime,
        keys: Collection[str] | None = None,
    ) -> None:
        """Keep what is wrong now: notice, open, go on, close. Sends nothing.

        Args:
            problems: all that hold, of what was looked at.
            checked: rules and stores that were looked at; what else is open stays.
            keys: where it is a part of them, as one host's clock is: which keys; other rules are
                left alone then.
        """
        wrong = {(one.rule, one.store, one.key): one for one in problems}
        with self._database.transaction() as db:
            known = _open(db, None if keys is None else checked, keys or ())
            for name in sorted(wrong):
                if name not in known:
                    _notice(db, wrong[name], timing, now)
            for name, row in known.items():
                if name in wrong:
                    _go_on(db, row, wrong[name], timing, now)
                elif name[:2] in checked:
                    _calm_down(db, row, timing, now)
                elif now - (row["resolving_since"] or row["seen_at"]) > ORPHANED_AFTER:
                    _close(db, row, now)
            if keys is None:
                db.execute(alerts.delete().where(alerts.c.closed_at < now - CLOSED_KEPT_FOR))

    def last_seen(self, since: datetime) -> dict[RuleScope, datetime]:
        """Return when each rule was last seen to be broken, noticed or open, since then."""
        query = select(alerts.c.rule, alerts.c.store, func.max(alerts.c.seen_at).label("at"))
        query = query.where(alerts.c.seen_at >= since).group_by(alerts.c.rule, alerts.c.store)
        with self._database.transaction() as db:
            return {(one.rule, one.store): one.at for one in db.execute(query)}

    def find(self, *, store: str | None = None, since: datetime | None = None) -> list[AlertRow]:
        """Return what is open, the latest first; with ``since`` also what was since then."""
        wanted: list[ColumnElement[bool]] = [alerts.c.opened_at.is_not(None)]
        if store is not None:
            wanted.append(alerts.c.store.in_([store, ""]))
        still = alerts.c.closed_at.is_(None)
        wanted.append(still if since is None else or_(still, alerts.c.closed_at >= since))
        query = select(alerts).where(*wanted).order_by(alerts.c.opened_at.desc(), alerts.c.id)
        with self._database.transaction() as db:
            return [_alert(one) for one in db.execute(query).mappings()]

    # --- sending ------------------------------------------------------------------------------

    def claim(self, timing: AlertTiming, *, now: datetime) -> list[AlertRow]:
        """Return alerts whose message is to be sent now; nobody else gets them for a while.

        A claim of a process that died ends after ``CLAIM_TIMEOUT``. A message may be sent twice
        then; it is never lost.
        """
        free = or_(alerts.c.claimed_until.is_(None), alerts.c.claimed_until < now)
        query = select(alerts).where(alerts.c.due_at <= now, free).order_by(alerts.c.id)
        with self._database.transaction() as db:
            rows = query.limit(MAX_CLAIMED).with_for_update(skip_locked=True)
            return [_alert(_claimed(db, one, timing, now)) for one in db.execute(rows).mappings()]

    def settle(
        self, one: AlertRow, faults: Mapping[str, str | None], timing: AlertTiming, *, now: datetime
    ) -> None:
        """Keep what came of sending an alert's message.

        Args:
            faults: receivers' names to why they did not get it; None where they did.
        """
        with self._database.transaction() as db:
            query = select(alerts).where(alerts.c.id == one.id).with_for_update()
            row = db.execute(query).mappings().one_or_none()
            if row is not None:
                _settle(db, row, one, faults, timing, now)


def _open(
    db: Connection, places: Collection[RuleScope] | None, keys: Collection[str]
) -> dict[tuple[str, str, str], RowMapping]:
    """Return what is noticed or open, kept from others; of some rules and keys, or all."""
    query = select(alerts).where(alerts.c.closed_at.is_(None)).order_by(alerts.c.id)
    if places is not None:
        query = query.where(alerts.c.rule.in_({rule for rule, _ in places}))
        query = query.where(alerts.c.key.in_(keys))
    found = db.execute(query.with_for_update()).mappings()
    return {(one["rule"], one["store"], one["key"]): one for one in found}


def _notice(db: Connection, problem: Problem, timing: AlertTiming, now: datetime) -> None:
    mine = (
        alerts.c.rule == problem.rule,
        alerts.c.store == problem.store,
        alerts.c.key == problem.key,
    )
    before = select(func.max(alerts.c.reopened)).where(
        *mine, alerts.c.opened_at.is_not(None), alerts.c.closed_at > now - MAX_RESOLVE_DELAY
    )
    reopened = db.execute(before).scalar_one_or_none()
    opens = not timing.pending.get(problem.rule) and problem.holds_since is None
    row = {
        "rule": problem.rule,
        "store": problem.store,
        "key": problem.key,
        **_told(problem),
        "noticed_at": now,
        "seen_at": now,
        "opened_at": now if opens else None,
        "reopened": 0 if reopened is None else reopened + 1,
        "notification_no": 1,
        "delivered": "{}",
        "due_at": now if opens else None,
        "failures": 0,
    }
    db.execute(insert(db, alerts).values(row).on_conflict_do_nothing())


def _go_on(db: Connection, row: Row, problem: Problem, timing: AlertTiming, now: datetime) -> None:
    since = min(row["since"], problem.since)
    values: dict[str, Any] = _told(problem) | {
        "since": since,
        "seen_at": now,
        "resolving_since": None,
    }
    if row["opened_at"] is None:
        noticed = row["noticed_at"]
        if now - row["seen_at"] > timing.max_gap:
            values["noticed_at"] = noticed = now
        proved = problem.holds_since is None or problem.holds_since > noticed
        if proved and now - noticed >= timing.pending.get(problem.rule, timedelta(0)):
            values |= {"opened_at": now, "due_at": now}
    _change(db, row, **values)


def _calm_down(db: Connection, row: Row, timing: AlertTiming, now: datetime) -> None:
    since = row["resolving_since"]
    if since is None:
        _change(db, row, resolving_since=now)
    elif now - since >= min(
        timing.resolve * 2 ** min(row["reopened"], 10), max(MAX_RESOLVE_DELAY, timing.resolve)
    ):
        _close(db, row, now)


def _close(db: Connection, row: Row, now: datetime) -> None:
    if row["opened_at"] is None:
        db.execute(alerts.delete().where(alerts.c.id == row["id"]))
        return
    _change(db, row, closed_at=now, **_end_of(row, now))


def _end_of(row: Row, now: datetime) -> dict[str, Any]:
    """Return what lets the end be told, to whoever was told of the beginning."""
    if row["delivered"] == "{}":
        return {"due_at": None}
    return {
        "notification_no": row["notification_no"] + 1,
        "notified_at": None,
        "failures": 0,
        "due_at": now,
    }


def _claimed(db: Connection, row: Row, timing: AlertTiming, now: datetime) -> Row:
    values: dict[str, Any] = {"claimed_until": now + CLAIM_TIMEOUT}
    if row["closed_at"] is None and _is_old(row, timing, now):
        values |= {
            "notification_no": row["notification_no"] + 1,
            "notified_at": None,
            "failures": 0,
        }
    _change(db, row, **values)
    return {**row, **values}


def _is_old(row: Row, timing: AlertTiming, now: datetime) -> bool:
    notified_at = row["notified_at"]
    return notified_at is not None and now - notified_at >= timing.repeat_of(row["rule"])


def _settle(
    db: Connection,
    row: Row,
    sent: AlertRow,
    faults: Mapping[str, str | None],
    timing: AlertTiming,
    now: datetime,
) -> None:
    got = [name for name, fault in faults.items() if fault is None]
    delivered = {**json.loads(row["delivered"]), **dict.fromkeys(got, sent.notification_no)}
    values: dict[str, Any] = {"delivered": json.dumps(delivered), "claimed_until": None}
    if row["notification_no"] == sent.notification_no:
        notified_at = row["notified_at"] or (now if got else None)
        message = "; ".join(f"{name}: {fault}" for name, fault in faults.items() if fault) or None
        again = (
            notified_at + timing.repeat_of(row["rule"])
            if notified_at and row["closed_at"] is None
            else None
        )
        values |= {"notified_at": notified_at, "fault": message}
        if message is None:
            values |= {"failures": 0, "due_at": again}
        elif row["closed_at"] is not None and now - row["closed_at"] > RESOLUTION_TRIED_FOR:
            values["due_at"] = None
        else:
            failures = row["failures"] + 1
            later = now + timedelta(seconds=min(_BACKOFF * 2 ** min(failures, 10), _SLOWEST))
            values |= {"failures": failures, "due_at": min(later, again) if again else later}
    if row["closed_at"] is not None and sent.closed_at is None:
        # It ended while its message was on its way.
        values |= _end_of({**row, **values, "notification_no": sent.notification_no}, now)
    _change(db, row, **values)


def _told(problem: Problem) -> dict[str, Any]:
    return {
        "message": problem.message,
        "next_step": problem.next_step,
        "since": problem.since,
        "count": problem.count,
        "order_id": problem.order_id,
    }


def _change(db: Connection, row: Row, **values: Any) -> None:
    db.execute(update(alerts).where(alerts.c.id == row["id"]).values(**values))


def _alert(row: Row) -> AlertRow:
    plain = {name: row[name] for name in AlertRow.__slots__ if name != "delivered"}
    return AlertRow(**plain, delivered=json.loads(row["delivered"]))
