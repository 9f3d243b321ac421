"""VTEX's documents in the journal, read order by order."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, tuple_

from journal.storage.repository import Repository
from journal.storage.rows import decompress, fitting
from journal.storage.tables import documents

PAGE = 100
"""Orders per query, since their documents are held in memory."""


@dataclass(frozen=True, slots=True)
class OrderDocuments:
    """VTEX's documents of an order, with personal data."""

    store: str
    order_id: str
    order: dict[str, Any] | None
    payment: dict[str, Any] | None


class StoredDocuments(Repository):
    """The documents of all orders, with personal data."""

    def get(self, store: str, order_id: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """Return VTEX's documents of an order and of its payment."""
        query = select(documents.c.order_document, documents.c.payment_document).where(
            documents.c.store == store, documents.c.order_id == order_id
        )
        row = self._database.row(query)
        return (
            (None, None)
            if row is None
            else (decompress(row.order_document), decompress(row.payment_document))
        )

    def each(
        self, store: str | None = None, *, since: datetime | None = None
    ) -> Iterator[OrderDocuments]:
        """Yield documents order by order, without an open transaction in between.

        Args:
            since: only documents stored at that time or later.
        """
        last: tuple[str, str] | None = None
        key = (documents.c.store, documents.c.order_id)
        query = _among(select(documents), store, since).order_by(*key).limit(PAGE)
        while True:
            page = query if last is None else query.where(tuple_(*key) > tuple_(*last))
            rows = self._database.rows(page)
            for row in rows:
                yield OrderDocuments(
                    row.store,
                    row.order_id,
                    decompress(row.order_document),
                    decompress(row.payment_document),
                )
            if len(rows) < PAGE:
                return
            last = (rows[-1].store, rows[-1].order_id)

    def count(self, store: str | None = None, *, since: datetime | None = None) -> int:
        """Return the number of orders that ``each`` yields."""
        query = _among(select(func.count()).select_from(documents), store, since)
        with self._database.transaction() as db:
            return int(db.execute(query).scalar_one())


def _among(query: Select[Any], store: str | None, since: datetime | None) -> Select[Any]:
    query = query.where(*fitting(documents, store=store))
    return query if since is None else query.where(documents.c.stored_at >= since)
