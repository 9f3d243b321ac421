"""The code map: the ERP's codes for VTEX's payments, carriers, sales channels, SKUs and so on.

The retailer's map has the codes, and an ERP may have more. ``codes missing`` finds new values of
VTEX without a code in recent orders, before an order is refused.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, runtime_checkable

from erp.port import ErpRejected
from erp.sales_order import Customer, KitPart, OrderLine, SaleContext, SalesOrder
from foundation.messages import erp as messages

KINDS = {
    "payment": "VTEX's id of the payment system, such as 2 for Visa",
    "carrier": "VTEX's name of the carrier",
    "channel": "number of the sales channel (trade policy)",
    "sku": "VTEX SKU id, of lines and of the parts of kits",
    "branch": "VTEX warehouse id of the lines, or none; by branch_by another",
    "document": "cpf, cnpj, other, or none",
    "tax": "contributor, exempt, or consumer: by the state registration, as NF-e's indIEDest",
    "intermediary": "affiliate id of the marketplace, to its CNPJ",
}
"""The kinds of codes, with VTEX's side of each."""

DOCUMENTS = ("cpf", "cnpj", "other", "none")
TAXES = ("contributor", "exempt", "consumer")
OPTIONAL = frozenset({"intermediary"})
"""Kinds whose missing codes do not hold an order."""

DEFAULT = "default"
"""Key of a table's entry for all other values."""

_CPF, _CNPJ = 11, 14

Code = str | int
Codes = Mapping[str, Mapping[str, str]]
"""Kind to VTEX's code to the ERP's code. An ERP may leave out a kind."""

SkuKey = Literal["sku_id", "ref_id", "ean"]
BranchBy = Literal["warehouse", "channel", "seller"]


@runtime_checkable
class KnowsCodes(Protocol):
    """An optional ability of an adapter: it lists the ERP's codes."""

    def codes(self, store: str) -> Codes:
        """Return the ERP's codes for a store.

        Raises:
            ErpUnavailable: the ERP did not respond.
            ErpRejected: the ERP's codes are invalid. The reason names the fix.
        """


@dataclass(frozen=True, slots=True)
class Need:
    """A value of an order that an ERP may have a code for.

    Attributes:
        kind: a key of ``KINDS``.
        code: VTEX's code.
        name: name for people, if VTEX has it.
        own: code in the order itself, for a SKU that the ERP knows by another key.
    """

    kind: str
    code: str
    name: str | None = None
    own: str | None = None


