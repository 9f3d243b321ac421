"""A page of the order list."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from vtex.simulator.listing import fields
from vtex.simulator.listing.fields import DESCRIPTIONS, Indexed
from vtex.simulator.listing.filters import QueryRefused, filters_of

PER_PAGE = 15
MOST_PER_PAGE = 100
LAST_PAGE = 30
LONGEST_NUMBER = 9


def answer(
    seen: Sequence[Indexed], query: Mapping[str, str], now: datetime | None = None
) -> dict[str, Any]:
    """Answer a page of the list.

    Raises:
        QueryRefused: a parameter is unknown or wrong. VTEX does not publish its own answer.
            A stand-in that ignored a filter would hide the mistake.
    """
    page, per_page = _number(query, "page", 1), _number(query, "per_page", PER_PAGE)
    if page > LAST_PAGE:
        raise QueryRefused(f"page: is {page}, {LAST_PAGE} at most are served")
    per_page = min(per_page, MOST_PER_PAGE)
    filters = filters_of(query, now)
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
                "totalValue": _stats(rows, fields.cents),
                "totalItems": _stats(rows, fields.pieces),
            }
        },
    }


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal() or len(text) > LONGEST_NUMBER or int(text) < 1:
        raise QueryRefused(f"{name}: is no number from 1 on")
    return int(text)


def _sorted(rows: list[Indexed], query: Mapping[str, str]) -> list[Indexed]:
    keys: dict[str, Callable[[Indexed], Any]] = {
        "creationDate": lambda indexed: indexed.created,
        "orderId": lambda indexed: indexed.order["orderId"],
        "items": lambda indexed: fields.pieces(indexed.order),
        "totalValue": lambda indexed: fields.cents(indexed.order),
        "origin": lambda indexed: str(indexed.order.get("origin")),
    }
    field, _, direction = query.get("orderBy", "creationDate,desc").partition(",")
    if field not in keys or direction not in ("asc", "desc"):
        raise QueryRefused(f"orderBy: is not <field>,<asc or desc> with {', '.join(keys)}")
    return sorted(rows, key=keys[field], reverse=direction == "desc")


def _row(indexed: Indexed) -> dict[str, Any]:
    order = indexed.order
    estimated = max(fields.estimates(order), default=None)
    operator = fields.part(order, "callCenterOperatorData").get("userName")
    registry = fields.part(order, "giftRegistryData")
    return {
        "orderId": order["orderId"],
        "creationDate": order.get("creationDate"),
        "clientName": fields.client_name(order),
        "items": None,
        "totalValue": float(fields.cents(order)),
        "paymentNames": ", ".join(fields.payment_names(order)) or None,
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
        "ShippingEstimatedDate": estimated,
        "ShippingEstimatedDateMax": None,
        "ShippingEstimatedDateMin": None,
        "orderIsComplete": fields.is_complete(order),
        "listId": registry.get("giftRegistryId"),
        "listType": registry.get("giftRegistryTypeName"),
        "authorizedDate": order.get("authorizedDate"),
        "callCenterOperatorName": operator,
        "totalItems": fields.pieces(order),
        "currencyCode": _currency(order),
    }


def _currency(order: dict[str, Any]) -> str:
    return str(fields.part(order, "storePreferencesData").get("currencyCode") or "BRL")


def _stats(rows: Sequence[Indexed], count: Callable[[dict[str, Any]], int]) -> dict[str, Any]:
    groups: dict[str, dict[str, list[int]]] = {"origin": {}, "currencyCode": {}}
    for row in rows:
        origin, currency = str(row.order.get("origin")), _currency(row.order)
        groups["origin"].setdefault(origin, []).append(count(row.order))
        groups["currencyCode"].setdefault(currency, []).append(count(row.order))
    facets = {
        name: {group: _summary(values) | {"Facets": None} for group, values in found.items()}
        for name, found in groups.items()
    }
    return _summary([count(row.order) for row in rows]) | {"Facets": facets}


def _summary(values: Sequence[int]) -> dict[str, Any]:
    some = values or [0]
    squares = sum(value * value for value in some)
    mean = sum(some) / len(some)
    return {
        "Count": len(values),
        "Max": max(some),
        "Mean": mean,
        "Min": min(some),
        "Missing": 0,
        "StdDev": math.sqrt(max(0.0, squares / len(some) - mean * mean)),
        "Sum": sum(some),
        "SumOfSquares": squares,
    }
