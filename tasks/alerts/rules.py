"""The rules: what is wrong with the stores and the cluster, seen from the journal.

No Celery here, and no clock: ``evaluate`` and ``look`` may be called with any journal and moment,
as a simulation does.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from journal.jobs.dead_letters import general_reason
from journal.journal import Journal
from journal.monitoring.alert_queries import DeadLetterGroup, HealthSnapshot
from journal.monitoring.alerts import Problem, RuleScope
from journal.monitoring.heartbeats import ORDER_LIST_READ, STORE_REGISTERED
from journal.monitoring.order_rate import LastOrder
from tasks.alerts.model import AlertPolicy, MonitoredStore, Rule, Usage

OF_STORES = (
    Rule.MISSING_ORDERS, Rule.VTEX_SILENT, Rule.JOBS_WAITING, Rule.DEAD_LETTERS, Rule.STORE_PAUSED,
    Rule.RATE_LIMIT_EXHAUSTED, Rule.FEED_BROKEN, Rule.RECONCILIATION_FINDINGS,
)  # fmt: skip

CAUSES = 20
"""Causes of dead jobs that a store is told of one by one; what is beyond is one alert together."""

LONGEST_WORDS = 300
"""Characters of a reason that a message shows."""

SHORTEST_SILENCE = timedelta(minutes=15)
"""A silence shorter than this is no news, in however busy a store."""

UNKNOWN_SILENCE = timedelta(hours=72)
"""A silence that is told of where there are fewer than two weeks to learn a rhythm from: longer
than any weekend."""

FEW_ORDERS = 10
"""Orders without which a new store is not expected to have any."""

RESTORED = timedelta(hours=1)
"""For so long a feed that was restored is told of."""

USED_UP = 0.9
"""Part of the rate limit that counts as all of it: its pace leaves some room by design."""

BY_HAND = timedelta(days=365)
"""A pause that has longer than this left was begun by hand, and is ended by hand."""

MEMORY = timedelta(days=2)
"""What was broken so recently may explain what is seen now."""


@dataclass(frozen=True, slots=True)
class _Look:
    """One look: everything that the rules ask."""

    journal: Journal
    now: datetime
    usage: Usage
    vitals: HealthSnapshot
    policy: AlertPolicy
    last_orders: Mapping[str, LastOrder]
    last_seen: Mapping[RuleScope, datetime]

    def heard(self, store: MonitoredStore) -> datetime | None:
        """Return when VTEX last told which orders a store has; None where it never did."""
        times = [self.vitals.signs.get((ORDER_LIST_READ, store.name))]
        feed = self.vitals.feeds.get(store.name) if store.by_feed else None
        if feed and feed.fault is None:
            times.append(feed.looked_at)
        return max((one for one in times if one is not None), default=None)

    def explained_until(self, store: str, *rules: Rule) -> datetime | None:
        """Return until when other rules explain what a store does."""
        places = [(one, store) for one in rules] + [(one, "") for one in rules]
        times = [self.last_seen[one] for one in places if one in self.last_seen]
        return max(times, default=None)


def evaluate(
    journal: Journal, policy: AlertPolicy, now: datetime, usage: Usage | None = None
) -> list[Problem]:
    """Return what is wrong at a moment, by what the journal holds; change no alert.

    A function of the journal's rows, the policy, the moment and the facts alone: it asks no clock,
    no broker and no VTEX, so that a month of a store can be played in seconds. The counts by which
    rhythms are known are brought up to date in passing.

    Args:
        journal: its own clock does not matter.
        now: aware; not earlier than what is in the journal.
        facts: what the journal cannot know; without them no quota is used up.
    """
    last_orders = journal.order_rates.count(now)
    shortest = min((one.max_wait for one in policy.stores), default=timedelta(0))
    look = _Look(
        journal, now, usage or {}, journal.alert_queries.snapshot(now, waits=shortest), policy,
        last_orders, journal.alerts.last_seen(now - MEMORY),
    )  # fmt: skip
    found = list(_erp(look))
    found += _dead(look)
    for store in policy.stores:
        for rule in (_paused, _unheard, _quiet, _waiting, _feed, _findings, _quota):
            found += rule(look, store)
    return [one for one in found if one.rule not in policy.ignored]


def update_alerts(
    journal: Journal, policy: AlertPolicy, now: datetime, usage: Usage | None = None
) -> None:
    """Evaluate all rules and keep what came of it: open alerts, go on with them, close them.

    Sends nothing (``tasks.alerts.delivery``). That somebody looks is what the rule ``beat`` asks
    for, so that it is fulfilled here. Called again at the same moment it changes nothing. A
    caller with another rhythm than each minute sets ``AlertPolicy.check_interval``: a problem seen
    before a longer gap does not count as having lasted.
    """
    journal.heartbeats.register_stores([one.name for one in policy.stores], now)
    found = evaluate(journal, policy, now, usage)
    journal.alerts.observe(found, looked_at(policy, usage or {}), policy.timing, now=now)


def looked_at(policy: AlertPolicy, usage: Usage) -> set[RuleScope]:
    """Return the rules and stores that a look covers."""
    names = [one.name for one in policy.stores]
    places: set[RuleScope] = {(rule, name) for rule in OF_STORES for name in names}
    # Nobody knows of a quota whose Redis does not answer.
    places -= {(Rule.RATE_LIMIT_EXHAUSTED, name) for name in names if name not in usage}
    return places | {(Rule.DEAD_LETTERS, ""), (Rule.ERP_DOWN, ""), (Rule.BEAT_SILENT, "")}


def beat_silent(watched: datetime, words: str) -> Problem:
    """Return the cause that no beat's task has run; ``words`` say what else is known."""
    return Problem(
        Rule.BEAT_SILENT, "",
        f"what is on the schedule does not run, so that no order comes in or goes on: {words}",
        "start celery -A workers beat, and a worker of the queue control; then vtex-erp check",
        watched,
    )  # fmt: skip