@dataclass(frozen=True, slots=True)
class CodeMap:
    """The retailer's code map of one store.

    Attributes:
        tables: kind to VTEX's code to the ERP's code. ``default`` covers all other values. An
            absent kind keeps VTEX's codes.
        sku_key: the key by which the ERP knows a SKU that the table ``sku`` lacks.
        branch_by: the field of an order that decides the branch.
    """

    tables: Mapping[str, Mapping[str, Code]] = field(default_factory=dict)
    sku_key: SkuKey | None = None
    branch_by: BranchBy = "warehouse"

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that are mapped."""
        return tuple(
            kind for kind in KINDS if kind in self.tables or (kind == "sku" and self.sku_key)
        )

    def code(self, need: Need) -> Code | None:
        """Return the ERP's code, if the map has it."""
        table = self.tables.get(need.kind, {})
        for code in (table.get(need.code), need.own, table.get(DEFAULT)):
            if code is not None:
                return code
        return None

    def needs(self, order: SalesOrder) -> Iterator[Need]:
        """Yield the values of an order that need codes. A need may come more than once."""
        for payment in order.payments:
            yield Need("payment", payment.system, payment.system_name)
        if order.sales_channel:
            yield Need("channel", order.sales_channel)
        yield Need("document", _document(order.customer))
        yield Need("tax", _tax(order.customer))
        yield from self._branches(order)
        if order.context.intermediary_name and order.affiliate_id:
            name = order.context.intermediary_name
            yield Need("intermediary", order.affiliate_id, name)
        for line in order.lines_to_deliver:
            if line.carrier:
                yield Need("carrier", line.carrier)
            yield self._sku(line)
            yield from map(self._sku, line.parts)

    def resolve(self, order: SalesOrder) -> SalesOrder:
        """Return an order with the ERP's codes.

        Raises:
            ErpRejected: codes are missing, or the lines belong to several branches. Each is named.
        """
        kinds = self.kinds
        if not kinds:
            return order
        resolved: dict[str, dict[str, Code]] = {kind: {} for kind in kinds}
        faults: dict[str, None] = {}
        for need in self.needs(order):
            if need.kind not in resolved:
                continue
            code = self.code(need)
            if code is None and need.kind not in OPTIONAL:
                faults[self._fault(need)] = None
            elif code is not None:
                resolved[need.kind][need.code] = code
        branches = dict.fromkeys(map(str, resolved.get("branch", {}).values()))
        if len(branches) > 1:
            text = messages.SEVERAL_BRANCHES(branches=", ".join(branches), branch_by=self.branch_by)
            faults[text] = None
        if faults:
            raise ErpRejected(messages.CODES_MISSING(faults="; ".join(faults)))
        return replace(order, codes=resolved, context=_with_intermediary(order, resolved))

    def _branches(self, order: SalesOrder) -> Iterator[Need]:
        if self.branch_by == "channel":
            places: list[str | None] = [order.sales_channel]
        elif self.branch_by == "seller":
            places = [line.seller for line in order.lines_to_deliver]
        else:
            # Services and assembly options do not come from a warehouse.
            places = [line.warehouse_id for line in order.lines_to_deliver if line.warehouse_id]
        for place in places or [None]:
            yield Need("branch", place or "none")

    def _sku(self, one: OrderLine | KitPart) -> Need:
        # A part of a kit lacks an EAN.
        own = None if self.sku_key is None else getattr(one, self.sku_key, None)
        return Need("sku", one.sku_id, one.ref_id or one.name, own)

    def _fault(self, need: Need) -> str:
        name = f" ({need.name})" if need.name and need.name != need.code else ""
        entry = json.dumps(need.code, ensure_ascii=False)  # in TOML's notation
        if need.kind == "sku" and self.sku_key:
            return messages.SKU_CODE_MISSING(
                code=need.code, name=name, sku_key=self.sku_key, entry=entry
            )
        return messages.CODE_MISSING(kind=need.kind, code=need.code, name=name, entry=entry)


def product_code(order: SalesOrder, line: OrderLine, key: str) -> str:
    """Return the ERP's code of a line's product: the map's, else that of the adapter's own key.

    Args:
        key: ``sku_id`` or ``ref_id``. A SKU without a ref id uses its SKU id.
    """
    mapped = order.code("sku", line.sku_id)
    return str(mapped) if mapped is not None else getattr(line, key) or line.sku_id


def _with_intermediary(
    order: SalesOrder, resolved: Mapping[str, Mapping[str, Code]]
) -> SaleContext:
    document = resolved.get("intermediary", {}).get(order.affiliate_id or "")
    if document is None:
        return order.context
    return replace(order.context, intermediary_document=str(document))


def _document(customer: Customer) -> str:
    if not customer.document:
        return "none"
    if customer.document_type:
        # Length says nothing abroad: a CUIL has 11 digits, like a CPF.
        kind = customer.document_type
        return kind if kind in DOCUMENTS else "other"
    if customer.kind == "J":
        return "cnpj" if len(customer.document) == _CNPJ else "other"
    return "cpf" if len(customer.document) == _CPF and customer.document.isdigit() else "other"


def _tax(customer: Customer) -> str:
    registration = (customer.state_registration or "").strip()
    if not registration:
        return "consumer"
    return "contributor" if any(map(str.isdigit, registration)) else "exempt"
