"""The journal: jobs are claimed here, and ended otherwise than by a step."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, tuple_, update

from journal import erp_circuit_breaker as erp_pause
from journal.feeds import Feeding
from journal.finding import find_job
from journal.jobs.dead_letters import Reviving
from journal.jobs.leasing import Sweep
from journal.jobs.order_intake import Recording
from journal.jobs.steps import Stepping
from journal.jobs.store_pauses import Pausing
from journal.model import NOT_ASKED, InFlight, JobLost, State, Ticket, backoff_seconds
from journal.monitoring.alerts import Alerting
from journal.monitoring.metrics_queries import Measuring
from journal.order_changes import Changing
from journal.outcomes import ended
from journal.privacy.erasure import Erasing
from journal.reconciliation import Reconciling
from journal.storage.rows import is_open, line
from journal.storage.tables import events, jobs


class Journal(
    Stepping, Recording, Erasing, Reviving, Pausing, Reconciling, Feeding, Alerting, Measuring,
    Changing,
):  # fmt: skip
    """Where every order and job stands, over one database. Safe across threads and processes."""

    def migrate(self) -> None:
        """Bring the tables up to date; several processes may call it at once."""
        self._database.migrate()

    def check(self) -> str:
        """Say which database answered, and at which revision it is.

        Raises:
            JournalError: it does not answer, or its tables are not up to date.
        """
        return self._database.check()

    def close(self) -> None:
        """Give back all connections."""
        self._database.close()

    # --- claimed ------------------------------------------------------------------------------

    def dispatch(
        self, *, in_flight: InFlight, store: str | None = None, order_id: str | None = None
    ) -> list[Ticket]:
        """Claim due jobs, the most urgent and then the longest due first; see ``jobs.URGENCY``.

        Each gets a new attempt and a lease.

        Args:
            in_flight: jobs of a store that are leased at once, at most, less urgent ones aside.
            store: only this store's.
            order_id: only this order's.
        """
        with self._database.transaction() as db:
            sweep = Sweep(db, self._policy, self._now())
            return sweep.tickets(in_flight=in_flight, store=store, order_id=order_id)

    # --- failure ------------------------------------------------------------------------------

    def postpone(  # noqa: PLR0913  # what names a failure
        self,
        store: str,
        order_id: str,
        attempt: int,
        error: str,
        *,
        job: int | None = None,
        after_seconds: float | None = None,
        counts: bool = True,
        untouched: bool = False,
        waiting: bool = False,
        patience: timedelta | None = None,
        erp_down: bool = False,
    ) -> datetime:
        """Let a job wait, and return until when.

        Args:
            error: why, in words without personal data.
            after_seconds: how long; None for the back-off of its failures in a row.
            counts: whether this is a failure of the order itself.
            untouched: the step made no call whose effect could be in doubt; it stays out of the
                timeline, where it would only repeat itself.
            waiting: nothing failed, it is only not time yet: no number of these is too many.
            patience: how old a waiting request may become before it is refused.
            erp_down: the ERP did not answer. What waits for it keeps its due time, so that all
                come in order of age; only who fails again where others do not backs off.

        Raises:
            JobLost: a newer attempt owns the job.
        """
        now = self._now()
        with self._database.transaction() as db:
            row = self._owned(db, store, order_id, attempt, job)
            if erp_down:
                counts = not erp_pause.suspect(db, row, error, now, self._policy)
            else:
                erp_pause.pass_turn(db, row, now)
            keeps_place = erp_down and not (counts and row["failures"])
            failures = row["failures"] + (1 if counts else 0)
            gives_up = row["kind"] not in NOT_ASKED and not waiting
            if gives_up and failures >= self._policy.max_failures:
                self._bury(db, row, f"tried {failures} times; {error}", "dead", now)
                return now
            if waiting and patience and now - (row["created_at"] or now) > patience:
                self._bury(db, row, f"{error} (waited for {patience})", "refused", now)
                return now
            if after_seconds is None:
                after_seconds = backoff_seconds(max(failures, 1), self._policy, random.random)
            due_at = row["due_at"] if keeps_place else now + timedelta(seconds=after_seconds)
            # The start stays counted as a failure: the effect may have been had.
            self._move(
                db, row, failures=max(failures, 1) if row["starts"] > int(untouched) else failures,
                starts=0, due_at=due_at, lease_until=None, last_error=error, waiting=int(waiting),
            )  # fmt: skip
            # A store that pauses for days must not fill the timelines with one line a minute.
            if not untouched and (counts or error != row["last_error"]):
                db.execute(
                    events.insert(),
                    line(
                        store, order_id, now, attempt, "waits" if waiting else "tried again later",
                        kind=row["kind"], stage=row["stage"], detail=error,
                    ),
                )  # fmt: skip
        return due_at

    def bury(
        self,
        store: str,
        order_id: str,
        attempt: int,
        reason: str,
        *,
        job: int | None = None,
        refused: bool = True,
    ) -> None:
        """Set a job aside until a person lets it try again.

        Args:
            refused: it cannot be done as asked; else it was given up.

        Raises:
            JobLost: a newer attempt owns the job.
        """
        with self._database.transaction() as db:
            row = self._owned(db, store, order_id, attempt, job)
            self._bury(db, row, reason, "refused" if refused else "dead", self._now())

    def _bury(
        self, db: Connection, row: RowMapping, reason: str, outcome: str, now: datetime
    ) -> None:
        erp_pause.pass_turn(db, row, now)
        self._move(
            db, row, state=State.DEAD, starts=0, lease_until=None, last_error=reason,
            failures=row["failures"] + 1,
        )  # fmt: skip
        db.execute(
            events.insert(),
            line(
                row["store"], row["order_id"], now, row["attempt"], "dead",
                kind=row["kind"], stage=row["stage"], detail=reason,
            ),
        )  # fmt: skip
        ended(db, row, outcome, reason, now)

    def _owned(
        self, db: Connection, store: str, order_id: str, attempt: int, job: int | None
    ) -> RowMapping:
        row = find_job(db, store, order_id, job)
        if row is None or row["state"] != State.OPEN or row["attempt"] != attempt:
            raise JobLost(f"{store} {order_id}: attempt {attempt} does not own it")
        return row

    def release(self, tickets: Sequence[Ticket]) -> None:
        """Hand back claimed jobs that were not begun; they are due at once."""
        for outbound in (False, True):
            owned = [
                (one.store, one.order_id, one.attempt, one.kind)
                for one in tickets
                if (one.job is not None) is outbound
            ]
            if not owned:
                continue
            names = tuple_(jobs.c.store, jobs.c.order_id, jobs.c.attempt, jobs.c.kind)
            # SQLite looks up no tuple in an index.
            named = [
                column.in_({one[place] for one in owned})
                for place, column in enumerate((jobs.c.store, jobs.c.order_id))
            ]
            with self._database.transaction() as db:
                db.execute(
                    update(jobs)
                    .where(is_open(), *named, names.in_(owned), jobs.c.starts == 0)
                    .values(lease_until=None, updated_at=self._now())
                )

    def hand_back(self, store: str, order_id: str, attempt: int, *, job: int | None) -> None:
        """Give up the lease of a job whose next step was not begun; it is due at once.

        Raises:
            JobLost: a newer attempt owns the job.
        """
        now = self._now()
        with self._database.transaction() as db:
            row = self._owned(db, store, order_id, attempt, job)
            self._move(db, row, lease_until=None, starts=0)
            db.execute(
                events.insert(),
                line(
                    store, order_id, now, attempt, "handed back",
                    kind=row["kind"], stage=row["stage"],
                ),
            )  # fmt: skip
