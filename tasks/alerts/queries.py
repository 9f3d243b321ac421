"""The queries of the alert rules: each yields the problems that it finds in the journal."""

import hashlib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from foundation.messages import alerts as messages
from foundation.messages.message import Text
from journal.jobs.dead_letters import general_reason
from journal.journal import Journal
from journal.monitoring.alert_queries import DeadLetterGroup, HealthSnapshot
from journal.monitoring.alerts import Problem, RuleScope
from journal.monitoring.heartbeats import ORDER_LIST_READ, STORE_REGISTERED
from journal.monitoring.order_rate import LastOrder
from tasks.alerts.model import AlertPolicy, MonitoredStore, Rule, Usage

MAX_CAUSES = 20
"""Number of causes of a store's dead letters that get an alert each. Further causes share one."""

MAX_REASON_LENGTH = 300
"""Maximum characters of a reason in a message."""

MIN_SILENCE = timedelta(minutes=15)
"""A shorter silence raises no alert, however busy the store is."""

DAYS_WITHOUT_MODEL = 3
"""Days without an order until a store with less than two weeks of history raises an alert. It is
longer than any weekend."""

MIN_ORDERS = 10
"""A new store needs so many orders before an alert expects more."""

RESTORED_FOR = timedelta(hours=1)
"""Time for which the alert of a restored feed stays."""

USED_UP = 0.9
"""Share of the rate limit that counts as used up, since the pace always leaves some room."""

BY_HAND = timedelta(days=365)
"""Only a pause by hand lasts longer than this."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The data of one evaluation of all rules.

    Attributes:
        last_seen: time of each rule's last problem, within the last two days.
    """

    journal: Journal
    now: datetime
    usage: Usage
    health: HealthSnapshot
    policy: AlertPolicy
    last_orders: Mapping[str, LastOrder]
    last_seen: Mapping[RuleScope, datetime]

    def answered_at(self, store: MonitoredStore) -> datetime | None:
        """Return when VTEX last answered with a store's orders, if it ever did."""
        times = [self.health.heartbeats.get((ORDER_LIST_READ, store.name))]
        feed = self.health.feeds.get(store.name) if store.by_feed else None
        if feed and feed.fault is None:
            times.append(feed.checked_at)
        return max((time for time in times if time is not None), default=None)

    def explained_until(self, store: str, *rules: Rule) -> datetime | None:
        """Return the last time at which another rule's problem explained a store's state."""
        scopes = [(rule, store) for rule in rules] + [(rule, "") for rule in rules]
        times = [self.last_seen[scope] for scope in scopes if scope in self.last_seen]
        return max(times, default=None)


# --- the cluster ------------------------------------------------------------------------------


def erp_down(evaluation: Evaluation) -> Iterator[Problem]:
    """Yield the problem that the ERP accepts no orders."""
    erp = evaluation.health.erp
    if erp is not None:
        text = messages.ERP_DOWN(reason=_short(erp.reason))
        yield _problem(Rule.ERP_DOWN, "", text, erp.since)


def dead_letters(evaluation: Evaluation) -> Iterator[Problem]:
    """Yield a problem for each store and cause of its dead letters."""
    names = {store.name for store in evaluation.policy.stores}
    causes: dict[tuple[str, str], list[DeadLetterGroup]] = {}
    for group in evaluation.health.dead:
        # A message may name any store. Stores without settings count as one store.
        store = group.store if group.store in names else ""
        causes.setdefault((store, general_reason(group.reason)), []).append(group)
    counts: dict[str, int] = {}
    rest: dict[str, list[DeadLetterGroup]] = {}
    for (store, cause), groups in causes.items():
        counts[store] = counts.get(store, 0) + 1
        if counts[store] > MAX_CAUSES:
            rest.setdefault(store, []).extend(groups)
        else:
            yield _dead_letters(store, cause, groups)
    for store, groups in rest.items():
        yield _dead_letters(store, None, groups)


