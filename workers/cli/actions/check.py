"""Run ``vtex-erp check``: each verdict names its fix."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import click
import redis

from erp.port import ErpError, ErpUnavailable
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
from workers.cli.output import Verdict, pause_text, show_json
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
        verdicts.append(
            Verdict(
                "stores",
                False,
                "none: set VTEX_ACCOUNT, VTEX_APP_KEY and VTEX_APP_TOKEN, or STORES_FILE",
            )
        )
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
    journal = wiring.journal(settings)
    try:
        yield Verdict("journal", True, f"{masked(settings.journal_url)}: {journal.check()}")
        if erp := journal.erp_circuit.current():
            yield Verdict("ERP paused", None, _wait_for_erp(erp, journal.now()))
        for store in settings.stores:
            if pause := journal.store_pauses.get(store.name):
                yield Verdict(f"{store.name} paused", None, pause_text(store.name, pause))
            feeds[store.name] = feed = journal.feeds.get(store.name)
            if feed and feed.restored_at:
                when = f"{feed.restored_at.astimezone():%Y-%m-%d %H:%M:%S}"
                yield Verdict(
                    f"{store.name} feed restored",
                    None,
                    f"{when}: {feed.restored_reason}; find the other system that uses its key",
                )
        yield from _undecided(settings, journal)
        yield from _reconciled(settings, journal)
    except JournalUnavailable as error:
        todo = "" if "vtex-erp migrate" in str(error) else ": start it, or fix JOURNAL_URL"
        yield Verdict("journal", False, f"{masked(settings.journal_url)}: {error}{todo}")
    except JournalError as error:
        yield Verdict("journal", False, f"{masked(settings.journal_url)}: {error}")
    except OSError as error:
        yield Verdict("journal", False, f"{error.filename}: {error.strerror}: fix JOURNAL_URL")
    finally:
        journal.close()


def _undecided(settings: Settings, journal: Journal) -> Iterator[Verdict]:
    waiting = journal.cancel_requests.find()
    for store in settings.stores:
        if requests := [request for request in waiting if request.store == store.name]:
            words = f"{len(requests)} wait for the ERP's decision, the first until"
            until = f"{requests[0].decide_by.astimezone():%Y-%m-%d}"
            todo = "vtex-erp requests pending-cancellations"
            yield Verdict(f"{store.name} pending cancellations", None, f"{words} {until}: {todo}")


def _reconciled(settings: Settings, journal: Journal) -> Iterator[Verdict]:
    last = journal.reconciliations.latest()
    for store in settings.stores:
        if row := last.get(store.name):
            count = sum(row.findings.values())
            words = f"{count} findings of the last reconciliation ({row.at.astimezone():%Y-%m-%d})"
            todo = f": vtex-erp reconcile --store {store.name} shows them" if count else ""
            yield Verdict(f"{store.name} reconciled", None if count else True, words + todo)


def _wait_for_erp(erp: ErpCircuit, now: datetime) -> str:
    left = max((erp.until - now).total_seconds(), 0)
    return (
        f"the ERP has not responded since {erp.since.astimezone():%Y-%m-%d %H:%M:%S} "
        f"({erp.reason}); orders wait at paid, and one of them tries again in {left:.0f} s"
    )


def _alerts(settings: Settings) -> Iterator[Verdict]:
    notifier = AppriseNotifier(settings.alert_urls)
    if not notifier.receivers:
        todo = "set ALERT_URLS; meanwhile vtex-erp alerts list shows the alerts"
        yield Verdict("alerts", None, f"no receiver is notified: {todo}")
        return
    wrong = notifier.wrong()
    for receiver in wrong:
        yield Verdict(
            f"alerts to {receiver}",
            False,
            "Apprise cannot use its URL in ALERT_URLS (not shown): check the service's name, and "
            "the parts that its page at https://appriseit.com/services/ lists",
        )
    if fine := [name for name in notifier.receivers if name not in wrong]:
        yield Verdict(
            "alerts", True, f"go to {', '.join(fine)}; vtex-erp alerts test sends one to each"
        )


def _erp(settings: Settings) -> Verdict:
    where = masked(settings.erp_url)
    erp = wiring.erp(settings.erp_url)
    try:
        return Verdict("ERP", True, f"{where}: {erp.check()}")
    except ErpUnavailable as error:
        return Verdict("ERP", False, f"{where}: {error}: start it, or fix ERP_URL")
    except ErpError as error:
        return Verdict("ERP", False, f"{where}: {error}")
    except OSError as error:
        return Verdict("ERP", False, f"{error.filename}: {error.strerror}: fix ERP_URL")
    finally:
        erp.close()


def _store(
    settings: Settings,
    store: Store,
    rate_limiter: StoreRateLimiter | None,
    feeds: Mapping[str, FeedRow | None],
) -> Iterator[Verdict]:
    now = _standing(rate_limiter)
    yield _rate_limiter(store, rate_limiter, now)
    if now and now.paused_seconds:
        yield Verdict(f"{store.name} VTEX", None, "not called during the pause that VTEX asked for")
        return
    client = wiring.client(settings, store, rate_limiter)
    probes = client.probe()
    if all(probe.ok is None for probe in probes):
        # Every probe failed to reach VTEX: one line reports it, as a fault.
        yield Verdict(
            f"{store.name} VTEX",
            False,
            f"{probes[0].detail}: check the account name, the network and the proxy; "
            "try again later",
        )
        return
    for probe in probes:
        yield Verdict(f"{store.name} {probe.name}", probe.ok, probe.detail)
    if store.name in feeds and (feeds[store.name] or store.intake != "list"):
        yield _feed(store, feeds[store.name], client)


def _feed(store: Store, feed: FeedRow | None, client: VtexClient) -> Verdict:
    name = f"{store.name} feed"
    if feed is None:
        todo = "vtex-erp feed setup; until then all orders come by the list"
        return Verdict(name, None, f"not set up: {todo}")
    if store.intake == "list":
        todo = "set VTEX_INTAKE or intake to both, or call vtex-erp feed remove"
        return Verdict(name, None, f"set up, and not read since intake is list: {todo}")
    try:
        config = client.feed_config()
    except VtexUnauthorized as error:
        return Verdict(name, False, f"grant {PERMISSION!r} to the key ({error})")
    except VtexError as error:
        return Verdict(name, False, f"{error}; the list brings the orders")
    if feed.fault:
        return Verdict(name, False, f"{feed.fault}; the list brings the orders")
    if differs := difference(feed, config):
        return Verdict(name, None, f"{differs}; it is restored within minutes")
    if not set(CHANGES) <= set(feed.statuses):
        todo = "run vtex-erp feed setup again; until then the list shows them, later"
        return Verdict(name, None, f"it omits cancellations: {todo}")
    waits = f"{config.waiting} events wait" if config and config.waiting else "nothing waits"
    return Verdict(name, True, f"as it was set up, {waits}")


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
        return Verdict(name, None, "calls have no limit: VTEX_QUOTA_PER_MINUTE is 0")
    if now is None:
        part = (
            f"{store.quota_local_percent} % of {store.allowed_per_minute} calls a minute for "
            "each process"
        )
        return Verdict(name, None, f"Redis does not answer: {part} until it does")
    words = (
        f"{now.used} calls in the last minute, {now.allowed} allowed "
        f"({store.quota_share_percent} % of {store.quota_per_minute})"
    )
    if now.paused_seconds:
        words += f"; paused for {now.paused_seconds:.0f} s, as VTEX asked (429 or 503)"
    if now.pace < 1:
        words += f"; slowed down to {now.pace:.0%} since then, rising by itself"
    return Verdict(name, True if now.pace == 1 else None, words)