def clock_skewed(host: str, seconds: float, since: datetime) -> Problem:
    """Return the cause that a host's clock is not the journal's."""
    return Problem(
        Rule.CLOCK_SKEW, "", f"the clock of {host} is {seconds:.0f} s off the journal's database",
        "run NTP on both hosts", since, key=host[:128],
    )  # fmt: skip


# --- the rules ------------------------------------------------------------------------------------


def _erp(look: _Look) -> Iterator[Problem]:
    erp = look.vitals.erp
    if erp is not None:
        yield Problem(
            Rule.ERP_DOWN, "", f"the ERP takes no orders: {_short(erp.reason)}",
            "start the ERP; vtex-erp check", erp.since,
        )  # fmt: skip


def _dead(look: _Look) -> Iterator[Problem]:
    known = {one.name for one in look.policy.stores}
    groups: dict[tuple[str, str], list[DeadLetterGroup]] = {}
    for one in look.vitals.dead:
        # Any name can come in by a message: those that are not ours are one store together.
        store = one.store if one.store in known else ""
        groups.setdefault((store, general_reason(one.reason)), []).append(one)
    told: dict[str, int] = {}
    rest: dict[str, list[DeadLetterGroup]] = {}
    for (store, cause), found in groups.items():
        told[store] = told.get(store, 0) + 1
        if told[store] > CAUSES:
            rest.setdefault(store, []).extend(found)
            continue
        words = f"{_jobs(found)} set aside: {_short(cause)}"
        yield _dead_cause(store, cause, found, words, f" --reason {_quoted(cause)}")
    for store, found in rest.items():
        yield _dead_cause(store, "…", found, f"{_jobs(found)} set aside for other causes")


def _dead_cause(
    store: str, key: str, found: Sequence[DeadLetterGroup], words: str, option: str = ""
) -> Problem:
    where = f" --store {store}" if store else ""
    first = min(found, key=lambda one: one.job)
    return Problem(
        Rule.DEAD_LETTERS, store, words,
        f"vtex-erp dead{where}{option}; mend the cause, then vtex-erp retry{where}{option}",
        min(one.since for one in found),
        key=hashlib.sha256(key.encode(errors="replace")).hexdigest()[:32],
        count=sum(one.count for one in found),
        order_id=first.order_id,
    )  # fmt: skip


def _paused(look: _Look, store: MonitoredStore) -> Iterator[Problem]:
    if store.name not in look.vitals.pauses:
        return
    until, reason = look.vitals.pauses[store.name]
    if until - look.now > BY_HAND:
        words, todo = f"is paused until somebody ends it: {_short(reason)}", ""
    else:
        words, todo = f"is paused: {_short(reason)}", "vtex-erp check; it goes on by itself, or "
    since = look.now
    yield Problem(
        Rule.STORE_PAUSED, store.name, words, f"{todo}vtex-erp resume {store.name}", since
    )


def _unheard(look: _Look, store: MonitoredStore) -> Iterator[Problem]:
    heard = look.heard(store) or look.vitals.signs.get((STORE_REGISTERED, store.name))
    if heard is None or store.name in look.vitals.pauses:
        return
    explained = look.explained_until(store.name, Rule.STORE_PAUSED, Rule.BEAT_SILENT)
    if look.now - max(heard, explained or heard) > max(
        look.policy.vtex_silent, 3 * store.list_interval
    ):
        yield Problem(
            Rule.VTEX_SILENT, store.name, "VTEX tells of no orders, new or not",
            "vtex-erp check; if that is well, the logs of a worker of the queue control", heard,
        )  # fmt: skip


