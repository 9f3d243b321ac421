"""The Celery application, which ``celery -A workers`` finds."""

import gc
import os
import sys
from pathlib import Path
from typing import Any

from celery import Celery, signals

from tasks import local_executor
from workers import log, wiring
from workers.configuration.settings import load
from workers.monitoring import instrumentation
from workers.monitoring.celery_events import GatheredEvents
from workers.monitoring.health import Pulse, life
from workers.monitoring.watchdog import Watchdog

# ``celery`` started in the project's folder finds celeryconfig there; elsewhere it is installed.
sys.path.insert(0, os.getcwd())

FLOWER_SETTINGS = Path(__file__).parent.with_name("flowerconfig.py")
"""Flower's settings, installed beside this package."""

# Flower reads flowerconfig.py in the current folder, and starts without a password where there is
# none. ``celery -A workers flower`` imports this module before Flower reads its environment.
os.environ.setdefault("FLOWER_CONF", str(FLOWER_SETTINGS))

GARBAGE_OBJECTS = 20_000
"""Objects made and not freed before a search for garbage: a few megabytes at most."""

watchdogs: list[Watchdog] = []

app = Celery("vtex-erp", events="workers.monitoring.celery_events:Events")
app.config_from_object("celeryconfig")
app.steps["consumer"].update([GatheredEvents, Pulse])


@signals.setup_logging.connect
def _set_up_logging(**_: Any) -> None:
    # LOG_LEVEL decides. Celery's own default hides the line that each order leaves.
    log.set_up(load().log_level)


@signals.worker_init.connect
def _wait(**_: Any) -> None:
    # Before Celery sets up its log, and before a message is taken.
    settings = load()
    log.set_up(settings.log_level)
    instrumentation.begin_worker(settings, app)
    wiring.await_tables(settings, after_check=life.turn)


@signals.worker_init.connect
@signals.worker_process_init.connect
def _set_up(**_: Any) -> None:
    # Threads share what worker_init made; a prefork child must not share its parent's sockets.
    settings = load()
    wiring.set_up(settings, observer=instrumentation.observer(settings))
    # What is here by now stays: to look through it for garbage, at each few hundred objects of an
    # order's documents, is a tenth of an order's CPU.
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS)


@signals.worker_init.connect
def _start_watchdog(**_: Any) -> None:
    # Before the worker is ready: one that waits for a lost broker has something to report.
    watchdogs.append(Watchdog(load()))
    watchdogs[-1].start()


@signals.worker_shutting_down.connect
def _stop_watchdog(**_: Any) -> None:
    while watchdogs:
        watchdogs.pop().stop()


@signals.worker_process_shutdown.connect
@signals.worker_shutdown.connect
def _tear_down(**_: Any) -> None:
    local_executor.local_queue.give_back()
    instrumentation.end()
    wiring.tear_down()


@signals.beat_init.connect
def _begin_beat(sender: Any, **_: Any) -> None:
    sender.scheduler.heed_signals()
    instrumentation.begin_beat(load(), app)
