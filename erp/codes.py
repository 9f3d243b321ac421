"""The ERP's codes for what VTEX calls by its own: what an order needs, and what it is given.

A retailer's map says what payments, carriers, sales channels, SKUs and the rest are called in the
ERP; an ERP may know codes of its own besides. What is new at VTEX and has none is found in the
orders that came in, before one is refused for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, runtime_checkable

from erp.port import ErpRejected
from erp.sales_order import Customer, KitPart, OrderLine, SalesOrder

KINDS = {
    "payment": "VTEX's id of the payment system, such as 2 for Visa",
    "carrier": "VTEX's name of the carrier",
    "channel": "number of the sales channel (trade policy)",
    "sku": "VTEX SKU id, of lines and of the parts of kits",
    "branch": "VTEX warehouse id of the lines, or none; by branch_by another",
    "document": "cpf, cnpj, other, or none",
    "tax": "contributor, exempt, or consumer: by the state registration, as NF-e's indIEDest",
}
"""What can have a code, and what VTEX's side of it is."""

DOCUMENTS = ("cpf", "cnpj", "other", "none")
TAXES = ("contributor", "exempt", "consumer")
DEFAULT = "default"
"""What a table of a map calls its entry for all that it does not name."""

_CPF, _CNPJ = 11, 14

Code = str | int
Codes = Mapping[str, Mapping[str, str]]
"""By kind: VTEX's code to the ERP's. A kind that is absent goes without codes in that ERP."""

SkuKey = Literal["sku_id", "ref_id", "ean"]
BranchBy = Literal["warehouse", "channel", "seller"]


@runtime_checkable
class KnowsCodes(Protocol):
    """What an adapter may offer besides: what its ERP has codes for."""

    def codes(self, store: str) -> Codes:
        """Return the ERP's codes for a store.

        Raises:
            ErpUnavailable: the ERP could not be asked.
            ErpRejected: what it has written is not understood; the reason says what to mend.
        """
        ...


@dataclass(frozen=True, slots=True)
class Need:
    """Something of an order that an ERP may have a code for.

    Attributes:
        kind: one of KINDS.
        code: VTEX's.
        name: what a person calls it, where VTEX says so.
        own: the code that it brings along, of a SKU that the ERP knows by another key.
    """

    kind: str
    code: str
    name: str | None = None
    own: str | None = None


@dataclass(frozen=True, slots=True)
class CodeMap:
    """What a retailer's settings call things in the ERP, for one store.

    Attributes:
        tables: by kind, VTEX's code to the ERP's; ``default`` is for all others. A kind that is
            absent stays as VTEX has it.
        sku_key: what the ERP knows a SKU by, where the table ``sku`` does not name it.
        branch_by: what of an order tells the branch.
    """

    tables: Mapping[str, Mapping[str, Code]] = field(default_factory=dict)
    sku_key: SkuKey | None = None
    branch_by: BranchBy = "warehouse"

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that are mapped."""
        return tuple(one for one in KINDS if one in self.tables or (one == "sku" and self.sku_key))

    def code(self, need: Need) -> Code | None:
        """Return the ERP's code, None where the map has none."""
        table = self.tables.get(need.kind, {})
        for one in (table.get(need.code), need.own, table.get(DEFAULT)):
            if one is not None:
                return one
        return None

    def needs(self, order: SalesOrder) -> Iterator[Need]:
        """Yield what an order needs codes for; a need may come more than once."""
        for payment in order.payments:
            yield Need("payment", payment.system, payment.system_name)
        if order.sales_channel:
            yield Need("channel", order.sales_channel)
        yield Need("document", _document(order.customer))
        yield Need("tax", _tax(order.customer))
        yield from self._branches(order)
        for line in order.lines:
            if line.carrier:
                yield Need("carrier", line.carrier)
            yield self._sku(line)
            yield from map(self._sku, line.parts)

    def resolve(self, order: SalesOrder) -> SalesOrder:
        """Return an order with the ERP's codes for all that is mapped.

        Raises:
            ErpRejected: something has no code, or the lines are of several branches; each is named.
        """
        kinds = self.kinds
        if not kinds:
            return order
        found: dict[str, dict[str, Code]] = {kind: {} for kind in kinds}
        faults: dict[str, None] = {}
        for need in self.needs(order):
            if need.kind not in found:
                continue
            code = self.code(need)
            if code is None:
                faults[self._fault(need)] = None
            else:
                found[need.kind][need.code] = code
        branches = dict.fromkeys(str(one) for one in found.get("branch", {}).values())
        if len(branches) > 1:
            faults[
                f"branch: the order is of several branches, {', '.join(branches)}: give its "
                f"{self.branch_by}s one code in [branch] of ERP_CODE_MAP_FILE, or split the order"
            ] = None
        if faults:
            raise ErpRejected("; ".join(faults))
        return replace(order, codes=found)

    def _branches(self, order: SalesOrder) -> Iterator[Need]:
        if self.branch_by == "channel":
            places: list[str | None] = [order.sales_channel]
        elif self.branch_by == "seller":
            places = [line.seller for line in order.lines]
        else:
            # Services and assembly options are of no warehouse of their own.
            places = [line.warehouse_id for line in order.lines if line.warehouse_id]
        for one in places or [None]:
            yield Need("branch", one or "none")

    def _sku(self, one: OrderLine | KitPart) -> Need:
        # A part of a kit has no EAN.
        own = None if self.sku_key is None else getattr(one, self.sku_key, None)
        return Need("sku", one.sku_id, one.ref_id or one.name, own)

    def _fault(self, need: Need) -> str:
        name = f" ({need.name})" if need.name and need.name != need.code else ""
        lacks = f" and the SKU has no {self.sku_key}" if need.kind == "sku" and self.sku_key else ""
        entry = json.dumps(need.code, ensure_ascii=False)  # as TOML writes it
        return (
            f"{need.kind} {need.code!r}{name}: [{need.kind}] of ERP_CODE_MAP_FILE has no such "
            f"entry{lacks}: add {entry} = its code in the ERP, or a {DEFAULT}, then retry"
        )


def product_code(order: SalesOrder, line: OrderLine, key: str) -> str:
    """Return the ERP's code of a line's product: the map's, else that of the adapter's own key.

    Args:
        key: ``sku_id``, or ``ref_id``, which is the SKU id where a SKU has none.
    """
    mapped = order.code("sku", line.sku_id)
    return str(mapped) if mapped is not None else getattr(line, key) or line.sku_id


def _document(customer: Customer) -> str:
    if not customer.document:
        return "none"
    if customer.kind == "J":
        return "cnpj" if len(customer.document) == _CNPJ else "other"
    return "cpf" if len(customer.document) == _CPF and customer.document.isdigit() else "other"


def _tax(customer: Customer) -> str:
    registration = (customer.state_registration or "").strip()
    if not registration:
        return "consumer"
    return "contributor" if any(one.isdigit() for one in registration) else "exempt"
