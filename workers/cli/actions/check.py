"""Run ``vtex-erp check``: each verdict names its fix."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime, tzinfo

import click
import redis

from erp.port import ErpError, ErpUnavailable
from foundation.messages import checks as messages
from foundation.messages.message import Text
from foundation.redaction import masked
from journal.erp_circuit_breaker import ErpCircuit
from journal.feeds import FeedRow
from journal.journal import Journal
from journal.model import JournalError, JournalUnavailable
from tasks.intake.feed import PERMISSION, difference
from vtex.client import VtexClient
from vtex.errors import VtexError, VtexUnauthorized
from vtex.statuses import CHANGES
from workers import wiring
from workers.cli.actions import check_broker as broker_checks
from workers.cli.output import Verdict, pause_text, show_json, zoned_day, zoned_moment
from workers.configuration.declaration import SettingsError
from workers.configuration.settings import Settings, load
from workers.configuration.stores import Store
from workers.notifier import AppriseNotifier
from workers.rate_limiter import Standing, StoreRateLimiter


def check(*, as_json: bool) -> None:
    """Check everything that can stop orders, and print a fix for each fault."""
    try:
        verdicts = _verdicts(load())
    except SettingsError as error:
        verdicts = [Verdict("settings", False, fault) for fault in error.message.splitlines()]
        _show(verdicts, as_json=as_json)
        raise SystemExit(error.exit_code) from None
    _show(verdicts, as_json=as_json)
    raise SystemExit(0 if all(verdict.ok is not False for verdict in verdicts) else 1)


def _show(verdicts: Sequence[Verdict], *, as_json: bool) -> None:
    if as_json:
        show_json([dataclasses.asdict(verdict) for verdict in verdicts])
        return
    words = {True: "ok    ", False: "FAILED", None: "note  "}
    for verdict in verdicts:
        click.echo(f"{words[verdict.ok]}  {verdict.name}: {verdict.detail}")


def _verdicts(settings: Settings) -> list[Verdict]:
    """Run every check. A check that fails never hides the next."""
    verdicts = [Verdict("settings", True, "all values can be used")]
    if not settings.stores:
        verdicts.append(Verdict("stores", False, messages.STORES_MISSING()))
    verdicts += broker_checks.run(settings)
    feeds: dict[str, FeedRow | None] = {}
    verdicts += _journal(settings, feeds)
    verdicts.append(_erp(settings))
    verdicts += _alerts(settings)
    rate_limiters = wiring.rate_limiters(settings)
    for store in settings.stores:
        verdicts += _store(settings, store, rate_limiters.get(store.name), feeds)
    return verdicts


def _journal(settings: Settings, feeds: dict[str, FeedRow | None]) -> Iterator[Verdict]:
    try:
        with closing(wiring.journal(settings)) as journal:
            yield Verdict("journal", True, f"{masked(settings.journal_url)}: {journal.check()}")
            if erp := journal.erp_circuit.current():
                yield Verdict(
                    "ERP paused", None, _wait_for_erp(erp, journal.now(), settings.zone())
                )
            for store in settings.stores:
                if pause := journal.store_pauses.get(store.name):
                    yield Verdict(
                        f"{store.name} paused",
                        None,
                        pause_text(store.name, pause, settings.zone(store.name)),
                    )
                feeds[store.name] = feed = journal.feeds.get(store.name)
                if feed and feed.restored_at:
                    when = zoned_moment(feed.restored_at, settings.zone(store.name))
                    yield Verdict(
                        f"{store.name} feed restored",
                        None,
                        messages.FEED_RESTORED(at=when, reason=feed.restored_reason),
                    )
            yield from _observed(settings, journal)
            yield from _undecided(settings, journal)
            yield from _reconciled(settings, journal)
    except JournalUnavailable as error:
        yield Verdict("journal", False, _unavailable(settings.journal_url, error, "JOURNAL_URL"))
    except JournalError as error:
        yield Verdict("journal", False, f"{masked(settings.journal_url)}: {error}")
    except OSError as error:
        yield Verdict("journal", False, _unopened(error, "JOURNAL_URL"))


def _observed(settings: Settings, journal: Journal) -> Iterator[Verdict]:
    for store in settings.stores:
        if store.observe:
            text = messages.OBSERVED(waiting=journal.observations.held(store.name))
            yield Verdict(f"{store.name} observed", None, text)


def _undecided(settings: Settings, journal: Journal) -> Iterator[Verdict]:
    waiting = journal.cancel_requests.find()
    for store in settings.stores:
        if requests := [request for request in waiting if request.store == store.name]:
            day = zoned_day(requests[0].decide_by, settings.zone(store.name))
            text = messages.CANCELLATIONS_PENDING(count=len(requests), day=day)
            yield Verdict(f"{store.name} pending cancellations", None, text)


def _reconciled(settings: Settings, journal: Journal) -> Iterator[Verdict]:
    last = journal.reconciliations.latest()
    for store in settings.stores:
        if row := last.get(store.name):
            count = sum(row.findings.values())
            day = zoned_day(row.at, settings.zone(store.name))
            text = messages.FINDINGS(count=count, day=day, store=store.name)
            if count:
                yield Verdict(f"{store.name} reconciled", None, text)
            else:
                yield Verdict(f"{store.name} reconciled", True, text.words)


def _wait_for_erp(erp: ErpCircuit, now: datetime, zone: tzinfo) -> str:
    left = max((erp.until - now).total_seconds(), 0)
    since = zoned_moment(erp.since, zone)
    return messages.ERP_CIRCUIT_OPEN(since=since, reason=erp.reason, seconds=f"{left:.0f}")


def _unavailable(url: str, error: Exception, setting: str) -> Text:
    """Return why a server cannot be used, with the error's own next step where it has one."""
    text = error.args[0] if error.args else ""
    if isinstance(text, Text) and text.next_step:
        return Text(f"{masked(url)}: {text.words}", text.code, text.next_step)
    return messages.UNREACHABLE(place=masked(url), error=error, setting=setting)


