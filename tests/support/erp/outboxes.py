"""The ERP's side of the outboxes of the adapters that ship, and a clock that it can put on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from alembic import command
from sqlalchemy import create_engine, make_url, text

from erp.adapters.memory import MemoryErp
from erp.adapters.sql.adapter import SqlErp
from erp.adapters.sql.database import ErpDatabase
from erp.port import Request
from foundation.database.database import DRIVERS

SEEN = {
    "PENDING": "waits",
    "SENDING": "handed out",
    "SENT": "done",
    "ERROR": "refused",
    "DEAD": "dead",
    "OBSOLETE": "obsolete",
}


class SqlOutbox:
    """An ERP that knows plain SQL and nothing of ours."""

    def __init__(self, url: str) -> None:
        self.moment = datetime(2026, 3, 10, 12, tzinfo=UTC)
        self.url = url
        self.erp = SqlErp(url, now=lambda: self.moment)
        parsed = make_url(url)
        driver = DRIVERS.get(parsed.drivername, parsed.drivername)
        self._engine = create_engine(parsed.set(drivername=driver))

    def write(self, *statements: str, **values: Any) -> None:
        """Run statements of the ERP in one transaction."""
        with self._engine.begin() as db:
            for statement in statements:
                db.execute(text(statement), values)

    def rows(self, query: str, **values: Any) -> Sequence[Any]:
        with self._engine.begin() as db:
            return [tuple(row) for row in db.execute(text(query), values)]

    def row(self, columns: str) -> Any:
        (row,) = self.rows(f"SELECT {columns} FROM int_outbox")
        return row

    def put(self, order_id: str) -> str:
        self.write(
            "INSERT INTO int_outbox (kind, store, order_id, reason)"
            " VALUES ('CANCEL', 'acme', :order, 'acabou')",
            order=order_id,
        )
        ((number,),) = self.rows("SELECT max(id) FROM int_outbox")
        return f"outbox:{number}"

    def seen(self, reference: str) -> tuple[str, str | None]:
        query = "SELECT status, receipt, last_error FROM int_outbox WHERE id = :id"
        ((status, receipt, reason),) = self.rows(query, id=int(reference.removeprefix("outbox:")))
        return SEEN[status], receipt or reason

    def ask_again(self, reference: str) -> None:
        number = int(reference.removeprefix("outbox:"))
        self.write("UPDATE int_outbox SET status = 'PENDING' WHERE id = :id", id=number)

    def let_claims_lapse(self) -> None:
        self.moment += timedelta(seconds=60)

    def migrate_to(self, revision: str) -> None:
        """Bring the tables to a revision, back or forth."""
        config = ErpDatabase.migrations.config()
        with self.erp._database._made().begin() as db:
            config.attributes["connection"] = db
            step = command.upgrade if revision == "head" else command.downgrade
            step(config, revision)

    def close(self) -> None:
        self.erp.close()
        self._engine.dispose()


class MemoryOutbox:
    """An ERP in this process."""

    def __init__(self) -> None:
        self.erp = MemoryErp()

    def put(self, order_id: str) -> str:
        fields = {"store": "acme", "order_id": order_id, "reason": "acabou"}
        request = Request("cancellation", f"memory:{order_id}", fields)
        self.erp.outbox.append(request)
        return request.reference

    def seen(self, reference: str) -> tuple[str, str | None]:
        if any(entry.reference == reference for entry in self.erp.outbox):
            return "waits", None
        ended = self.erp.outcomes.get(reference)
        if ended is None:
            return "handed out", None
        return str(ended.outcome), ended.receipt or ended.reason

    def ask_again(self, reference: str) -> None:
        self.erp.outbox.append(self.erp.handed_out.pop(reference))

    def let_claims_lapse(self) -> None:
        """A taker that dies here takes the ERP along."""

    def close(self) -> None:
        self.erp.close()
