"""Observations: the fate that each order of an observed store would have."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select

from journal.model import Kind, State
from journal.storage.repository import Repository
from journal.storage.rows import from_json
from journal.storage.tables import jobs, orders


@dataclass(frozen=True, slots=True)
class Observation:
    """An order of an observed store.

    Attributes:
        placed_at: when the shopper placed it. Until the order was read, when it was listed.
        result: the fate of the order as JSON. Empty before the order was read.
        error: reason of an observation that failed.
    """

    store: str
    order_id: str
    placed_at: datetime
    value_cents: int | None
    state: State
    result: dict[str, Any]
    error: str | None


class Observations(Repository):
    """The observations of all stores."""

    def find(self, store: str, since: datetime, until: datetime) -> Sequence[Observation]:
        """Return a store's observations of orders that were placed in a range, the oldest first."""
        placed_at = func.coalesce(orders.c.created_at, orders.c.listed_at)
        job = and_(
            jobs.c.store == orders.c.store,
            jobs.c.order_id == orders.c.order_id,
            jobs.c.kind == Kind.OBSERVATION,
        )
        query = (
            select(
                orders.c.store, orders.c.order_id, orders.c.created_at, orders.c.listed_at,
                orders.c.value_cents, jobs.c.state, jobs.c.result, jobs.c.last_error,
            )
            .select_from(orders.join(jobs, job))
            .where(orders.c.store == store, placed_at >= since, placed_at <= until)
            .order_by(placed_at, orders.c.order_id)
        )  # fmt: skip
        return [
            Observation(
                row.store,
                row.order_id,
                row.created_at or row.listed_at,
                row.value_cents,
                State(row.state),
                from_json(row.result) or {},
                row.last_error,
            )
            for row in self._database.rows(query)
        ]

    def held(self, store: str) -> int:
        """Return the number of a store's other jobs, which wait while it is only observed."""
        query = (
            select(func.count().label("n"))
            .select_from(jobs)
            .where(
                jobs.c.state == State.OPEN, jobs.c.store == store, jobs.c.kind != Kind.OBSERVATION
            )
        )
        row = self._database.row(query)
        return 0 if row is None else int(row.n)
