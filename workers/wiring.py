"""Give the tasks of a process their collaborators."""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import fields
from datetime import timedelta
from functools import partial
from zoneinfo import ZoneInfo

import redis

from erp.mapping.sales_orders import Proof
from erp.nfe.rules import NfeRules
from erp.port import Erp
from foundation.messages import log_events
from foundation.messages import settings as messages
from journal.journal import Journal
from journal.model import JournalError, Policy
from journal.privacy.retention import RetentionPolicy
from tasks.alerts.model import AlertPolicy, MonitoredStore, RateLimitUsage, Usage
from tasks.base import StoreTask
from tasks.context import MAX_REFILLED, Alerting, Context
from tasks.instrumentation import TaskObserver
from tasks.retry_policy import RetryPolicy
from vtex.client import VtexClient
from vtex.statuses import HANDLED, HandledOrders
from vtex.transport.rate_limit import RateLimiter
from vtex.transport.transport import Account, Transport
from workers import rate_limiter
from workers.configuration.declaration import SettingsError
from workers.configuration.product_map import product_map
from workers.configuration.settings import Settings, load
from workers.configuration.stores import Store
from workers.configuration.urls import adapter_name, adapters
from workers.locks import lock
from workers.notifier import AppriseNotifier
from workers.rate_limiter import StoreRateLimiter

log = logging.getLogger(__name__)

FEED_ALONE_SECONDS = 86_400.0
"""Seconds between two listings of a store of intake feed while its feed works."""

TABLE_CHECK_SECONDS = 1.0
"""Seconds between two checks of a worker that waits for its tables."""


def set_up(settings: Settings | None = None, *, observer: TaskObserver | None = None) -> Context:
    """Build the collaborators of this process and hand them to its tasks.

    Args:
        observer: receives the events of the tasks.
    """
    StoreTask.process_context = context(settings or load(), observer=observer)
    return StoreTask.process_context


def tear_down() -> None:
    """Close the connections that ``set_up`` opened."""
    if StoreTask.process_context is not None:
        StoreTask.process_context.close()
        StoreTask.process_context = None


def await_tables(settings: Settings, *, after_check: Callable[[], None]) -> None:
    """Wait until the journal answers and has the tables that this version needs.

    A worker that starts before the migration would fail at every message.

    Args:
        after_check: called after each check.
    """
    logged = ""
    with closing(journal(settings)) as waiting:
        while reason := _missing(waiting):
            if reason != logged:
                log_events.JOURNAL_AWAITED.log(log, reason=reason)
                logged = reason
            after_check()
            time.sleep(TABLE_CHECK_SECONDS)


def _missing(waiting: Journal) -> str:
    try:
        waiting.check()
    except JournalError as error:
        return str(error)
    return ""


def context(settings: Settings, *, observer: TaskObserver | None = None) -> Context:
    """Build a process's collaborators, without connecting to any server."""
    shared = rate_limiters(settings)
    return Context(
        journal=journal(settings),
        erp=erp(settings.erp_url),
        vtex={
            store.name: client(settings, store, shared.get(store.name), observer=observer)
            for store in settings.stores
        },
        in_flight=partial(_in_flight, settings, shared),
        proofs={
            store.name: Proof(
                allow_sum_mismatch=store.allow_sum_mismatch,
                hold_payment_doubts=store.hold_payment_doubts,
            )
            for store in settings.stores
        },
        codes=settings.codes,
        also_intake=_also_intake(settings),
        zones={store.name: ZoneInfo(store.time_zone) for store in settings.stores},
        cnpjs={store.name: store.cnpjs for store in settings.stores},
        lock=lock(settings),
        nfe=NfeRules(
            match=settings.nfe_match,
            production=settings.nfe_production,
            embed=settings.nfe_embed,
            product_map=product_map(settings.nfe_product_map),
            weight_tolerance_percent=settings.nfe_weight_tolerance_percent,
            skipped_checks=settings.nfe_skipped_checks,
            cfops=settings.nfe_cfops,
            vnftot_from=settings.nfe_vnftot_from,
        ),
        invoice_tolerance_cents=settings.invoice_tolerance_cents,
        retention=retention(settings),
        list_intervals=list_intervals(settings),
        alerting=alerting(settings, shared),
        retries=retry_policy(settings),
        observer=observer,
    )


def _also_intake(settings: Settings) -> dict[str, HandledOrders]:
    """Return the handled orders that the list reads too: all of them, of observed stores."""
    every = HandledOrders(HANDLED)
    wanted = {
        store.name: every if store.observe else store.also_intake for store in settings.stores
    }
    return {name: orders for name, orders in wanted.items() if orders is not None}


def alerting(settings: Settings, shared: Mapping[str, StoreRateLimiter]) -> Alerting:
    """Return the alerting of the stores.

    Args:
        shared: the rate limiters whose usage the rules check.
    """
    return Alerting(
        policy=alert_policy(settings),
        usage=partial(_usage, shared),
        notifier=AppriseNotifier(settings.alert_urls),
    )


