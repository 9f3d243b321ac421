"""Alerts: each problem is one row with its start, its notifications and its end.

An alert is pending first, fires if the problem lasts, and resolves once the problem has been gone
for a while. Concurrent evaluations make one alert of one problem. One of them claims each message.
"""

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
"""Bound of the resolve delay of a problem that keeps coming back.

A problem that returns within this time after its end reopens its alert."""

ORPHANED_AFTER = timedelta(hours=1)
"""Time after which an alert without evaluation closes: its store or host is gone."""

CLOSED_KEPT_FOR = timedelta(days=365)
"""Retention of closed alerts."""

CLAIM_TIMEOUT = timedelta(minutes=2)
"""Lease of a claimed message. After it another process sends the message."""

RESOLUTION_TRIED_FOR = timedelta(days=1)
"""Time in which the notification of an alert's end is tried."""

MAX_CLAIMED = 200
_BACKOFF, _SLOWEST = 30.0, 900.0


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem that an alert rule has found.

    Attributes:
        rule: name of the rule.
        store: affected store. Empty for the cluster.
        message: one sentence without personal data.
        next_step: next step for a person, with a command if possible.
        since: start of the problem.
        key: separates problems of one rule and store.
        count: number of affected jobs or orders, or 0.
        order_id: first affected order.
        holds_since: if set, the problem counts only if this is later than its start. It proves
            that another possible cause is absent.
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
    """The delays of alerts.

    Attributes:
        pending: time by rule that a problem must last before its alert fires.
        resolve: time that it must be gone before the alert resolves. It doubles each time that
            the problem comes back soon.
        repeat: interval of reminders.
        repeat_by_rule: longer intervals for some rules.
        max_gap: bound between two evaluations. After a longer gap, a problem starts anew.
    """

    pending: Mapping[str, timedelta] = field(default_factory=dict)
    resolve: timedelta = timedelta(minutes=5)
    repeat: timedelta = timedelta(hours=4)
    repeat_by_rule: Mapping[str, timedelta] = field(default_factory=dict)
    max_gap: timedelta = timedelta(minutes=5)

    def repeat_of(self, rule: str) -> timedelta:
        """Return the interval of a rule's reminders."""
        return self.repeat_by_rule.get(rule, self.repeat)


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert.

    Attributes:
        since: start of the problem.
        seen_at: time of the last evaluation that found it.
        opened_at: time at which it fired.
        reopened: number of times that it came back soon after its end.
        notification_no: number of the due or last message: 1 is the alert, then come reminders,
            and last the resolution.
        notified_at: time at which that message first reached a receiver.
        delivered: receiver to the last message that it has.
        failures: failed deliveries in a row.
        fault: reason of the last failed delivery, without secrets.
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
        """Return whether a receiver needs the due message. A resolution needs an earlier alert."""
        if self.closed_at is not None and receiver not in self.delivered:
            return False
        return self.delivered.get(receiver, 0) < self.notification_no


RuleScope = tuple[str, str]
"""Rule and store."""


class Alerts(Repository):
    """The alerts of all rules and stores."""

    def observe(
        self,
        problems: Sequence[Problem],
        checked: Collection[RuleScope],
        timing: AlertTiming,
        *,
        now: datetime,
        keys: Collection[str] | None = None,
    ) -> None:
        """Update the alerts after an evaluation: pending, firing, resolved. Sends later.

        Args:
            problems: every problem within the evaluated scopes.
            checked: evaluated rules and stores. Other alerts stay as they are.
            keys: evaluated keys, for a partial evaluation such as one host's clock.
        """
        wrong = {(problem.rule, problem.store, problem.key): problem for problem in problems}
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
        """Return the last time since a moment at which each rule had a problem."""
        query = select(alerts.c.rule, alerts.c.store, func.max(alerts.c.seen_at).label("at"))
        query = query.where(alerts.c.seen_at >= since).group_by(alerts.c.rule, alerts.c.store)
        return {(row.rule, row.store): row.at for row in self._database.rows(query)}

    def find(self, *, store: str | None = None, since: datetime | None = None) -> list[AlertRow]:
        """Return open alerts, the latest first. ``since`` adds closed ones."""
        wanted: list[ColumnElement[bool]] = [alerts.c.opened_at.is_not(None)]
        if store is not None:
            wanted.append(alerts.c.store.in_([store, ""]))
        still = alerts.c.closed_at.is_(None)
        wanted.append(still if since is None else or_(still, alerts.c.closed_at >= since))
        query = select(alerts).where(*wanted).order_by(alerts.c.opened_at.desc(), alerts.c.id)
        return [_alert(row._mapping) for row in self._database.rows(query)]

    # --- sending ------------------------------------------------------------------------------

    def claim(self, timing: AlertTiming, *, now: datetime) -> list[AlertRow]:
        """Claim the alerts with a due message for this process.

        A dead process's claim ends after ``CLAIM_TIMEOUT``. A message may then be sent twice, but
        is never lost.
        """
        free = or_(alerts.c.claimed_until.is_(None), alerts.c.claimed_until < now)
        query = select(alerts).where(alerts.c.due_at <= now, free).order_by(alerts.c.id)
        with self._database.transaction() as db:
            rows = query.limit(MAX_CLAIMED).with_for_update(skip_locked=True)
            return [_alert(_claimed(db, row, timing, now)) for row in db.execute(rows).mappings()]

    def settle(
        self,
        alert: AlertRow,
        faults: Mapping[str, str | None],
        timing: AlertTiming,
        *,
        now: datetime,
    ) -> None:
        """Record the deliveries of an alert's message.

        Args:
            faults: receiver to the reason of its failed delivery, or ``None``.
        """
        with self._database.transaction() as db:
            query = select(alerts).where(alerts.c.id == alert.id).with_for_update()
            row = db.execute(query).mappings().one_or_none()
            if row is not None:
                _settle(db, row, alert, faults, timing, now)


def _open(
    db: Connection, places: Collection[RuleScope] | None, keys: Collection[str]
) -> dict[tuple[str, str, str], RowMapping]:
    """Lock and return pending and open alerts, of some rules and keys or of all."""
    query = select(alerts).where(alerts.c.closed_at.is_(None)).order_by(alerts.c.id)
    if places is not None:
        query = query.where(alerts.c.rule.in_({rule for rule, _ in places}))
        query = query.where(alerts.c.key.in_(keys))
    rows = db.execute(query.with_for_update()).mappings()
    return {(row["rule"], row["store"], row["key"]): row for row in rows}


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
    """Return the columns of a resolution for the receivers of the alert."""
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
        # The problem ended while its message was on its way.
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