def _dead_letters(store: str, cause: str | None, groups: Sequence[DeadLetterGroup]) -> Problem:
    """Return the problem of one cause, or of all further causes."""
    count = sum(group.count for group in groups)
    options = f" --store {store}" if store else ""
    noun = _counted(count, "dead letter")
    if cause is None:
        text = messages.MORE_DEAD_LETTERS(dead_letters=noun, options=options)
    else:
        # A part of a cause matches it too.
        matching = shlex.quote(_short(cause).removesuffix("…"))
        text = messages.DEAD_LETTERS(
            dead_letters=noun, cause=_short(cause), options=f"{options} --matching {matching}"
        )
    first = min(groups, key=lambda group: group.job)
    key = "…" if cause is None else cause
    return _problem(
        Rule.DEAD_LETTERS,
        store,
        text,
        min(group.since for group in groups),
        key=hashlib.sha256(key.encode(errors="replace")).hexdigest()[:32],
        count=count,
        order_id=first.order_id,
    )


# --- a store ----------------------------------------------------------------------------------


def store_paused(evaluation: Evaluation, store: MonitoredStore) -> Iterator[Problem]:
    """Yield the problem that the calls of a store are paused."""
    if store.name not in evaluation.health.store_pauses:
        return
    until, reason = evaluation.health.store_pauses[store.name]
    by_hand = until - evaluation.now > BY_HAND
    message = messages.PAUSED_BY_HAND if by_hand else messages.STORE_PAUSED
    text = message(reason=_short(reason), store=store.name)
    yield _problem(Rule.STORE_PAUSED, store.name, text, evaluation.now)


def vtex_silent(evaluation: Evaluation, store: MonitoredStore) -> Iterator[Problem]:
    """Yield the problem that VTEX answers neither by the list nor by the feed."""
    health, now = evaluation.health, evaluation.now
    answered = evaluation.answered_at(store) or health.heartbeats.get(
        (STORE_REGISTERED, store.name)
    )
    if answered is None or store.name in health.store_pauses:
        return
    explained = evaluation.explained_until(store.name, Rule.STORE_PAUSED, Rule.BEAT_SILENT)
    longest = max(evaluation.policy.vtex_silent, 3 * store.list_interval)
    if now - max(answered, explained or answered) > longest:
        yield _problem(Rule.VTEX_SILENT, store.name, messages.VTEX_SILENT(), answered)


def missing_orders(evaluation: Evaluation, store: MonitoredStore) -> Iterator[Problem]:
    """Yield the problem that fewer orders come in than at the store's usual rate."""
    last, answered = evaluation.last_orders.get(store.name), evaluation.answered_at(store)
    if last is None or answered is None or not store.missing_orders or not last.counted:
        return
    # While VTEX is silent, the shoppers may still order.
    explained = evaluation.explained_until(store.name, Rule.STORE_PAUSED, Rule.VTEX_SILENT)
    start, end = max(last.at, explained or last.at), min(evaluation.now, answered)
    if end - start < MIN_SILENCE:
        return
    text = _missing_orders(evaluation, store, start, end)
    if text is not None:
        yield _problem(Rule.MISSING_ORDERS, store.name, text, last.at)


def _missing_orders(
    evaluation: Evaluation, store: MonitoredStore, start: datetime, end: datetime
) -> Text | None:
    model = evaluation.journal.order_rates.get(store.name)
    if model is None:
        return None
    if model.is_known:
        expected = model.expected(start, end, store.zone)
        if expected < store.missing_orders:
            return None
        return messages.MISSING_ORDERS(expected=f"{expected:.0f}", store=store.name)
    if end - start < timedelta(days=DAYS_WITHOUT_MODEL) or sum(model.hours) < MIN_ORDERS:
        return None
    return messages.LAST_ORDER_OLD(days=DAYS_WITHOUT_MODEL, store=store.name)