def _quiet(look: _Look, store: MonitoredStore) -> Iterator[Problem]:
    last, heard = look.last_orders.get(store.name), look.heard(store)
    if last is None or heard is None or not store.missing_orders or not last.counted:
        return
    # While VTEX tells nothing there is no silence of the shoppers.
    explained = look.explained_until(store.name, Rule.STORE_PAUSED, Rule.VTEX_SILENT)
    begin, end = max(last.at, explained or last.at), min(look.now, heard)
    if end - begin < SHORTEST_SILENCE:
        return
    rhythm = look.journal.order_rates.get(store.name)
    if rhythm is None:
        return
    if rhythm.is_known:
        missing = rhythm.expected(begin, end, store.zone)
        if missing < store.missing_orders:
            return
        words = f"no new order, where some {missing:.0f} were to be expected"
    elif end - begin < UNKNOWN_SILENCE or sum(rhythm.hours) < FEW_ORDERS:
        return
    else:
        words = "no new order for three days"
    yield Problem(
        Rule.MISSING_ORDERS, store.name, words,
        f"look at the shop and its payments; then vtex-erp reconcile --store {store.name}", last.at,
    )  # fmt: skip


def _waiting(look: _Look, store: MonitoredStore) -> Iterator[Problem]:
    found = look.vitals.waiting.get(store.name)
    if found is None or store.name in look.vitals.pauses:
        return
    explained = look.explained_until(
        store.name, Rule.STORE_PAUSED, Rule.VTEX_SILENT, Rule.ERP_DOWN, Rule.BEAT_SILENT
    )
    if look.now - max(found.oldest, explained or found.oldest) <= store.max_wait:
        return
    oldest = look.journal.alert_queries.oldest_waiting(store.name, look.vitals.erp)
    if oldest is not None:
        minutes = f"{store.max_wait.total_seconds() / 60:g}"
        yield Problem(
            Rule.JOBS_WAITING, store.name,
            f"{_counted(found.count, 'job')} known for more than {minutes} minutes and not done; "
            f"the oldest is an order's {oldest[1]}",
            f"vtex-erp order {oldest[0]} says for what; "
            f"vtex-erp orders --store {store.name} --older-than {minutes}; "
            f"vtex-erp requests --store {store.name} --older-than {minutes}",
            found.oldest, count=found.count, order_id=oldest[0],
        )  # fmt: skip


def _feed(look: _Look, store: MonitoredStore) -> Iterator[Problem]:
    feed = look.vitals.feeds.get(store.name)
    if feed is None or not store.by_feed or store.name in look.vitals.pauses:
        return
    todo = f"vtex-erp feed show --store {store.name}; who else has its key?"
    if feed.fault is not None:
        # Where the list fails as well it is VTEX, or the network, and no fault of the feed.
        listed = look.vitals.signs.get((ORDER_LIST_READ, store.name)) or feed.looked_at
        yield Problem(
            Rule.FEED_BROKEN, store.name,
            f"the feed does not work, orders come by the list: {_short(feed.fault)}",
            todo, feed.looked_at, holds_since=listed,
        )  # fmt: skip
    elif feed.restored_at is not None and look.now - feed.restored_at < RESTORED:
        yield Problem(
            Rule.FEED_BROKEN, store.name,
            f"the feed was lost, and is restored: {_short(feed.restored_why or '')}",
            todo, feed.restored_at,
        )  # fmt: skip


def _findings(look: _Look, store: MonitoredStore) -> Iterator[Problem]:
    last = look.vitals.reconciliations.get(store.name)
    for kind, count in last.findings.items() if last else ():
        if count:
            yield Problem(
                Rule.RECONCILIATION_FINDINGS, store.name,
                f"{_counted(count, 'order')} found by the reconciliation: {kind}",
                f"vtex-erp reconcile --store {store.name}, then --fix",
                last.at if last else look.now, key=kind[:128], count=count,
            )  # fmt: skip


def _quota(look: _Look, store: MonitoredStore) -> Iterator[Problem]:
    usage = look.usage.get(store.name)
    if usage and usage.allowed and usage.used >= USED_UP * usage.allowed:
        yield Problem(
            Rule.RATE_LIMIT_EXHAUSTED, store.name,
            f"the rate limit is used up: {usage.used} calls in the last minute of "
            f"{usage.allowed}; orders wait for calls",
            f"vtex-erp orders --store {store.name}; raise VTEX_QUOTA_PER_MINUTE if VTEX gives more "
            "(docs/rate-limit.md)",
            look.now,
        )  # fmt: skip


def _jobs(found: Sequence[DeadLetterGroup]) -> str:
    return _counted(sum(one.count for one in found), "job")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _short(words: str) -> str:
    """Return words on one line, of bounded length."""
    line = " ".join(words.split())
    return line if len(line) <= LONGEST_WORDS else f"{line[:LONGEST_WORDS]}…"


def _quoted(cause: str) -> str:
    # A part of a cause finds it too.
    return shlex.quote(_short(cause).removesuffix("…"))
