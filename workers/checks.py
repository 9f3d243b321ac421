"""What ``vtex-erp check`` looks at; each verdict says what to do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import redis

from erp.port import ErpError, ErpUnavailable
from journal.erp_pause import ErpPause
from journal.jobs import JournalError, JournalUnavailable
from workers import pauses, wiring
from workers.addresses import masked
from workers.beat import LOCK
from workers.settings import Settings
from workers.stores import Store
from workers.throttle import Standing, StoreBudget

CLOCK_SECONDS = 5.0
"""Hosts further apart than this have lost their NTP. Leases go by the journal's database; but from
15 minutes on sweeps and listings expire before a worker takes them."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of the check.

    Attributes:
        ok: True fine, False broken, None worth knowing.
        detail: what was found, and what to do where it is not fine.
    """

    name: str
    ok: bool | None
    detail: str


def run(settings: Settings) -> list[Verdict]:
    """Look at everything; a check that fails never hides the next."""
    verdicts = [Verdict("settings", True, "all values can be used")]
    if not settings.stores:
        verdicts.append(
            Verdict(
                "stores",
                False,
                "none: set VTEX_ACCOUNT, VTEX_APP_KEY and VTEX_APP_TOKEN, or STORES_FILE",
            )
        )
    verdicts += _broker(settings)
    verdicts += _journal(settings)
    verdicts.append(_erp(settings))
    budgets = wiring.budgets(settings)
    for store in settings.stores:
        verdicts += _store(settings, store, budgets.get(store.name))
    return verdicts


def _broker(settings: Settings) -> Iterator[Verdict]:
    where = masked(settings.redis_url)
    connection = redis.Redis.from_url(
        settings.redis_url, socket_timeout=5, socket_connect_timeout=5, decode_responses=True
    )
    try:
        yield from _redis(connection, where)
    except (redis.AuthenticationError, redis.ResponseError) as error:
        yield Verdict(
            "broker", False,
            f"{where} answers, but refuses us ({type(error).__name__}): mend user and password in "
            "REDIS_URL, and let the user run INFO, TIME, scripts and every key",
        )  # fmt: skip
    except redis.RedisError as error:
        yield Verdict(
            "broker", False,
            f"{where} does not answer ({type(error).__name__}): start it, or mend REDIS_URL",
        )  # fmt: skip
    finally:
        connection.close()


def _redis(connection: redis.Redis, where: str) -> Iterator[Verdict]:
    info = connection.info()
    version = str(info.get("valkey_version") or info["redis_version"])
    old = not info.get("valkey_version") and tuple(map(int, version.split(".")[:2])) < (6, 2)
    yield Verdict(
        "broker",
        not old,
        f"{where}, version {version}" + (": 6.2 or later is needed" if old else ""),
    )
    if info.get("role") == "slave":
        yield Verdict(
            "broker role", False,
            "a replica, which takes no writes: let REDIS_URL name the primary",
        )  # fmt: skip
    policy = str(info.get("maxmemory_policy", "noeviction"))
    yield Verdict(
        "broker eviction", policy == "noeviction",
        policy if policy == "noeviction"
        else f"{policy} may drop messages: set maxmemory-policy noeviction",
    )  # fmt: skip
    aof = bool(info.get("aof_enabled"))
    yield Verdict(
        "broker persistence", True if aof else None,
        "append-only file is on" if aof else "no append-only file: a restart empties the queues, "
        "and orders wait for their lease; set appendonly yes",
    )  # fmt: skip
    yield _clock(connection)
    yield _beat(connection)


def _clock(connection: redis.Redis) -> Verdict:
    seconds, micros = connection.time()
    apart = abs(time.time() - (seconds + micros / 1e6))
    if apart <= CLOCK_SECONDS:
        return Verdict("clock", True, f"{apart:.1f} s from the broker's")
    return Verdict("clock", False, f"{apart:.0f} s from the broker's: run NTP on both hosts")


def _beat(connection: redis.Redis) -> Verdict:
    owner = connection.exists(LOCK)
    if owner:
        return Verdict("beat", True, "one is at work")
    return Verdict(
        "beat", None, "none is at work: nothing is listed until celery -A workers beat runs"
    )


def _journal(settings: Settings) -> Iterator[Verdict]:
    journal = wiring.journal(settings)
    try:
        yield Verdict("journal", True, f"{masked(settings.journal_url)}: {journal.check()}")
        if erp := journal.erp_paused():
            yield Verdict("ERP paused", None, _wait_for_erp(erp, journal.now()))
        for store in settings.stores:
            if pause := journal.paused(store.name):
                yield Verdict(f"{store.name} paused", None, pauses.told(store.name, pause))
    except JournalUnavailable as error:
        todo = "" if "vtex-erp migrate" in str(error) else ": start it, or mend JOURNAL_URL"
        yield Verdict("journal", False, f"{masked(settings.journal_url)}: {error}{todo}")
    except JournalError as error:
        yield Verdict("journal", False, f"{masked(settings.journal_url)}: {error}")
    except OSError as error:
        yield Verdict("journal", False, f"{error.filename}: {error.strerror}: mend JOURNAL_URL")
    finally:
        journal.close()


def _wait_for_erp(erp: ErpPause, now: datetime) -> str:
    left = max((erp.until - now).total_seconds(), 0)
    return (
        f"it has taken no order since {erp.since.astimezone():%Y-%m-%d %H:%M:%S} ({erp.reason}); "
        f"orders wait at paid, in {left:.0f} s one of them tries again"
    )


def _erp(settings: Settings) -> Verdict:
    where = masked(settings.erp_url)
    erp = wiring.erp(settings.erp_url)
    try:
        return Verdict("ERP", True, f"{where}: {erp.check()}")
    except ErpUnavailable as error:
        return Verdict("ERP", False, f"{where}: {error}: start it, or mend ERP_URL")
    except ErpError as error:
        return Verdict("ERP", False, f"{where}: {error}")
    except OSError as error:
        return Verdict("ERP", False, f"{error.filename}: {error.strerror}: mend ERP_URL")
    finally:
        erp.close()


def _store(settings: Settings, store: Store, budget: StoreBudget | None) -> Iterator[Verdict]:
    now = _standing(budget)
    yield _budget(store, budget, now)
    if now and now.paused_seconds:
        yield Verdict(f"{store.name} VTEX", None, "not asked while VTEX wants a pause")
        return
    found = wiring.client(settings, store, budget).probe()
    if all(one.ok is None for one in found):
        # Nothing could be found out: one line says it, and it is no good sign.
        yield Verdict(
            f"{store.name} VTEX", False,
            f"{found[0].detail}: mind the account's name, the network and a proxy; try again later",
        )  # fmt: skip
        return
    for one in found:
        yield Verdict(f"{store.name} {one.name}", one.ok, one.detail)


def _standing(budget: StoreBudget | None) -> Standing | None:
    try:
        return budget.standing() if budget else None
    except redis.RedisError:
        return None


def _budget(store: Store, budget: StoreBudget | None, now: Standing | None) -> Verdict:
    name, quota = f"{store.name} budget", store.quota
    if budget is None:
        return Verdict(name, None, "calls have no limit: VTEX_QUOTA is 0")
    if now is None:
        part = f"{quota.local} % of {quota.allowed} calls a minute for each process"
        return Verdict(name, None, f"Redis does not answer: {part} until it does")
    words = (
        f"{now.used} calls in the last minute, {now.allowed} allowed "
        f"({quota.share} % of {quota.calls})"
    )
    if now.paused_seconds:
        words += f"; none for {now.paused_seconds:.0f} s: VTEX asked for a pause (429 or 503)"
    if now.pace < 1:
        words += f"; slowed down to {now.pace:.0%} since then, speeding up by itself"
    return Verdict(name, True if now.pace == 1 else None, words)
