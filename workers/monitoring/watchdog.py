"""A worker's own look at what no task can tell: that the schedule stands still, and its clock.

A beat that is dead sends no task, so each worker looks whether one has run of late.
"""

from __future__ import annotations

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

LOOK_SECONDS = 15.0

_LOST_LOOKS = 3.0
"""Looks that did not come: the host slept or stood still, and what it sees proves nothing yet."""


class Watchdog:
    """Looks now and then, in a thread of its own, until the worker ends."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._every = min(LOOK_SECONDS, settings.alert_beat_silent_seconds / 4)
        self._journal: Journal = wiring.journal(settings)
        self._alerting: Alerting = wiring.alerting(settings, {})
        self._redis = redis.Redis.from_url(
            settings.redis_url, socket_timeout=2, socket_connect_timeout=2
        )
        self._ended = threading.Event()
        self._silence = Silence(self._every * _LOST_LOOKS)
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End; a message that is on its way is left to another."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(self._every):
            try:
                self._look()
            except JournalError as error:
                log.info("nothing is seen: the journal", extra={"reason": str(error)})
            except Exception:
                # The outermost edge of this thread: it has to look again.
                log.exception("a look failed")
        self.close()

    def close(self) -> None:
        """Give back what it opened."""
        self._journal.close()
        self._redis.close()

    def _look(self) -> None:
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
    """For how long a sign was seen to stay the same, by one who looked all the time."""

    def __init__(self, longest_gap: float) -> None:
        self._longest_gap = longest_gap
        self._sign: Any = None
        self._since = self._clock = self._wall = 0.0

    def seconds(self, sign: Any, clock: float, wall: float) -> float:
        """Return it.

        Args:
            clock: of this process, in seconds; it may stand still while the host sleeps.
            wall: of the host; it may be set.
        """
        gap = max(clock - self._clock, wall - self._wall)
        if sign != self._sign or gap > self._longest_gap:
            self._since = clock
        self._sign, self._clock, self._wall = sign, clock, wall
        return clock - self._since
