"""The parts of an order that the list shows, sorts and filters by.

An order may be malformed on purpose. The list then leaves fields empty.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

DESCRIPTIONS = {
    "payment-pending": "Pagamento pendente",
    "payment-approved": "Pagamento aprovado",
    "ready-for-handling": "Pronto para o manuseio",
    "start-handling": "Iniciar manuseio",
    "handling": "Preparando entrega",
    "invoiced": "Faturado",
    "canceled": "Cancelado",
}


@dataclass(frozen=True)
class Indexed:
    """An order in the index, with its status at that time."""

    order: dict[str, Any]
    status: str
    created: datetime


def part(order: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an object of the order, empty if it is absent."""
    value = order.get(name)
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list, without anything else."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def is_complete(order: dict[str, Any]) -> bool:
    """Return whether an order is complete."""
    return order.get("isCompleted") is not False


def cents(order: dict[str, Any]) -> int:
    """Return an order's value."""
    value = order.get("value")
    return value if isinstance(value, int) else 0


def pieces(order: dict[str, Any]) -> int:
    """Return the number of units of all items."""
    quantities = [item.get("quantity") for item in objects(order.get("items"))]
    return sum(quantity for quantity in quantities if isinstance(quantity, int))


def client_name(order: dict[str, Any]) -> str | None:
    """Return the shopper's name."""
    client = part(order, "clientProfileData")
    names = (client.get("firstName"), client.get("lastName"))
    return " ".join(str(name) for name in names if name) or None


def transactions(order: dict[str, Any]) -> list[dict[str, Any]]:
    """Return an order's transactions."""
    return objects(part(order, "paymentData").get("transactions"))


def payments(order: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the payments of all transactions."""
    for transaction in transactions(order):
        yield from objects(transaction.get("payments"))


def payment_names(order: dict[str, Any]) -> list[str]:
    """Return the names of the payment systems."""
    return [str(payment.get("paymentSystemName")) for payment in payments(order)]


def estimates(order: dict[str, Any]) -> list[str]:
    """Return the estimated dates of the deliveries, earliest first."""
    rows = objects(part(order, "shippingData").get("logisticsInfo"))
    return sorted(
        str(row["shippingEstimateDate"]) for row in rows if row.get("shippingEstimateDate")
    )
