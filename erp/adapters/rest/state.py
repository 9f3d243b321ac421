"""The state that all processes of a REST adapter share, in the outbox's database.

It holds claims on orders with their references, counts of calls for the ERP's rate limits, the
OAuth tokens, and the position in the list of changes.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    MetaData,
    String,
    Table,
    Text,
    delete,
    or_,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError

from erp.adapters.sql.database import ErpDatabase
from erp.port import ErpUnavailable
from foundation.messages import erp as messages

Result = TypeVar("Result")
metadata = MetaData()
AN_HOUR_MS = 3_600_000

once = Table(
    "rest_once",
    metadata,
    Column("scope", String(80), primary_key=True),
    Column("name", String(80), primary_key=True),
    Column("reference", String(80)),
    Column("claimed_until_ms", BigInteger, nullable=False),
    Column("total_cents", BigInteger),
    Column("unit_measures", Text),
    Index("ix_rest_once_reference", "reference"),
)
shared = Table(
    "rest_shared",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("content", Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class KeptOrder:
    """The facts of an order that its invoices need.

    Attributes:
        unit_measures: measure of one sold unit by SKU id, for weighed goods, such as ``"0.35"``.
    """

    total_cents: int | None
    unit_measures: Mapping[str, str]


class SharedState:
    """The shared state. Each method is one transaction. Times are seconds of this host's clock.

    Args:
        url: URL of the outbox's database: SQLite, PostgreSQL, MariaDB or MySQL.
    """

    def __init__(self, url: str) -> None:
        self._database = ErpDatabase(url)
        self._file = Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None

    def migrate(self) -> None:
        """Create the tables. Several processes may call it at once."""
        for last in (False, True):
            try:
                with self._database.transaction() as db:
                    metadata.create_all(db)
            except (ErpUnavailable, DBAPIError):
                # Another process created them at the same time.
                if last:
                    raise
        if self._file is not None and self._file.exists():
            # The file holds a token with the retailer's rights.
            self._file.chmod(0o600)

    def reference(self, scope: str, name: str) -> str | None:
        """Return the ERP's reference of a record, if it is stored here."""
        query = select(once.c.reference).where(once.c.scope == scope, once.c.name == name)
        row = self._database.row(query)
        return row.reference if row else None

    def known(self, scope: str, names: Sequence[str]) -> dict[str, tuple[str, int | None]]:
        """Return references and totals by name."""
        query = select(once.c.name, once.c.reference, once.c.total_cents).where(
            once.c.scope == scope, once.c.name.in_(names), once.c.reference.is_not(None)
        )
        rows = self._database.rows(query)
        return {row.name: (row.reference, row.total_cents) for row in rows}

    def named(self, prefix: str, reference: str) -> tuple[str, str, KeptOrder] | None:
        """Return scope, name and facts of the record with a reference, in scopes with a prefix."""
        query = select(once.c.scope, once.c.name, once.c.total_cents, once.c.unit_measures).where(
            once.c.reference == reference, once.c.scope.startswith(prefix)
        )
        row = self._database.row(query.limit(1))
        if row is None:
            return None
        measures = json.loads(row.unit_measures or "{}")
        return row.scope, row.name, KeptOrder(row.total_cents, measures)

    def claim(self, scope: str, name: str, seconds: float) -> int | None:
        """Claim a record for some seconds. Return the claim, or ``None`` if another one holds."""
        now, until = _milliseconds(0), _milliseconds(seconds)
        free = (
            update(once)
            .where(once.c.scope == scope, once.c.name == name)
            .where(once.c.reference.is_(None))
            # A clock that was set back must not keep a claim for ever.
            .where(or_(once.c.claimed_until_ms <= now, once.c.claimed_until_ms > now + AN_HOUR_MS))
            .values(claimed_until_ms=until)
        )
        try:
            with self._database.transaction() as db:
                if db.execute(free).rowcount:
                    return until
                there = select(once.c.name).where(once.c.scope == scope, once.c.name == name)
                if db.execute(there).first():
                    return None
                db.execute(once.insert().values(scope=scope, name=name, claimed_until_ms=until))
        except IntegrityError:
            return None
        return until

    def renew(self, scope: str, name: str, claim: int, seconds: float) -> None:
        """Renew a claim for some seconds from now on.

        Raises:
            ErpUnavailable: the claim expired, and another process may hold it.
        """
        mine = update(once).where(
            once.c.scope == scope, once.c.name == name, once.c.claimed_until_ms == claim
        )
        if not self._database.run(mine.values(claimed_until_ms=_milliseconds(seconds))):
            raise ErpUnavailable(messages.REST_LOCK_LOST())

    def keep(self, scope: str, name: str, reference: str, order: KeptOrder | None = None) -> None:
        """Store the ERP's reference of a record, and the facts of an order."""
        row = update(once).where(once.c.scope == scope, once.c.name == name)
        values: dict[str, Any] = {"reference": reference}
        if order is not None:
            measures = order.unit_measures
            values["total_cents"] = order.total_cents
            values["unit_measures"] = json.dumps(measures) if measures else None
        self._database.run(row.values(values))

    def release(self, scope: str, name: str, seconds: float) -> None:
        """Release a claim after some seconds."""
        row = update(once).where(once.c.scope == scope, once.c.name == name)
        self._database.run(row.values(claimed_until_ms=_milliseconds(seconds)))

    def forget(self, scope: str, name: str) -> None:
        """Delete a reference, so that the next try searches the ERP."""
        self._database.run(delete(once).where(once.c.scope == scope, once.c.name == name))

    def change(self, name: str, turn: Callable[[dict[str, Any]], Result]) -> Result:
        """Let ``turn`` change a document that all processes share, one after the other."""
        for _ in range(2):
            try:
                with self._database.transaction() as db:
                    return self._changed(db, name, turn)
            except IntegrityError:
                # Another process made the row at the same moment.
                continue
        raise ErpUnavailable(messages.REST_STATE_UNWRITABLE())

    def _changed(
        self, db: Connection, name: str, turn: Callable[[dict[str, Any]], Result]
    ) -> Result:
        query = select(shared.c.content).where(shared.c.name == name).with_for_update()
        text = db.execute(query).scalar_one_or_none()
        document: dict[str, Any] = {} if text is None else json.loads(text)
        result = turn(document)
        content = json.dumps(document)
        if text is None:
            db.execute(shared.insert().values(name=name, content=content))
        elif content != text:
            db.execute(update(shared).where(shared.c.name == name).values(content=content))
        return result

    def close(self) -> None:
        """Close all connections."""
        self._database.close()