def jobs_waiting(evaluation: Evaluation, store: MonitoredStore) -> Iterator[Problem]:
    """Yield the problem that jobs of a store are open for too long."""
    health = evaluation.health
    overdue = health.waiting.get(store.name)
    if overdue is None or store.name in health.store_pauses:
        return
    explained = evaluation.explained_until(
        store.name, Rule.STORE_PAUSED, Rule.VTEX_SILENT, Rule.ERP_DOWN, Rule.BEAT_SILENT
    )
    if evaluation.now - max(overdue.oldest, explained or overdue.oldest) <= store.max_wait:
        return
    oldest = evaluation.journal.alert_queries.oldest_waiting(store.name, health.erp)
    if oldest is not None:
        order_id, kind = oldest
        text = messages.JOBS_WAITING(
            jobs=_counted(overdue.count, "job"),
            kind=kind,
            order_id=order_id,
            store=store.name,
            minutes=f"{store.max_wait.total_seconds() / 60:g}",
        )
        yield _problem(
            Rule.JOBS_WAITING,
            store.name,
            text,
            overdue.oldest,
            count=overdue.count,
            order_id=order_id,
        )


def feed_broken(evaluation: Evaluation, store: MonitoredStore) -> Iterator[Problem]:
    """Yield the problem that a store's feed fails, or was lost a short time ago."""
    health = evaluation.health
    feed = health.feeds.get(store.name)
    if feed is None or not store.by_feed or store.name in health.store_pauses:
        return
    if feed.fault is not None:
        # Where the list fails too, VTEX or the network is the problem.
        listed = health.heartbeats.get((ORDER_LIST_READ, store.name)) or feed.checked_at
        text = messages.FEED_FAILED(reason=_short(feed.fault), store=store.name)
        yield _problem(Rule.FEED_BROKEN, store.name, text, feed.checked_at, holds_since=listed)
    elif feed.restored_at is not None and evaluation.now - feed.restored_at < RESTORED_FOR:
        text = messages.FEED_RESTORED(reason=_short(feed.restored_reason or ""), store=store.name)
        yield _problem(Rule.FEED_BROKEN, store.name, text, feed.restored_at)


def reconciliation_findings(evaluation: Evaluation, store: MonitoredStore) -> Iterator[Problem]:
    """Yield a problem for each kind of finding of the last reconciliation."""
    last = evaluation.health.reconciliations.get(store.name)
    for kind, count in last.findings.items() if last else ():
        if count:
            text = messages.RECONCILIATION_FINDINGS(
                orders=_counted(count, "order"), finding=kind, store=store.name
            )
            yield _problem(
                Rule.RECONCILIATION_FINDINGS,
                store.name,
                text,
                last.at if last else evaluation.now,
                key=kind[:128],
                count=count,
            )


def rate_limit_exhausted(evaluation: Evaluation, store: MonitoredStore) -> Iterator[Problem]:
    """Yield the problem that a store uses up its rate limit."""
    usage = evaluation.usage.get(store.name)
    if usage and usage.allowed and usage.used >= USED_UP * usage.allowed:
        text = messages.RATE_LIMIT_EXHAUSTED(
            used=usage.used, allowed=usage.allowed, store=store.name
        )
        yield _problem(Rule.RATE_LIMIT_EXHAUSTED, store.name, text, evaluation.now)


# --- found by each worker's watchdog ----------------------------------------------------------


def beat_silent(evaluated_at: datetime, reason: str) -> Problem:
    """Return the problem that scheduled tasks do not run.

    Args:
        evaluated_at: time of the last evaluation of alerts, which is a scheduled task.
    """
    return _problem(Rule.BEAT_SILENT, "", messages.BEAT_SILENT(reason=reason), evaluated_at)


def clock_skew(host: str, seconds: float, since: datetime) -> Problem:
    """Return the problem that the clock of a host differs from the journal's."""
    text = messages.CLOCK_SKEW(host=host, seconds=f"{seconds:.0f}")
    return _problem(Rule.CLOCK_SKEW, "", text, since, key=host[:128])


def _problem(rule: Rule, store: str, text: Text, since: datetime, **details: Any) -> Problem:
    return Problem(rule, store, text.words, text.next_step, since, **details)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _short(reason: str) -> str:
    """Return a reason on one line, of bounded length."""
    line = " ".join(reason.split())
    return line if len(line) <= MAX_REASON_LENGTH else f"{line[:MAX_REASON_LENGTH]}…"
