"""A store's pause: until when none of its jobs may call VTEX, and why."""

from __future__ import annotations

from datetime import timedelta

from journal.queries import Readings
from journal.storage.rows import insert
from journal.storage.tables import pauses


class Pausing(Readings):
    """What begins and ends pauses."""

    def pause(self, store: str, *, seconds: float, reason: str) -> None:
        """Let no job of the store call VTEX for a while; a pause is never shortened."""
        until = self._now() + timedelta(seconds=seconds)
        with self._database.transaction() as db:
            db.execute(
                insert(db, pauses)
                .values(store=store, until=until, reason=reason)
                .on_conflict_do_update(
                    index_elements=[pauses.c.store],
                    set_={"until": until, "reason": reason},
                    where=pauses.c.until < until,
                )
            )

    def resume(self, store: str) -> None:
        """End a store's pause."""
        with self._database.transaction() as db:
            db.execute(pauses.delete().where(pauses.c.store == store))