def _milliseconds(ahead: float) -> int:
    return int((time.time() + ahead) * 1000)


class CallPace:
    """The ERP's rate limit, for all processes together.

    Args:
        rate: ``per_second`` and ``per_day``. A missing key sets no limit.
    """

    PATIENCE = 10.0
    FAR = 3600.0

    def __init__(self, state: SharedState, rate: Mapping[str, Any]) -> None:
        self._state = state
        self._per_second = float(rate.get("per_second", 0))
        self._per_day = int(rate.get("per_day", 0))

    def wait(self) -> None:
        """Wait for the next free slot.

        Raises:
            ErpUnavailable: the wait would be too long, or the day's calls are used up.
        """
        if not self._per_second and not self._per_day:
            return
        seconds = self._state.change("pace", self._book)
        if seconds is None:
            raise ErpUnavailable(messages.REST_CALLS_USED_UP())
        time.sleep(seconds)

    def pause(self, seconds: float) -> None:
        """Stop all calls for some seconds, because the ERP asked for it."""

        def turn(book: dict[str, Any]) -> None:
            book["next"] = max(book.get("next", 0.0), time.time() + min(seconds, self.FAR))

        self._state.change("pace", turn)

    def _book(self, book: dict[str, Any]) -> float | None:
        now = time.time()
        day = int(now // 86_400)
        if book.get("day") != day:
            book |= {"day": day, "calls": 0}
        moment = max(now, book.get("next", 0.0))
        if moment > now + self.FAR:
            # The clock was set back.
            moment = now
        spent = self._per_day and book["calls"] >= self._per_day
        if spent or moment > now + self.PATIENCE:
            return None
        book["calls"] += 1
        if self._per_second:
            book["next"] = moment + 1 / self._per_second
        return float(moment - now)
