"""What the orders of the last days need codes for, against the retailer's map and the ERP's own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from erp.codes import DEFAULT, KINDS, CodeMap, Codes, KnowsCodes, Need
from erp.port import ErpRejected
from journal.stored_documents import OrderDocuments
from tasks.context import Context
from tasks.intake.orders import sales_order
from vtex import schemas
from vtex.errors import DocumentInvalid


@dataclass(slots=True)
class Seen:
    """Something that orders need a code for.

    Attributes:
        orders: how many of them.
        first_order: the id of one; None of what the map has and no order needed.
        erp_code: the ERP's; None where it has none, or goes without codes of this kind.
        source: who has it: the retailer's ``map``, or the ``ERP``.
        missing: there are codes of this kind, and none for it.
    """

    need: Need
    first_order: str | None
    orders: int = 0
    erp_code: str | None = None
    source: str | None = None
    missing: bool = False


@dataclass(slots=True)
class Coverage:
    """What the orders of a store need.

    Attributes:
        since: when the documents were kept, or later.
        orders: how many were looked at.
        mapped: kinds that the retailer's map has codes of.
        judged: kinds that the ERP keeps codes of.
        unmappable: reason to the orders whose documents make no sales order.
    """

    store: str
    since: datetime
    orders: int = 0
    mapped: tuple[str, ...] = ()
    judged: tuple[str, ...] = ()
    seen: list[Seen] = field(default_factory=list)
    unmappable: dict[str, list[str]] = field(default_factory=dict)

    @property
    def missing(self) -> list[Seen]:
        """What has no code, the most wanted first."""
        return [one for one in self.seen if one.missing]


def cover(
    context: Context, store: str, since: datetime, kept: Iterable[OrderDocuments]
) -> Coverage:
    """Hold what a store's orders need against its map, and what that leaves against the ERP's.

    Args:
        kept: the documents to look at; those whose payment was not fetched yet count as well.

    Raises:
        ErpError: the ERP's codes are not known.
    """
    codes: Codes = context.erp.codes(store) if isinstance(context.erp, KnowsCodes) else {}
    book = context.codes.get(store, CodeMap())
    found = Coverage(store, since, mapped=book.kinds, judged=tuple(codes))
    seen = {
        (kind, code): Seen(Need(kind, code), None)
        for kind, table in book.tables.items()
        for code in table
    }
    for one in kept:
        if one.order is None:
            continue
        found.orders += 1
        try:
            order = sales_order(
                store, schemas.read_order(one.order), one.payment, allow_mismatch=True
            )
        except (DocumentInvalid, ErpRejected) as error:
            found.unmappable.setdefault(str(error), []).append(one.order_id)
            continue
        for need in {(need.kind, need.code): need for need in book.needs(order)}.values():
            entry = seen.get((need.kind, need.code))
            if entry is None or entry.first_order is None:
                entry = seen[need.kind, need.code] = Seen(need, one.order_id)
            entry.orders += 1
    for entry in seen.values():
        _judge(entry, book, codes)
    found.seen = sorted(seen.values(), key=_place)
    return found


def _judge(entry: Seen, book: CodeMap, codes: Codes) -> None:
    kind = entry.need.kind
    if kind in book.kinds:
        code = book.code(entry.need)
        source = "map"
    else:
        code = codes.get(kind, {}).get(entry.need.code)
        source = "ERP"
    entry.erp_code = None if code is None else str(code)
    entry.source = source if code is not None else None
    entry.missing = code is None and (kind in book.kinds or kind in codes)


def _place(one: Seen) -> tuple[bool, int, bool, int, str]:
    need = one.need
    kind = list(KINDS).index(need.kind)
    return (not one.missing, kind, need.code == DEFAULT, -one.orders, need.code)
