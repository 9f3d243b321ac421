"""VTEX's documents, walked order by order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, tuple_

from journal.storage.repository import Repository
from journal.storage.rows import decompress
from journal.storage.tables import documents

PAGE = 100
"""Orders read at once: their documents are held in memory."""


@dataclass(frozen=True, slots=True)
class OrderDocuments:
    """VTEX's documents of an order, as the journal has them; personal data."""

    store: str
    order_id: str
    order: dict[str, Any] | None
    payment: dict[str, Any] | None


class StoredDocuments(Repository):
    """The documents of all orders."""

    def get(self, store: str, order_id: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """Return VTEX's documents of an order and of its payment; personal data."""
        query = select(documents.c.order_document, documents.c.payment_document).where(
            documents.c.store == store, documents.c.order_id == order_id
        )
        with self._database.transaction() as db:
            row = db.execute(query).one_or_none()
        return (None, None) if row is None else (decompress(row[0]), decompress(row[1]))

    def each(
        self, store: str | None = None, *, since: datetime | None = None
    ) -> Iterator[OrderDocuments]:
        """Yield the documents, order by order; nothing is held of the database in between.

        Args:
            since: only those that were kept then or later.
        """
        last: tuple[str, str] | None = None
        key = (documents.c.store, documents.c.order_id)
        query = _among(select(documents), store, since).order_by(*key).limit(PAGE)
        while True:
            page = query if last is None else query.where(tuple_(*key) > tuple_(*last))
            with self._database.transaction() as db:
                found = db.execute(page).all()
            for one in found:
                yield OrderDocuments(
                    one.store,
                    one.order_id,
                    decompress(one.order_document),
                    decompress(one.payment_document),
                )
            if len(found) < PAGE:
                return
            last = (found[-1].store, found[-1].order_id)

    def count(self, store: str | None = None, *, since: datetime | None = None) -> int:
        """Return how many ``each`` yields."""
        query = _among(select(func.count()).select_from(documents), store, since)
        with self._database.transaction() as db:
            return int(db.execute(query).scalar_one())


def _among(query: Select[Any], store: str | None, since: datetime | None) -> Select[Any]:
    if store is not None:
        query = query.where(documents.c.store == store)
    return query if since is None else query.where(documents.c.stored_at >= since)
