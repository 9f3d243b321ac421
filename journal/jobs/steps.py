"""A step of a job, from where it is begun to where the job stands then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, update

from journal import erp_circuit_breaker as erp_pause
from journal.finding import PAUSES, find_job
from journal.jobs import postgresql_fast_path as quick
from journal.jobs.leased_job import Job
from journal.model import AT_ERP, PATHS, ErpPaused, JobLost, Kind, Stage, State, StorePaused
from journal.order_changes import end_request
from journal.outcomes import ended
from journal.queries import Readings
from journal.storage.rows import Row, as_json, insert, is_open, line
from journal.storage.tables import BEGUN, documents, events, jobs, orders


class Stepping(Readings):
    """Lets one attempt at a time take a job's next step, and keeps what the step assigned."""

    @contextmanager
    def step(  # noqa: PLR0913  # what names a step
        self,
        store: str,
        order_id: str,
        attempt: int,
        *,
        to: Stage,
        calls_vtex: bool = True,
        job: int | None = None,
        begun: Job | None = None,
        goes_on: bool = False,
    ) -> Iterator[Job]:
        """Own a job for one step, and move it on to ``to`` when the step ends well.

        A step begins once an attempt, however often its message comes: a broker that has lost
        sight of a worker brings it to another while the first may still be at it.

        Documents assigned before a failure are kept: a person will want to see them.

        Args:
            job: number of the job; None for the order's intake.
            begun: what the step before left, where it ended with ``goes_on``.
            goes_on: the next step follows at once: it is begun in the same transaction.

        Raises:
            JobLost: the job belongs to a newer attempt, stands elsewhere, or this attempt has
                begun the step already.
            StorePaused: the step would call VTEX, which asked for a pause.
            ErpPaused: the step would call the ERP, which does not answer.
        """
        if begun is not None and begun.is_at(store, order_id, attempt, job, to.before):
            owned = begun
            if calls_vtex and owned.paused:
                raise StorePaused(f"store paused: {owned.paused[1]}", until=owned.paused[0])
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

    def hold(self, job: Job) -> None:
        """Renew the lease of a step that runs, right before what cannot be taken back.

        Raises:
            JobLost: its lease ran out, and a newer attempt owns the job.
            JournalUnavailable: nobody knows who owns it.
        """
        now = self._now()
        with self._database.transaction() as db:
            self._move(db, job.row, lease_until=self._lease(now))

    def _enter(
        self,
        store: str,
        order_id: str,
        attempt: int,
        stage: Stage,
        *,
        calls_vtex: bool,
        job: int | None,
    ) -> Job:
        now = self._now()
        if job is None and not self._database.is_local:
            quick_row = quick.enter(
                self._database, store=store, order_id=order_id, attempt=attempt, at=stage,
                now=now, lease=self._lease(now),
            )  # fmt: skip
            if quick_row is not None:
                return Job(quick_row)
        with self._database.transaction() as db:
            row = find_job(db, store, order_id, job)
            if row is None or (row["state"], row["attempt"], row["stage"]) != (
                State.OPEN,
                attempt,
                stage,
            ):
                raise JobLost(f"{store} {order_id}: attempt {attempt} at {stage} is not its own")
            if _was_begun(row):
                raise JobLost(f"{store} {order_id}: attempt {attempt} has begun at {stage} already")
            if calls_vtex and row["until"] is not None and row["until"] > now:
                raise StorePaused(f"store paused: {row['pause_reason']}", until=row["until"])
            if stage is AT_ERP and erp_pause.keeps_out(row, now):
                raise ErpPaused(f"waits for the ERP: {row['erp_reason']}")
            self._move(
                db, row, jobs.c.starts == row["starts"], starts=row["starts"] + 1,
                suspect=row["suspect"] and BEGUN, lease_until=self._lease(now),
            )  # fmt: skip
        entered = Job(row)
        entered.goes_alone = row["suspect"] and row["starts"] >= self._policy.max_crashes - 1
        return entered

    def _advanced(self, job: Job, to: Stage, *, goes_on: bool) -> bool:
        """Do it the quick way; say no where the general one has to look."""
        if self._database.is_local or job.kind is not Kind.INTAKE or job.skipped:
            return False
        now, last = self._now(), to is PATHS[job.kind][-1]
        return quick.advance(
            self._database, job.row, to=to, state=State.DONE if last else State.OPEN,
            starts=int(goes_on and not last), now=now, lease=None if last else self._lease(now),
            lines=[*(("note", note) for note in job.notes), (str(to), job.reason)],
            documents=job.changes(),
            erp_reference=job.erp_reference if job.referenced else None,
            placed=job.placed,
        )  # fmt: skip

    def _advance(self, job: Job, to: Stage, *, goes_on: bool) -> None:
        now = self._now()
        last = to is PATHS[job.kind][-1]
        end = State.SKIPPED if job.skipped else State.DONE if last else State.OPEN
        result = as_json(job.result) if job.result else None
        content = job.new_content
        goes_on = goes_on and end is State.OPEN
        with self._database.transaction() as db:
            if goes_on:
                self._look_at_pauses(db, job, to, now)
                goes_on = not job.waits_for_erp
            self._move(
                db,
                job.row,
                stage=job.stage if job.skipped else to,
                state=end,
                starts=int(goes_on),
                suspect=0,
                failures=0,
                last_error=job.skipped,
                lease_until=self._lease(now)
                if end is State.OPEN and not job.waits_for_erp
                else None,
                **({"result": result} if result else {}),
                **({"content": content} if content else {}),
            )
            self._write_documents(db, job, now)
            if job.referenced:
                db.execute(
                    update(orders)
                    .where(orders.c.store == job.store, orders.c.order_id == job.order_id)
                    .values(erp_reference=job.erp_reference)
                )
            if job.placed:
                db.execute(
                    update(orders)
                    .where(orders.c.store == job.store, orders.c.order_id == job.order_id)
                    .values(created_at=job.placed[0], value_cents=job.placed[1])
                )
            if job.revalued is not None:
                db.execute(
                    update(orders)
                    .where(orders.c.store == job.store, orders.c.order_id == job.order_id)
                    .values(value_cents=job.revalued)
                )
            what = ("skipped", job.skipped) if job.skipped else (str(to), job.reason)
            db.execute(
                events.insert(),
                [
                    line(
                        job.store, job.order_id, now, job.attempt, text,
                        kind=job.kind, stage=to, detail=detail,
                    )
                    for text, detail in [*(("note", note) for note in job.notes), what]
                ],
            )  # fmt: skip
            if end is not State.OPEN:
                outcome = "done" if end is State.DONE else "pointless"
                reason = job.skipped or job.reason
                ended(db, {**job.row, "result": result}, outcome, reason, now)
                self._wake(db, job, now)
            if job.pointless:
                self._close_others(db, job, job.pointless, now)
            if job.stage is AT_ERP and job.erp_suspected:
                job.erp_is_back = erp_pause.lift(db)

    def _look_at_pauses(self, db: Connection, job: Job, to: Stage, now: datetime) -> None:
        row = db.execute(PAUSES, {"s": job.store, "now": now}).one()
        job.paused = None if row.until is None else (row.until, row.reason)
        job.erp_suspected = row.erp_until is not None
        job.waits_for_erp = to is AT_ERP and job.erp_suspected

    def _wake(self, db: Connection, job: Job, now: datetime) -> None:
        """Let what waits beside a request that has ended look at once: it may be what it waits for.

        Its own pause may be minutes by now, where VTEX failed before; it begins anew.
        """
        if job.kind is Kind.INTAKE:
            return
        db.execute(
            update(jobs)
            .where(
                jobs.c.store == job.store,
                jobs.c.order_id == job.order_id,
                is_open(),
                jobs.c.waiting == 1,
                jobs.c.due_at > now,
            )
            .values(due_at=now, failures=0)
        )

    def _close_others(self, db: Connection, job: Job, reason: str, now: datetime) -> None:
        closed = db.execute(
            update(jobs)
            .where(
                jobs.c.store == job.store,
                jobs.c.order_id == job.order_id,
                jobs.c.kind.in_([Kind.INVOICE, Kind.TRACKING]),
                is_open(),
            )
            .values(state=State.SKIPPED, lease_until=None, last_error=reason, updated_at=now)
            .returning(*jobs.c)
        ).mappings()
        for one in closed.all():
            db.execute(
                events.insert(),
                line(
                    job.store, job.order_id, now, one["attempt"], "skipped",
                    kind=one["kind"], stage=one["stage"], detail=reason,
                ),
            )  # fmt: skip
            ended(db, one, "pointless", reason, now)
        end_request(db, job.store, job.order_id)

    def _keep_documents(self, job: Job) -> None:
        if not job.changes():
            return
        with self._database.transaction() as db:
            self._move(db, job.row)
            self._write_documents(db, job, self._now())

    def _write_documents(self, db: Connection, job: Job, now: datetime) -> None:
        changed = job.changes()
        if not changed:
            return
        row = {"store": job.store, "order_id": job.order_id, "kept_at": now} | changed
        key = [documents.c.store, documents.c.order_id]
        db.execute(
            insert(db, documents)
            .values(row)
            .on_conflict_do_update(index_elements=key, set_=changed | {"kept_at": now})
        )

    def _move(self, db: Connection, row: Row, *only_if: ColumnElement[bool], **values: Any) -> None:
        moved = db.execute(
            update(jobs)
            .where(
                jobs.c.id == row["id"],
                is_open(),
                jobs.c.attempt == row["attempt"],
                jobs.c.stage == row["stage"],
                *only_if,
            )
            .values(updated_at=self._now(), **values)
        )
        if moved.rowcount != 1:
            raise JobLost(f"{row['store']} {row['order_id']}: another attempt owns it")

    def _lease(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._policy.lease_seconds)


def _was_begun(row: RowMapping) -> bool:
    """Say whether the job's own attempt has begun its step; a suspect's earlier one has as well."""
    return bool(row["suspect"] == BEGUN if row["suspect"] else row["starts"] > 0)
