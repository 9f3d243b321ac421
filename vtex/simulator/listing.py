"""The order list: filters, sort order and pages."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vtex.simulator.faults import Refused
from vtex.simulator.timestamps import moment_of

PER_PAGE = 15
MOST_PER_PAGE = 100
LAST_PAGE = 30
DATES = ("creationDate", "authorizedDate", "invoicedDate")
PLAIN = {"salesChannelId": "salesChannel", "f_affiliateId": "affiliateId"}
SEARCHED = ("orderId", "orderGroup", "marketplaceOrderId", "sequence")
NOT_FILTERS = frozenset({"page", "per_page", "orderBy", "_stats"})
DESCRIPTIONS = {
    "payment-pending": "Pagamento pendente",
    "payment-approved": "Pagamento aprovado",
    "ready-for-handling": "Pronto para o manuseio",
    "start-handling": "Iniciar manuseio",
    "handling": "Preparando entrega",
    "invoiced": "Faturado",
    "canceled": "Cancelado",
}


class QueryRefused(Refused):
    """A parameter of a query is unknown or wrong. The message begins with its name."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "OMS001")


@dataclass(frozen=True)
class Indexed:
    """An order in the index, with its status at that time."""

    order: dict[str, Any]
    status: str
    created: datetime


def answer(seen: Sequence[Indexed], query: Mapping[str, str]) -> dict[str, Any]:
    """Answer a page of the list.

    Raises:
        QueryRefused: a parameter is unknown or wrong. VTEX does not publish its own answer.
            A stand-in that ignored a filter would hide the mistake.
    """
    page, per_page = _number(query, "page", 1), _number(query, "per_page", PER_PAGE)
    if page > LAST_PAGE:
        raise QueryRefused(f"page: is {page}, {LAST_PAGE} at most are served")
    per_page = min(per_page, MOST_PER_PAGE)
    filters = _filters(query)
    rows = _sorted([order for order in seen if all(fits(order) for fits in filters)], query)
    shown = rows[(page - 1) * per_page : page * per_page]
    return {
        "list": [_row(order) for order in shown],
        "facets": [],
        "paging": {
            "total": len(rows),
            "pages": -(-len(rows) // per_page),
            "currentPage": page,
            "perPage": per_page,
        },
        "stats": {
            "stats": {
                "totalValue": _stats([_cents(row.order) for row in rows]),
                "totalItems": _stats([_pieces(row.order) for row in rows]),
            }
        },
    }


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise QueryRefused(f"{name}: is no number from 1 on")
    return int(text)


# --- filters ----------------------------------------------------------------------------------


def _filters(query: Mapping[str, str]) -> list[Callable[[Indexed], bool]]:
    return [_filter(name, text) for name, text in query.items() if name not in NOT_FILTERS]


def _filter(name: str, text: str) -> Callable[[Indexed], bool]:
    field = name.removeprefix("f_")
    if name == "f_status":
        wanted = set(filter(None, text.split(",")))
        return lambda indexed: not wanted or indexed.status in wanted
    if name == "q":
        return lambda indexed: any(text in str(indexed.order.get(key) or "") for key in SEARCHED)
    if name == "incompleteOrders":
        return lambda indexed: _is_complete(indexed.order) != (text.lower() == "true")
    if name.startswith("f_") and field in DATES:
        first, last = _window(name, field, text)
        return lambda indexed: (
            (moment := _date(indexed, field)) is not None and first <= moment <= last
        )
    if name in PLAIN:
        return lambda indexed: str(indexed.order.get(PLAIN[name])) == text
    raise QueryRefused(f"{name}: the simulator does not know this filter")


def _date(indexed: Indexed, field: str) -> datetime | None:
    return indexed.created if field == "creationDate" else moment_of(indexed.order.get(field))


def _is_complete(order: dict[str, Any]) -> bool:
    return order.get("isCompleted") is not False


def _window(name: str, field: str, text: str) -> tuple[datetime, datetime]:
    match = re.fullmatch(rf"{field}:\[(\S+) TO (\S+)\]", text)
    first, last = (moment_of(match[1]), moment_of(match[2])) if match else (None, None)
    if first is None or last is None:
        raise QueryRefused(f"{name}: is not written as {field}:[<from> TO <to>]")
    return first, last


# --- order ------------------------------------------------------------------------------------


def _sorted(rows: list[Indexed], query: Mapping[str, str]) -> list[Indexed]:
    keys: dict[str, Callable[[Indexed], Any]] = {
        "creationDate": lambda indexed: indexed.created,
        "orderId": lambda indexed: indexed.order["orderId"],
        "items": lambda indexed: _pieces(indexed.order),
        "totalValue": lambda indexed: _cents(indexed.order),
        "origin": lambda indexed: str(indexed.order.get("origin")),
    }
    field, _, direction = query.get("orderBy", "creationDate,desc").partition(",")
    if field not in keys or direction not in ("asc", "desc"):
        raise QueryRefused(f"orderBy: is not <field>,<asc or desc> with {', '.join(keys)}")
    return sorted(rows, key=keys[field], reverse=direction == "desc")


# --- rows -------------------------------------------------------------------------------------
# An order may be malformed on purpose. The list then leaves fields empty.


def _row(indexed: Indexed) -> dict[str, Any]:
    order = indexed.order
    client = order.get("clientProfileData")
    names = (client.get("firstName"), client.get("lastName")) if isinstance(client, dict) else ()
    return {
        "orderId": order["orderId"],
        "creationDate": order.get("creationDate"),
        "clientName": " ".join(str(name) for name in names if name) or None,
        "items": None,
        "totalValue": float(_cents(order)),
        "paymentNames": _payment_names(order),
        "status": indexed.status,
        "statusDescription": DESCRIPTIONS.get(indexed.status),
        "marketPlaceOrderId": order.get("marketplaceOrderId"),
        "sequence": order.get("sequence"),
        "salesChannel": order.get("salesChannel"),
        "affiliateId": order.get("affiliateId") or "",
        "origin": order.get("origin"),
        "workflowInErrorState": bool(order.get("workflowIsInError")),
        "workflowInRetry": False,
        "lastMessageUnread": None,
        "ShippingEstimatedDate": None,
        "ShippingEstimatedDateMax": None,
        "ShippingEstimatedDateMin": None,
        "orderIsComplete": _is_complete(order),
        "listId": None,
        "listType": None,
        "authorizedDate": order.get("authorizedDate"),
        "callCenterOperatorName": None,
        "totalItems": _pieces(order),
        "currencyCode": "BRL",
    }


def _cents(order: dict[str, Any]) -> int:
    value = order.get("value")
    return value if isinstance(value, int) else 0


def _pieces(order: dict[str, Any]) -> int:
    quantities = [item.get("quantity") for item in _objects(order.get("items"))]
    return sum(quantity for quantity in quantities if isinstance(quantity, int))


def _payment_names(order: dict[str, Any]) -> str | None:
    data = order.get("paymentData")
    transactions = data.get("transactions") if isinstance(data, dict) else None
    names = [
        str(payment.get("paymentSystemName"))
        for transaction in _objects(transactions)
        for payment in _objects(transaction.get("payments"))
    ]
    return ", ".join(names) or None


def _objects(value: Any) -> list[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _stats(values: Sequence[int]) -> dict[str, Any]:
    some = [float(value) for value in values] or [0.0]
    mean, squares = sum(some) / len(some), sum(value * value for value in some)
    return {
        "Count": len(values),
        "Max": max(some),
        "Mean": mean,
        "Min": min(some),
        "Missing": 0.0,
        "StdDev": math.sqrt(max(0.0, squares / len(some) - mean * mean)),
        "Sum": sum(some),
        "SumOfSquares": squares,
        "Facets": {},
    }
