"""Give the tasks of a process their collaborators."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import timedelta
from functools import partial
from zoneinfo import ZoneInfo

import redis

from erp.port import Erp
from journal.journal import Journal
from journal.model import JournalError, Policy
from journal.privacy.retention import RetentionPolicy
from tasks.alerts.model import AlertPolicy, MonitoredStore, RateLimitUsage, Usage
from tasks.base import StoreTask
from tasks.context import REFILLED, Alerting, Context, NfeRules
from tasks.instrumentation import TaskObserver
from tasks.retry_policy import RetryPolicy
from vtex.client import VtexClient
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
"""Between two listings of a store of intake feed, while its feed works."""

LOOK_SECONDS = 1.0
"""Between two looks of a worker that waits for its tables."""


def set_up(settings: Settings | None = None, *, observer: TaskObserver | None = None) -> Context:
    """Build the collaborators of this process and hand them to its tasks.

    Args:
        observer: hears of what they do.
    """
    StoreTask.process_context = context(settings or load(), observer=observer)
    return StoreTask.process_context


def tear_down() -> None:
    """Give back what ``set_up`` opened."""
    if StoreTask.process_context is not None:
        StoreTask.process_context.journal.close()
        StoreTask.process_context.erp.close()
        StoreTask.process_context = None


def await_tables(settings: Settings, *, looked: Callable[[], None]) -> None:
    """Wait until the journal answers and has the tables that this version needs.

    A worker that begins before the migration could only fail, message by message.

    Args:
        looked: called after each look.
    """
    waiting, told = journal(settings), ""
    try:
        while reason := _missing(waiting):
            if reason != told:
                log.error("this worker waits for the journal", extra={"reason": reason})
                told = reason
            looked()
            time.sleep(LOOK_SECONDS)
    finally:
        waiting.close()


def _missing(waiting: Journal) -> str:
    try:
        waiting.check()
    except JournalError as error:
        return str(error)
    return ""


def context(settings: Settings, *, observer: TaskObserver | None = None) -> Context:
    """Build a process's collaborators; nothing is connected to yet."""
    shared = rate_limiters(settings)
    return Context(
        journal=journal(settings),
        erp=erp(settings.erp_url),
        vtex={
            one.name: client(settings, one, shared.get(one.name), observer=observer)
            for one in settings.stores
        },
        in_flight=partial(_in_flight, settings, shared),
        allow_sum_mismatch=frozenset(one.name for one in settings.stores if one.allow_sum_mismatch),
        codes=settings.codes,
        lock=lock(settings),
        nfe=NfeRules(
            match=settings.nfe_match,
            production=settings.nfe_production,
            embed=settings.nfe_embed,
            product_map=product_map(settings.nfe_product_map),
        ),
        retention=retention(settings),
        rests=rests(settings),
        alerting=alerting(settings, shared),
        retries=retry_policy(settings),
        observer=observer,
    )


def alerting(settings: Settings, shared: Mapping[str, StoreRateLimiter]) -> Alerting:
    """Return what looks after the stores.

    Args:
        shared: the rate limits whose use is looked at.
    """
    return Alerting(
        policy=alert_policy(settings),
        usage=partial(_usage, shared),
        notifier=AppriseNotifier(settings.alert_urls),
    )


def alert_policy(settings: Settings) -> AlertPolicy:
    """Return the alerts' rules as the settings have them."""
    paces = {
        "both": settings.order_list_fallback_interval_seconds,
        "feed": settings.order_list_fallback_interval_seconds,
    }
    return AlertPolicy(
        stores=tuple(
            MonitoredStore(
                one.name,
                zone=ZoneInfo(one.timezone),
                list_interval=timedelta(
                    seconds=max(settings.order_list_interval_seconds, paces.get(one.intake, 0.0))
                ),
                by_feed=one.intake != "list",
                missing_orders=one.alert_missing_orders,
                max_wait=timedelta(minutes=one.alert_waiting_minutes),
            )
            for one in settings.stores
        ),
        pending=timedelta(seconds=settings.alert_pending_seconds),
        resolve=timedelta(seconds=settings.alert_resolve_seconds),
        repeat=timedelta(hours=settings.alert_repeat_hours),
        vtex_silent=timedelta(minutes=settings.alert_vtex_silent_minutes),
        ignored=frozenset(settings.alert_ignore),
        zone=ZoneInfo(settings.default_store.timezone),
        check_interval=timedelta(seconds=settings.alert_check_interval_seconds),
    )


def _usage(shared: Mapping[str, StoreRateLimiter]) -> Usage:
    usage = {}
    try:
        for name, rate_limiter in shared.items():
            now = rate_limiter.standing()
            usage[name] = RateLimitUsage(now.used, now.allowed)
    except redis.RedisError as error:
        log.info("nobody knows the quotas", extra={"reason": type(error).__name__})
    return usage


def rests(settings: Settings) -> dict[str, timedelta]:
    """Return the stores that take orders by feed, and how long their lists may rest."""
    seconds = {"both": settings.order_list_fallback_interval_seconds, "feed": FEED_ALONE_SECONDS}
    return {
        one.name: timedelta(seconds=seconds[one.intake])
        for one in settings.stores
        if one.intake in seconds
    }


def retention(
    settings: Settings, documents_days: int | None = None, timeline_days: int | None = None
) -> RetentionPolicy:
    """Return how long the journal keeps what is closed.

    Args:
        documents_days, timeline_days: in place of what the settings say.
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
    )
    return Journal(settings.journal_url, policy=policy)


def rate_limiters(settings: Settings) -> dict[str, StoreRateLimiter]:
    """Return the rate limits of calls, by store; none where a store has no limit."""
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
        rate_limiter.jobs(settings.dispatch_interval_seconds, REFILLED),
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
        )
    )


def erp(url: str) -> Erp:
    """Return the adapter that the URL's scheme names, found through entry points.

    Raises:
        SettingsError: no installed package offers such an adapter, or it refuses the URL.
    """
    found = adapters().get(adapter_name(url))
    if found is None:
        raise SettingsError(
            f"ERP_URL: no such adapter is installed ({', '.join(sorted(adapters()))})"
        )
    make: Callable[[str], Erp] = found.load()
    try:
        return make(url)
    except ValueError as error:
        raise SettingsError(f"ERP_URL: the value (not shown) {error}") from None