def _unopened(error: OSError, setting: str) -> Text:
    return messages.FILE_FAILED(place=error.filename, error=error.strerror, setting=setting)


def _alerts(settings: Settings) -> Iterator[Verdict]:
    notifier = AppriseNotifier(settings.alert_urls)
    if not notifier.receivers:
        yield Verdict("alerts", None, messages.RECEIVERS_MISSING())
        return
    wrong = notifier.wrong()
    for receiver in wrong:
        yield Verdict(f"alerts to {receiver}", False, messages.RECEIVER_UNUSABLE())
    if fine := [name for name in notifier.receivers if name not in wrong]:
        yield Verdict(
            "alerts", True, f"go to {', '.join(fine)}; vtex-erp alerts test sends one to each"
        )


def _erp(settings: Settings) -> Verdict:
    where = masked(settings.erp_url)
    try:
        with closing(wiring.erp(settings.erp_url)) as erp:
            return Verdict("ERP", True, f"{where}: {erp.check()}")
    except ErpUnavailable as error:
        return Verdict("ERP", False, _unavailable(settings.erp_url, error, "ERP_URL"))
    except ErpError as error:
        return Verdict("ERP", False, f"{where}: {error}")
    except OSError as error:
        return Verdict("ERP", False, _unopened(error, "ERP_URL"))


def _store(
    settings: Settings,
    store: Store,
    rate_limiter: StoreRateLimiter | None,
    feeds: Mapping[str, FeedRow | None],
) -> Iterator[Verdict]:
    now = _standing(rate_limiter)
    yield _rate_limiter(store, rate_limiter, now)
    if now and now.paused_seconds:
        yield Verdict(f"{store.name} VTEX", None, messages.VTEX_PAUSED())
        return
    client = wiring.client(settings, store, rate_limiter)
    probes = client.probe()
    if all(probe.ok is None for probe in probes):
        # Every probe failed to reach VTEX: one line reports it, as a fault.
        yield Verdict(f"{store.name} VTEX", False, messages.VTEX_UNCLEAR(detail=probes[0].detail))
        return
    for probe in probes:
        yield Verdict(f"{store.name} {probe.name}", probe.ok, probe.detail)
    reads_feed = store.name in feeds and (feeds[store.name] or store.intake != "list")
    if reads_feed and not store.observe:
        yield _feed(store, feeds[store.name], client)


def _feed(store: Store, feed: FeedRow | None, client: VtexClient) -> Verdict:
    name = f"{store.name} feed"
    if feed is None:
        return Verdict(name, None, messages.FEED_MISSING())
    if store.intake == "list":
        return Verdict(name, None, messages.FEED_UNREAD())
    try:
        config = client.feed_config()
    except VtexUnauthorized as error:
        return Verdict(name, False, messages.PERMISSION_MISSING(error=error, permission=PERMISSION))
    except VtexError as error:
        return Verdict(name, False, messages.FEED_FAILED(error=error))
    if feed.fault:
        return Verdict(name, False, messages.FEED_FAILED(error=feed.fault))
    if differs := difference(feed, config):
        return Verdict(name, None, messages.FEED_DIFFERS(difference=differs))
    if omitted := _omitted(store, feed):
        return Verdict(name, None, omitted)
    waits = f"{config.waiting} events wait" if config and config.waiting else "nothing waits"
    return Verdict(name, True, f"as it was set up, {waits}")


def _omitted(store: Store, feed: FeedRow) -> Text | None:
    """Return the message about statuses that the feed of a store lacks."""
    if not set(CHANGES) <= set(feed.statuses):
        return messages.FEED_WITHOUT_CANCELLATIONS()
    wanted = store.also_intake.statuses if store.also_intake else frozenset()
    missing = ", ".join(sorted(wanted - set(feed.statuses)))
    return messages.FEED_WITHOUT_HANDLED(statuses=missing) if missing else None


def _standing(rate_limiter: StoreRateLimiter | None) -> Standing | None:
    try:
        return rate_limiter.standing() if rate_limiter else None
    except redis.RedisError:
        return None


def _rate_limiter(
    store: Store, rate_limiter: StoreRateLimiter | None, now: Standing | None
) -> Verdict:
    name = f"{store.name} rate limit"
    if rate_limiter is None:
        return Verdict(name, None, messages.UNLIMITED())
    if now is None:
        text = messages.LIMIT_UNSHARED(
            percent=store.quota_local_percent, calls=store.allowed_per_minute
        )
        return Verdict(name, None, text)
    words = (
        f"{now.used} calls in the last minute, {now.allowed} allowed "
        f"({store.quota_share_percent} % of {store.quota_per_minute})"
    )
    if now.paused_seconds:
        words += f"; paused for {now.paused_seconds:.0f} s, as VTEX asked (429 or 503)"
    if now.pace < 1:
        words += f"; slowed down to {now.pace:.0%} since then, rising by itself"
    return Verdict(name, True if now.pace == 1 else None, words)
