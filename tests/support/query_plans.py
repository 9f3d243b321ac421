"""How a database does what the journal asks of it, by its own EXPLAIN."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from journal.journal import Journal


@contextmanager
def explained(journal: Journal) -> Iterator[dict[str, str]]:
    """Yield each statement about jobs that comes meanwhile, inserts aside, with its plan."""
    database, found = journal._database, dict[str, str]()
    once = database.once
    how = "EXPLAIN QUERY PLAN " if database.is_local else "EXPLAIN "

    def explain(connection: Any, _cursor: object, statement: str, values: Any, *_: object) -> None:
        if "journal_jobs" in statement and not statement.startswith(("EXPLAIN", "INSERT")):
            rows = connection.exec_driver_sql(how + statement, values).all()
            found[statement] = "\n".join(str(value) for row in rows for value in row)

    def explained_once(statement: str, values: Any) -> Any:
        with database.engine.connect() as connection:
            explain(connection, None, statement, values)
        return once(statement, values)

    event.listen(database.engine, "before_cursor_execute", explain)
    database.once = explained_once  # type: ignore[method-assign]  # it goes by the driver alone
    try:
        yield found
    finally:
        del database.once  # type: ignore[method-assign]
        event.remove(database.engine, "before_cursor_execute", explain)
