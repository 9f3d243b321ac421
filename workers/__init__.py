"""The runtime: how processes start, are configured and watched."""

from typing import Any


def __getattr__(name: str) -> Any:
    """Make the Celery application once ``celery -A workers`` asks for it.

    An import here would cost the command line a second of CPU, also for ``--help``. Celery looks
    for ``celery`` after ``app``, which is the submodule of that name once that is imported.
    """
    if name in ("app", "celery"):
        from workers.app import app

        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
