"""Who asked for neither metrics nor traces pays for neither."""

import subprocess
import sys

from support.servers import ROOT
from workers.configuration.settings import load
from workers.monitoring import instrumentation


def test_nobody_watches_where_nothing_is_set() -> None:
    settings = load({})
    instrumentation.begin_worker(settings, None)
    instrumentation.begin_beat(settings, None)

    assert instrumentation.observer(settings) is None
    assert instrumentation.beat() is None


def test_what_traces_is_loaded_by_no_process_that_sends_none() -> None:
    code = (
        "import sys, workers.app, workers.cli.main, workers.beat, tasks.intake.orders; "
        # redis looks for OpenTelemetry by itself, and does nothing with it unasked.
        "unwanted = ('workers.monitoring.tracing', 'opentelemetry.exporter'); "
        "print([one for one in sys.modules if one.startswith(unwanted)])"
    )

    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert ran.stdout.strip() == "[]"
