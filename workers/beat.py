"""Beat's scheduler: RedBeat, which is told apart from the other settings where Redis is."""

from __future__ import annotations

from typing import Any

from redbeat.schedulers import RedBeatScheduler, ensure_conf


class Scheduler(RedBeatScheduler):  # type: ignore[misc]  # RedBeat ships no types
    """Several beats, one of them at work.

    A worker tells Flower its whole configuration, and Celery hides the password of ``broker_url``
    there but not that of RedBeat's address. So the configuration holds none for RedBeat.
    """

    def __init__(self, app: Any, **kwargs: Any) -> None:
        """Take the broker's address for the schedule."""
        ensure_conf(app).redis_url = app.conf.broker_url
        super().__init__(app, **kwargs)