def alert_policy(settings: Settings) -> AlertPolicy:
    """Return the numbers of the alerts' rules."""
    paces = {
        "both": settings.order_list_fallback_interval_seconds,
        "feed": settings.order_list_fallback_interval_seconds,
    }
    return AlertPolicy(
        stores=tuple(
            MonitoredStore(
                store.name,
                zone=ZoneInfo(store.time_zone),
                list_interval=timedelta(
                    seconds=max(
                        settings.order_list_interval_seconds, paces.get(store.active_intake, 0.0)
                    )
                ),
                by_feed=store.active_intake != "list",
                missing_orders=store.alert_missing_orders,
                max_wait=timedelta(minutes=store.alert_waiting_minutes),
            )
            for store in settings.stores
        ),
        pending=timedelta(seconds=settings.alert_pending_seconds),
        resolve=timedelta(seconds=settings.alert_resolve_seconds),
        repeat=timedelta(hours=settings.alert_repeat_hours),
        vtex_silent=timedelta(minutes=settings.alert_vtex_silent_minutes),
        ignored=frozenset(settings.alert_ignore),
        zone=ZoneInfo(settings.default_store.time_zone),
        check_interval=timedelta(seconds=settings.alert_check_interval_seconds),
    )


def _usage(shared: Mapping[str, StoreRateLimiter]) -> Usage:
    usage = {}
    try:
        for name, rate_limiter in shared.items():
            now = rate_limiter.standing()
            usage[name] = RateLimitUsage(now.used, now.allowed)
    except redis.RedisError as error:
        log.info("the usage of the quotas is unknown", extra={"reason": type(error).__name__})
    return usage


def list_intervals(settings: Settings) -> dict[str, timedelta]:
    """Return the time between two listings of each store with a feed, while the feed works."""
    seconds = {"both": settings.order_list_fallback_interval_seconds, "feed": FEED_ALONE_SECONDS}
    return {
        store.name: timedelta(seconds=seconds[store.active_intake])
        for store in settings.stores
        if store.active_intake in seconds
    }


def retention(
    settings: Settings, documents_days: int | None = None, timeline_days: int | None = None
) -> RetentionPolicy:
    """Return how long the journal keeps the data of closed orders.

    Args:
        documents_days, timeline_days: replace the settings' numbers.
    """
    return RetentionPolicy(
        documents=_days(documents_days or settings.retention_documents_days),
        timeline=_days(timeline_days or settings.retention_timeline_days),
    )


def _days(days: int) -> timedelta | None:
    return timedelta(days=days) if days else None


def retry_policy(settings: Settings) -> RetryPolicy:
    """Return the numbers of the retry policy."""
    return RetryPolicy(
        **{number.name: getattr(settings, f"retry_{number.name}") for number in fields(RetryPolicy)}
    )


def journal(settings: Settings) -> Journal:
    """Return the journal that the settings name."""
    policy = Policy(
        lease_seconds=settings.lease_seconds,
        max_crashes=settings.max_crashes,
        erp_pause_seconds=settings.retry_erp_down_seconds,
        observed=frozenset(store.name for store in settings.stores if store.observe),
    )
    return Journal(settings.journal_url, policy=policy)


def rate_limiters(settings: Settings) -> dict[str, StoreRateLimiter]:
    """Return the rate limiters by store, of the stores with a limit."""
    connection = rate_limiter.connect(settings.redis_url)
    return {
        store.name: StoreRateLimiter(store, connection)
        for store in settings.stores
        if store.quota_per_minute
    }


def _in_flight(settings: Settings, shared: Mapping[str, StoreRateLimiter], store: str) -> int:
    rate_limiter = shared.get(store)
    if rate_limiter is None:
        return settings.max_orders_in_flight
    return min(
        settings.max_orders_in_flight,
        rate_limiter.jobs(settings.dispatch_interval_seconds, MAX_REFILLED),
    )


def client(
    settings: Settings,
    store: Store,
    rate_limiter: RateLimiter | None,
    *,
    observer: TaskObserver | None = None,
) -> VtexClient:
    """Return a client of one store."""
    account = Account(
        name=store.name,
        app_key=store.app_key,
        app_token=store.app_token,
        base_url=store.base_url,
        payments_url=store.payments_url,
    )
    return VtexClient(
        Transport(
            account,
            connect_timeout=settings.vtex_connect_timeout_seconds,
            read_timeout=settings.vtex_read_timeout_seconds,
            rate_limiter=rate_limiter,
            observer=observer.vtex_called if observer else None,
            read_only=store.observe,
        )
    )


def erp(url: str) -> Erp:
    """Return the adapter that the URL's scheme names, found through entry points.

    Raises:
        SettingsError: the adapter is not installed, or it refuses the URL.
    """
    adapter = adapters().get(adapter_name(url))
    if adapter is None:
        raise SettingsError(messages.ADAPTER_MISSING(known=", ".join(sorted(adapters()))))
    make: Callable[[str], Erp] = adapter.load()
    try:
        return make(url)
    except ValueError as error:
        raise SettingsError(messages.SECRET_WRONG(place="ERP_URL", fault=error)) from None
