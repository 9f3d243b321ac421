"""What an order needs a code for in the ERP, and which of it has none.

An ERP knows its own codes of payments, carriers, sales channels and SKUs. What is new at VTEX and
has none there is found in the orders that came in, before the ERP refuses one for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from erp.sales_order import Customer, SalesOrder

KINDS = {
    "payment": "VTEX's id of the payment system, such as 2 for Visa",
    "carrier": "VTEX's name of the carrier",
    "channel": "number of the sales channel (trade policy)",
    "sku": "VTEX SKU id, of lines and of the parts of kits",
    "document": "cpf, cnpj, other, or none",
}
"""What can have a code, and what VTEX's side of it is."""

_CPF, _CNPJ = 11, 14

Codes = Mapping[str, Mapping[str, str]]
"""By kind: VTEX's code to the ERP's. A kind that is absent goes without codes in that ERP."""


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
    """

    kind: str
    code: str
    name: str | None = None


def needs(order: SalesOrder) -> Iterator[Need]:
    """Yield what an order needs codes for; a need may come more than once."""
    for payment in order.payments:
        yield Need("payment", payment.system, payment.system_name)
    if order.sales_channel:
        yield Need("channel", order.sales_channel)
    yield Need("document", _document(order.customer))
    for line in order.lines:
        if line.carrier:
            yield Need("carrier", line.carrier)
        yield Need("sku", line.sku_id, line.ref_id or line.name)
        for part in line.parts:
            yield Need("sku", part.sku_id, part.ref_id or part.name)


def _document(customer: Customer) -> str:
    if not customer.document:
        return "none"
    if customer.kind == "J":
        return "cnpj" if len(customer.document) == _CNPJ else "other"
    return "cpf" if len(customer.document) == _CPF and customer.document.isdigit() else "other"
