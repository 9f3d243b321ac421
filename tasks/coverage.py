"""What the orders of the last days need of the ERP, against what the ERP has codes for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from erp.codes import Codes, KnowsCodes, Need, needs
from erp.port import ErpRejected
from journal.kept import Kept
from tasks.orders import sales_order
from tasks.team import Team
from vtex import schemas
from vtex.errors import DocumentInvalid


@dataclass(slots=True)
class Seen:
    """Something that orders need a code for.

    Attributes:
        orders: how many of them.
        first_order: the id of one.
        erp_code: the ERP's; None where it has none, or goes without codes of this kind.
        missing: the ERP keeps codes of this kind, and none for it.
    """

    need: Need
    first_order: str
    orders: int = 0
    erp_code: str | None = None
    missing: bool = False


@dataclass(slots=True)
class Coverage:
    """What the orders of a store need.

    Attributes:
        since: when the documents were kept, or later.
        orders: how many were looked at.
        judged: kinds that the ERP keeps codes of.
        unmappable: reason to the orders whose documents make no sales order.
    """

    store: str
    since: datetime
    orders: int = 0
    judged: tuple[str, ...] = ()
    seen: list[Seen] = field(default_factory=list)
    unmappable: dict[str, list[str]] = field(default_factory=dict)

    @property
    def missing(self) -> list[Seen]:
        """What has no code, the most wanted first."""
        return [one for one in self.seen if one.missing]


def cover(team: Team, store: str, since: datetime, kept: Iterable[Kept]) -> Coverage:
    """Hold what a store's orders need against the ERP's codes.

    Args:
        kept: the documents to look at; those whose payment was not fetched yet count as well.

    Raises:
        ErpError: the ERP's codes are not known.
    """
    codes: Codes = team.erp.codes(store) if isinstance(team.erp, KnowsCodes) else {}
    found = Coverage(store, since, judged=tuple(codes))
    seen: dict[tuple[str, str], Seen] = {}
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
        for need in {(need.kind, need.code): need for need in needs(order)}.values():
            key = (need.kind, need.code)
            seen.setdefault(key, Seen(need, one.order_id)).orders += 1
    for entry in seen.values():
        entry.erp_code = _code(codes, entry.need)
        entry.missing = entry.need.kind in codes and entry.erp_code is None
    found.seen = sorted(seen.values(), key=_place)
    return found


def _place(one: Seen) -> tuple[bool, str, int, str]:
    return (not one.missing, one.need.kind, -one.orders, one.need.code)


def _code(codes: Codes, need: Need) -> str | None:
    of_kind: Mapping[str, str] = codes.get(need.kind, {})
    return of_kind.get(need.code)
