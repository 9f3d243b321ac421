"""The jobs: dispatch, steps, postponement, release, dead letters, retries."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, tuple_, update

from foundation.messages import journal as messages
from foundation.messages.message import code_of
from journal import erp_circuit_breaker
from journal.jobs import postgresql_fast_path, transitions
from journal.jobs.leased_job import PAUSES, LeasedJob, find_job
from journal.jobs.leasing import LeaseQuery
from journal.model import (
    AT_ERP,
    STAGES,
    ErpCircuitOpen,
    InFlight,
    JobLost,
    Kind,
    Lease,
    Postponement,
    RequestPurged,
    Stage,
    State,
    StoreObserved,
    StorePaused,
    retry_stage,
)
from journal.outcomes import record_outcome
from journal.storage.repository import Repository
from journal.storage.rows import as_json, error_columns, event_row, is_open
from journal.storage.tables import RETRIED, events, jobs, orders


class Jobs(Repository):
    """The jobs of all orders. One attempt at a time owns a job."""

    def dispatch(
        self, *, in_flight: InFlight, store: str | None = None, order_id: str | None = None
    ) -> list[Lease]:
        """Lease due jobs by priority (``model.PRIORITIES``), then by due time.

        Each job gets a new attempt and a lease.

        Args:
            in_flight: bound of a store's leased jobs of the same or a higher priority.
            store: only jobs of this store.
            order_id: only jobs of this order.
        """
        with self._database.transaction() as db:
            sweep = LeaseQuery(db, self._policy, self._now())
            return sweep.tickets(in_flight=in_flight, store=store, order_id=order_id)

    @contextmanager
    def step(  # noqa: PLR0913  # the identity of a step
        self,
        store: str,
        order_id: str,
        attempt: int,
        *,
        to: Stage,
        calls_vtex: bool = True,
        job: int | None = None,
        begun: LeasedJob | None = None,
        goes_on: bool = False,
    ) -> Iterator[LeasedJob]:
        """Own a job for one step, and advance it to ``to`` if the step succeeds.

        A step begins once per attempt, even if its message is delivered twice. A broker that
        has lost a worker may deliver a message while the first worker is still busy.

        Documents assigned before a failure are stored, so that a person can read them.

        Args:
            job: number of the job. ``None`` means the order's intake.
            begun: job from the previous step, if that ended with ``goes_on``.
            goes_on: begin the next step in the same transaction.

        Raises:
            JobLost: the job belongs to a newer attempt or is at another stage, or this attempt
                has begun the step already.
            StorePaused: the step would call VTEX while the store pauses.
            StoreObserved: the store is only observed.
            ErpCircuitOpen: the step would call the ERP while its circuit is open.
        """
        if begun is not None and begun.is_at(store, order_id, attempt, job, to.before):
            owned = begun
            if calls_vtex and owned.paused:
                raise StorePaused(messages.STORE_PAUSED(reason=owned.paused[1]))
        else:
            owned = self._enter(store, order_id, attempt, to.before, calls_vtex=calls_vtex, job=job)
        try:
            yield owned
        except BaseException:
            self._keep_documents(owned)
            raise
        if not self._advanced(owned, to, goes_on=goes_on):
            self._advance(owned, to, goes_on=goes_on)
        owned.moved_on(to)

    def hold(self, job: LeasedJob) -> None:
        """Renew the lease of a running step, right before an irreversible call.

        The step's result is stored too. If the answer is lost, it says how the call was made.

        Raises:
            JobLost: the lease expired, and a newer attempt owns the job.
            JournalUnavailable: the owner is unknown.
        """
        now = self._now()
        result = {"result": as_json(job.result)} if job.result else {}
        with self._database.transaction() as db:
            transitions.move(db, job.row, now, lease_until=self._lease(now), **result)

    def postpone(
        self,
        store: str,
        order_id: str,
        attempt: int,
        error: str,
        how: Postponement,
        *,
        job: int | None = None,
    ) -> datetime:
        """Postpone a job. Return its new due time.

        Args:
            error: reason, without personal data.

        Raises:
            JobLost: a newer attempt owns the job.
        """
        now, counts = self._now(), how.counts
        with self._database.transaction() as db:
            row = transitions.owned(db, store, order_id, attempt, job)
            if how.erp_down:
                counts = not erp_circuit_breaker.record_failure(db, row, error, now, self._policy)
            else:
                erp_circuit_breaker.end_probe(db, row, now)
            keeps_place = how.erp_down and not (counts and row["failures"])
            failures = row["failures"] + (1 if counts else 0)
            if how.max_failures is not None and failures >= how.max_failures:
                unforeseen = code_of(error) == messages.UNFORESEEN.code
                gave_up = messages.GAVE_UP_UNFORESEEN if unforeseen else messages.GAVE_UP
                reason = gave_up(failures=failures, error=error)
                transitions.bury(db, row, reason, "dead", now)
                return now
            since = row["retried_at"] or row["created_at"] or now
            if how.waiting and how.patience and now - since > how.patience:
                reason = messages.WAITED_TOO_LONG(error=error, patience=how.patience)
                transitions.bury(db, row, reason, "refused", now)
                return now
            wait = timedelta(seconds=how.wait_seconds(max(failures, 1)))
            due_at = row["due_at"] if keeps_place else now + wait
            # The start counts as a failure, since the step may have had its effect.
            if row["unfinished_starts"] > int(how.untouched):
                failures = max(failures, 1)
            transitions.move(
                db,
                row,
                now,
                failures=failures,
                unfinished_starts=0,
                due_at=due_at,
                lease_until=None,
                not_ready=int(how.waiting),
                **error_columns(error),
            )
            # A store that pauses for days must not add a line per minute to each timeline.
            if not how.untouched and (counts or error != row["last_error"]):
                event = "waits" if how.waiting else "retried later"
                transitions.note(db, row, now, event, error)
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
        """Turn a job into a dead letter, until a person retries it.

        Args:
            refused: the request is invalid. Otherwise the job was given up.

        Raises:
            JobLost: a newer attempt owns the job.
        """
        with self._database.transaction() as db:
            row = transitions.owned(db, store, order_id, attempt, job)
            transitions.bury(db, row, reason, "refused" if refused else "dead", self._now())

    def release(self, leases: Sequence[Lease]) -> None:
        """Release leased jobs that did not begin. They are due at once."""
        for outbound in (False, True):
            owned = [
                (lease.store, lease.order_id, lease.attempt, lease.kind)
                for lease in leases
                if (lease.job is not None) is outbound
            ]
            if not owned:
                continue
            names = tuple_(jobs.c.store, jobs.c.order_id, jobs.c.attempt, jobs.c.kind)
            # SQLite does not use an index for tuples.
            named = [
                column.in_({key[place] for key in owned})
                for place, column in enumerate((jobs.c.store, jobs.c.order_id))
            ]
            with self._database.transaction() as db:
                db.execute(
                    update(jobs)
                    .where(is_open(), *named, names.in_(owned), jobs.c.unfinished_starts == 0)
                    .values(lease_until=None, updated_at=self._now())
                )

    def hand_back(self, store: str, order_id: str, attempt: int, *, job: int | None) -> None:
        """Release the lease of a job whose next step did not begin. It is due at once.

        Raises:
            JobLost: a newer attempt owns the job.
        """
        now = self._now()
        with self._database.transaction() as db:
            row = transitions.owned(db, store, order_id, attempt, job)
            transitions.move(db, row, now, lease_until=None, unfinished_starts=0)
            transitions.note(db, row, now, "handed back")

    def retry(self, store: str, order_id: str, *, job: int | None = None) -> bool:
        """Retry a dead, skipped or waiting job now. Return whether the job allowed it.

        An intake reads fresh documents, unless the ERP has the order already.

        Raises:
            RequestPurged: retention has deleted the body of the request.
        """
        now = self._now()
        with self._database.transaction() as db:
            row = find_job(db, store, order_id, job)
            if row is None or row["state"] == State.DONE:
                return False
            if row["request_sha256"] is not None:
                day = f"{row['updated_at']:%Y-%m-%d} (UTC)"
                raise RequestPurged(messages.REQUEST_PURGED(job=row["id"], day=day))
            if row["state"] == State.OPEN and row["lease_until"] and row["lease_until"] >= now:
                return False
            moved = db.execute(
                update(jobs)
                .where(
                    jobs.c.id == row["id"],
                    jobs.c.attempt == row["attempt"],
                    jobs.c.state == row["state"],
                    jobs.c.request_sha256.is_(None),
                )
                .values(
                    state=State.OPEN,
                    stage=retry_stage(Stage(row["stage"])),
                    due_at=now,
                    unfinished_starts=0,
                    failures=0,
                    lease_until=None,
                    retried_at=now,
                    updated_at=now,
                    **error_columns(None),
                )
            )
            if moved.rowcount != 1:
                return False  # a worker or another person was first
            transitions.note(db, row, now, "retried by hand")
        return True

    def take_as_handled(self, store: str, order_id: str) -> bool:
        """Let an intake accept an order whose handling started elsewhere, and retry it now.

        Return false if the order is unknown, or if the ERP has it.
        """
        now = self._now()
        with self._database.transaction() as db:
            row = find_job(db, store, order_id, None)
            if row is None or row["state"] == State.DONE or row["erp_reference"] is not None:
                return False
            db.execute(update(jobs).where(jobs.c.id == row["id"]).values(as_handled=1))
            transitions.note(db, row, now, "as handled", "asked for by hand")
        self.retry(store, order_id)
        return True

    def _enter(
        self,
        store: str,
        order_id: str,
        attempt: int,
        stage: Stage,
        *,
        calls_vtex: bool,
        job: int | None,
    ) -> LeasedJob:
        now = self._now()
        if job is None:
            self._require_live(store, Kind.INTAKE)
        if job is None and not self._database.is_local:
            quick_row = postgresql_fast_path.enter(
                self._database,
                store=store,
                order_id=order_id,
                attempt=attempt,
                at=stage,
                now=now,
                lease=self._lease(now),
            )
            if quick_row is not None:
                return LeasedJob(quick_row)
        with self._database.transaction() as db:
            row = find_job(db, store, order_id, job)
            if row is None or (row["state"], row["attempt"], row["stage"]) != (
                State.OPEN,
                attempt,
                stage,
            ):
                raise JobLost(messages.NOT_OWNED(store=store, order_id=order_id))
            self._require_live(store, Kind(row["kind"]))
            if _was_begun(row):
                raise JobLost(
                    messages.STARTED_ALREADY(
                        store=store, order_id=order_id, attempt=attempt, stage=stage
                    )
                )
            if calls_vtex and row["until"] is not None and row["until"] > now:
                raise StorePaused(messages.STORE_PAUSED(reason=row["pause_reason"]))
            if stage is AT_ERP and erp_circuit_breaker.blocks(row, now):
                raise ErpCircuitOpen(messages.ERP_CIRCUIT_OPEN(reason=row["erp_reason"]))
            begun = row["unfinished_starts"]
            transitions.move(
                db,
                row,
                now,
                jobs.c.unfinished_starts == begun,
                unfinished_starts=begun + 1,
                crash_suspect=row["crash_suspect"] and RETRIED,
                lease_until=self._lease(now),
            )
        entered = LeasedJob(row)
        entered.isolated = (
            row["crash_suspect"] and row["unfinished_starts"] >= self._policy.max_crashes - 1
        )
        return entered

    def _require_live(self, store: str, kind: Kind) -> None:
        if self._policy.holds(store, kind):
            raise StoreObserved(messages.STORE_OBSERVED(store=store))

    def _advanced(self, job: LeasedJob, to: Stage, *, goes_on: bool) -> bool:
        """Take the fast path. Return false if the general path must decide."""
        if self._database.is_local or job.kind is not Kind.INTAKE or job.skipped:
            return False
        now, last = self._now(), job.ends or to is STAGES[job.kind][-1]
        return postgresql_fast_path.advance(
            self._database,
            job.row,
            to=to,
            state=State.DONE if last else State.OPEN,
            unfinished_starts=int(goes_on and not last),
            now=now,
            lease=None if last else self._lease(now),
            lines=[*(("note", note) for note in job.notes), (str(to), job.reason)],
            documents=job.changes(),
            erp_reference=job.erp_reference if job.referenced else None,
            placed=job.placed,
        )

    def _advance(self, job: LeasedJob, to: Stage, *, goes_on: bool) -> None:
        now = self._now()
        last = job.ends or to is STAGES[job.kind][-1]
        end = State.SKIPPED if job.skipped else State.DONE if last else State.OPEN
        result = as_json(job.result) if job.result else None
        request_body = job.new_request_body
        goes_on = goes_on and end is State.OPEN
        with self._database.transaction() as db:
            if goes_on:
                self._look_at_pauses(db, job, to, now)
                goes_on = not job.waits_for_erp
            transitions.move(
                db,
                job.row,
                now,
                stage=job.stage if job.skipped else to,
                state=end,
                unfinished_starts=int(goes_on),
                crash_suspect=0,
                failures=0,
                lease_until=self._lease(now)
                if end is State.OPEN and not job.waits_for_erp
                else None,
                **error_columns(job.skipped),
                **({"result": result} if result else {}),
                **({"request_body": request_body} if request_body else {}),
            )
            transitions.write_documents(db, job, now)
            assigned = {
                **({"erp_reference": job.erp_reference} if job.referenced else {}),
                **(
                    {"created_at": job.placed[0], "value_cents": job.placed[1]}
                    if job.placed
                    else {}
                ),
                **({} if job.revalued is None else {"value_cents": job.revalued}),
            }
            if assigned:
                db.execute(
                    update(orders)
                    .where(orders.c.store == job.store, orders.c.order_id == job.order_id)
                    .values(assigned)
                )
            end_event = ("skipped", job.skipped) if job.skipped else (str(to), job.reason)
            db.execute(
                events.insert(),
                [
                    event_row(
                        job.store,
                        job.order_id,
                        now,
                        job.attempt,
                        text,
                        kind=job.kind,
                        stage=to,
                        detail=detail,
                    )
                    for text, detail in [*(("note", note) for note in job.notes), end_event]
                ],
            )
            if end is not State.OPEN:
                outcome = "done" if end is State.DONE else "obsolete"
                reason = job.skipped or job.reason
                record_outcome(db, {**job.row, "result": result}, outcome, reason, now)
                transitions.wake_waiting(db, job, now)
            if job.obsolete:
                transitions.close_others(db, job, job.obsolete, now)
            if job.stage is AT_ERP and job.erp_failing:
                job.erp_recovered = erp_circuit_breaker.close(db)

    def _look_at_pauses(self, db: Connection, job: LeasedJob, to: Stage, now: datetime) -> None:
        row = db.execute(PAUSES, {"s": job.store, "now": now}).one()
        job.paused = None if row.until is None else (row.until, row.reason)
        job.erp_failing = row.erp_until is not None
        job.waits_for_erp = to is AT_ERP and job.erp_failing

    def _keep_documents(self, job: LeasedJob) -> None:
        if not job.changes():
            return
        now = self._now()
        with self._database.transaction() as db:
            transitions.move(db, job.row, now)
            transitions.write_documents(db, job, now)

    def _lease(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._policy.lease_seconds)


def _was_begun(row: RowMapping) -> bool:
    """Return whether the current attempt has begun its step, beside a crashed earlier one."""
    return bool(
        row["crash_suspect"] == RETRIED if row["crash_suspect"] else row["unfinished_starts"] > 0
    )
