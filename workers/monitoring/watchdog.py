"""Check in each worker that the schedule runs and that the host's clock is right.

A task cannot report a dead beat, because a dead beat sends no tasks. So each worker checks whether
the periodic task ran lately.
"""

import logging
import socket
import threading
import time
from datetime import datetime
from typing import Any

import redis

from foundation.messages import alerts as messages
from journal.journal import Journal
from journal.model import JournalError
from journal.monitoring.heartbeats import ALERTS_EVALUATED
from journal.storage.clock import utc_now
from tasks.alerts.delivery import notify
from tasks.alerts.model import Rule
from tasks.alerts.queries import beat_silent, clock_skew
from tasks.context import Alerting
from workers import wiring
from workers.configuration.settings import Settings
from workers.locks import BEAT_LOCK

log = logging.getLogger(__name__)

CHECK_SECONDS = 15.0

_MISSED_CHECKS = 3.0
"""After so many missed checks in a row, the host has slept, and the silence is timed anew."""


class Watchdog:
    """Checks at intervals, in a thread of its own, until the worker ends."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._every = min(CHECK_SECONDS, settings.alert_beat_silent_seconds / 4)
        self._journal: Journal = wiring.journal(settings)
        self._alerting: Alerting = wiring.alerting(settings, {})
        self._redis = redis.Redis.from_url(
            settings.redis_url, socket_timeout=2, socket_connect_timeout=2
        )
        self._ended = threading.Event()
        self._silence = Silence(self._every * _MISSED_CHECKS)
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Start the checks."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the checks. Another process sends a notification that is still due."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(self._every):
            try:
                self._check()
            except JournalError as error:
                log.info(
                    "the watchdog cannot check: the journal does not answer",
                    extra={"reason": str(error)},
                )
            except Exception:
                # The outermost edge of this thread: it has to check again.
                log.exception("a check of the watchdog failed")
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._journal.close()
        self._redis.close()

    def _check(self) -> None:
        journal, policy, now = self._journal, self._alerting.policy, self._journal.now()
        self._clock(now)
        watched = journal.heartbeats.last(ALERTS_EVALUATED)
        seconds = self._silence.seconds(watched, time.monotonic(), time.time())
        if watched is None or Rule.BEAT_SILENT in policy.ignored:
            return
        longest = self._settings.alert_beat_silent_seconds
        if seconds < longest or (now - watched).total_seconds() < longest:
            return
        cause = beat_silent(watched, self._why())
        journal.alerts.observe([cause], {(Rule.BEAT_SILENT, "")}, policy.timing, now=now, keys={""})
        notify(journal, self._alerting.notifier, policy, now=journal.now)

    def _clock(self, now: datetime) -> None:
        policy, host = self._alerting.policy, socket.gethostname()
        apart = abs((utc_now() - now).total_seconds())
        wrong = (
            apart > self._settings.alert_clock_skew_seconds
            and Rule.CLOCK_SKEW not in policy.ignored
        )
        causes = [clock_skew(host, apart, now)] if wrong else []
        self._journal.alerts.observe(
            causes, {(Rule.CLOCK_SKEW, "")}, policy.timing, now=now, keys={host[:128]}
        )

    def _why(self) -> str:
        try:
            held = bool(self._redis.exists(BEAT_LOCK))
        except redis.RedisError:
            return messages.REDIS_SILENT()
        return messages.CONTROL_QUEUE_UNREAD() if held else messages.BEAT_STOPPED()


class Silence:
    """Measures how long a sign has stayed the same, while the checks came without a gap."""

    def __init__(self, longest_gap: float) -> None:
        self._longest_gap = longest_gap
        self._sign: Any = None
        self._since = self._clock = self._wall = 0.0

    def seconds(self, sign: Any, clock: float, wall: float) -> float:
        """Return the seconds for which the sign has stayed the same.

        Args:
            clock: seconds of the process's clock, which may stop while the host sleeps.
            wall: seconds of the host's clock, which a person may set.
        """
        gap = max(clock - self._clock, wall - self._wall)
        if sign != self._sign or gap > self._longest_gap:
            self._since = clock
        self._sign, self._clock, self._wall = sign, clock, wall
        return clock - self._since
