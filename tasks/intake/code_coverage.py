"""The coverage of the code map: which values of recent orders have a code in the ERP."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from erp.codes import DEFAULT, KINDS, CodeMap, Codes, KnowsCodes, Need
from erp.mapping.sales_orders import LENIENT
from erp.port import ErpRejected
from journal.stored_documents import OrderDocuments
from tasks.context import Context
from tasks.intake.orders import sales_order
from vtex import schemas
from vtex.errors import DocumentInvalid


@dataclass(slots=True)
class Seen:
    """A value of orders that needs a code.

    Attributes:
        orders: number of the orders with this value.
        first_order: id of the first such order, unless only the map has this value.
        erp_code: the ERP's code, unless it is missing or this kind needs none.
        source: origin of the code: the retailer's ``map`` or the ``ERP``.
        missing: true if this kind has codes and this value lacks one.
    """

    need: Need
    first_order: str | None
    orders: int = 0
    erp_code: str | None = None
    source: str | None = None
    missing: bool = False


@dataclass(slots=True)
class Coverage:
    """The codes that the orders of a store need.

    Attributes:
        since: earliest time at which the documents were stored.
        orders: number of checked orders.
        mapped: kinds with codes in the retailer's map.
        judged: kinds with codes in the ERP.
        unmappable: reason to the ids of orders that cannot become a sales order.
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
        """The values without a code, the most frequent first."""
        return [entry for entry in self.seen if entry.missing]


def cover(
    context: Context, store: str, since: datetime, kept: Iterable[OrderDocuments]
) -> Coverage:
    """Look up a code for each value of a store's orders, in its code map or else in the ERP.

    Args:
        kept: documents of the orders. An order counts even before its payment is fetched.

    Raises:
        ErpError: the ERP's codes cannot be read.
    """
    codes: Codes = context.erp.codes(store) if isinstance(context.erp, KnowsCodes) else {}
    code_map = context.codes.get(store, CodeMap())
    coverage = Coverage(store, since, mapped=code_map.kinds, judged=tuple(codes))
    seen = {
        (kind, code): Seen(Need(kind, code), None)
        for kind, table in code_map.tables.items()
        for code in table
    }
    for documents in kept:
        if documents.order is None:
            continue
        coverage.orders += 1
        try:
            order = sales_order(
                store, schemas.read_order(documents.order), documents.payment, proof=LENIENT
            )
        except (DocumentInvalid, ErpRejected) as error:
            coverage.unmappable.setdefault(str(error), []).append(documents.order_id)
            continue
        for need in {(need.kind, need.code): need for need in code_map.needs(order)}.values():
            entry = seen.get((need.kind, need.code))
            if entry is None or entry.first_order is None:
                entry = seen[need.kind, need.code] = Seen(need, documents.order_id)
            entry.orders += 1
    for entry in seen.values():
        _judge(entry, code_map, codes)
    coverage.seen = sorted(seen.values(), key=_place)
    return coverage


def _judge(entry: Seen, code_map: CodeMap, codes: Codes) -> None:
    kind = entry.need.kind
    if kind in code_map.kinds:
        code = code_map.code(entry.need)
        source = "map"
    else:
        code = codes.get(kind, {}).get(entry.need.code)
        source = "ERP"
    entry.erp_code = None if code is None else str(code)
    entry.source = source if code is not None else None
    entry.missing = code is None and (kind in code_map.kinds or kind in codes)


def _place(entry: Seen) -> tuple[bool, int, bool, int, str]:
    need = entry.need
    kind = list(KINDS).index(need.kind)
    return (not entry.missing, kind, need.code == DEFAULT, -entry.orders, need.code)
