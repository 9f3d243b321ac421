"""The filters of the order list: every parameter that VTEX publishes, and some older ones."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from vtex.simulator.faults import Refused
from vtex.simulator.listing import fields
from vtex.simulator.listing.fields import DESCRIPTIONS, Indexed, objects, part
from vtex.simulator.timestamps import moment_of

Filter = Callable[[Indexed], bool]
Order = dict[str, Any]

DATES = ("creationDate", "authorizedDate", "invoicedDate")
SALES_CHANNELS = {"1": "Main"}
NOT_FILTERS = frozenset({"page", "per_page", "orderBy", "_stats", "utc"})
SEARCHED = ("orderId", "orderGroup", "marketplaceOrderId", "sequence")
ERRORS = {"all": True, "perm": True, "temp": False}
"""Whether ``filterError`` shows orders whose workflow stopped."""


class QueryRefused(Refused):
    """A parameter of a query is unknown or wrong. The message begins with its name."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "OMS001")


def filters_of(query: Mapping[str, str], now: datetime | None = None) -> list[Filter]:
    """Return the filters of a query. Every order of the list passes all of them.

    Args:
        now: the moment from which ``f_shippingEstimate`` counts days.

    Raises:
        QueryRefused: a parameter is unknown or wrong.
    """
    searched = _search_values(query)
    names = [name for name in query if name not in NOT_FILTERS and name not in SEARCH_FIELDS]
    made = [_filter(name, query[name], now or datetime.now(UTC)) for name in names]
    return made + [_search(name, value) for name, value in searched.items()]


def _filter(name: str, text: str, now: datetime) -> Filter:
    if name in ("searchField", "utc"):
        return lambda _: True
    if name.startswith("f_") and (field := name.removeprefix("f_")) in DATES:
        return _in_window(name, field, text)
    if name in SWITCHES:
        wanted = _switch(name, text)
        return lambda indexed: SWITCHES[name](indexed.order) == wanted
    if name in TEXTS:
        names = set(filter(None, text.split(",")))
        return lambda indexed: not names or not names.isdisjoint(TEXTS[name](indexed.order))
    match name:
        case "f_status":
            statuses = set(filter(None, text.split(",")))
            return lambda indexed: not statuses or indexed.status in statuses
        case "f_statusDescription":
            return lambda indexed: DESCRIPTIONS.get(indexed.status) == text
        case "f_shippingEstimate":
            return _estimated(name, text, now)
        case "filterError" if text in ERRORS:
            return lambda indexed: bool(indexed.order.get("workflowIsInError")) and ERRORS[text]
        case "q":
            return _full_text(text)
    raise QueryRefused(f"{name}: the simulator does not know this filter")


# --- dates ----------------------------------------------------------------------------------------


def _in_window(name: str, field: str, text: str) -> Filter:
    match = re.fullmatch(rf"{field}:\[(\S+) TO (\S+)\]", text)
    first, last = (moment_of(match[1]), moment_of(match[2])) if match else (None, None)
    if first is None or last is None:
        raise QueryRefused(f"{name}: is not written as {field}:[<from> TO <to>]")
    return lambda indexed: (moment := _date(indexed, field)) is not None and first <= moment <= last


def _date(indexed: Indexed, field: str) -> datetime | None:
    return indexed.created if field == "creationDate" else moment_of(indexed.order.get(field))


def _estimated(name: str, text: str, now: datetime) -> Filter:
    match = re.fullmatch(r"(-1|\d{1,3})\.days", text)
    if match is None:
        raise QueryRefused(f"{name}: is not -1.days, 0.days, 1.days or 7.days")
    wanted = int(match[1])

    def fits(indexed: Indexed) -> bool:
        moments = filter(None, map(moment_of, fields.estimates(indexed.order)))
        days = [(moment.date() - now.date()).days for moment in moments]
        if wanted > 1:
            return any(0 <= day <= wanted for day in days)
        return any(day < 0 if wanted < 0 else day == wanted for day in days)

    return fits


# --- switches and texts ---------------------------------------------------------------------------


def _switch(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise QueryRefused(f"{name}: is neither true nor false")
    return text.lower() == "true"


def _has_input_invoice(order: Order) -> bool:
    packages = objects(part(order, "packageAttachment").get("packages"))
    return any(package.get("type") == "Input" for package in packages)


SWITCHES: Mapping[str, Callable[[Order], bool]] = {
    "incompleteOrders": lambda order: not fields.is_complete(order),
    "f_hasInputInvoice": _has_input_invoice,
    "f_isInstore": lambda order: bool(order.get("isCheckedIn")),
}


def _promotions(order: Order) -> list[str]:
    rows = part(order, "ratesAndBenefitsData").get("rateAndBenefitsIdentifiers")
    return [str(row.get("name")) for row in objects(rows)]


TEXTS: Mapping[str, Callable[[Order], Iterable[str]]] = {
    "salesChannelId": lambda order: [str(order.get("salesChannel"))],
    "f_salesChannel": lambda order: [SALES_CHANNELS.get(str(order.get("salesChannel")), "")],
    "f_affiliateId": lambda order: [str(order.get("affiliateId"))],
    "f_sellerNames": lambda order: [str(row.get("name")) for row in objects(order.get("sellers"))],
    "f_paymentNames": fields.payment_names,
    "f_UtmSource": lambda order: [str(part(order, "marketingData").get("utmSource"))],
    "f_RnB": _promotions,
    "f_callCenterOperatorName": lambda order: [
        str(part(order, "callCenterOperatorData").get("userName"))
    ],
}
"""The texts of an order by filter. A filter takes one text, or several with commas between."""


# --- search ---------------------------------------------------------------------------------------


def _full_text(text: str) -> Filter:
    if "+" in text:
        raise QueryRefused("q: must not contain +")
    words = text.casefold().split()
    return lambda indexed: any(
        all(word in field.casefold() for word in words) for field in _searched(indexed.order)
    )


def _searched(order: Order) -> list[str]:
    client = part(order, "clientProfileData")
    client_fields = (client.get(name) for name in ("email", "document", "corporateDocument"))
    values = [*(order.get(name) for name in SEARCHED), *client_fields, fields.client_name(order)]
    return [str(value) for value in values if value]


def _of_connector(name: str) -> Callable[[Order], list[str]]:
    return lambda order: [
        str(value)
        for payment in fields.payments(order)
        for key, value in part(payment, "connectorResponses").items()
        if key.lower() == name
    ]


def _of_payments(name: str) -> Callable[[Order], list[str]]:
    return lambda order: [str(payment.get(name)) for payment in fields.payments(order)]


SEARCH_FIELDS: Mapping[str, Callable[[Order], list[str]]] = {
    "sku_Ids": lambda order: [str(item.get("id")) for item in objects(order.get("items"))],
    "listId": lambda order: [str(part(order, "giftRegistryData").get("giftRegistryId"))],
    "tid": _of_payments("tid"),
    "pci_tid": _of_connector("tid"),
    "paymentId": _of_payments("id"),
    "nsu": _of_connector("nsu"),
}


def _search_values(query: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the search fields.

    VTEX publishes ``searchField=nsu&nsu=778899``. A client that encodes the whole text into
    ``searchField`` means the same.
    """
    if "searchField" not in query:
        return {name: value for name, value in query.items() if name in SEARCH_FIELDS}
    name, _, rest = query["searchField"].partition("&")
    values = dict(query) | dict(parse_qsl(rest))
    if name not in SEARCH_FIELDS:
        raise QueryRefused(f"searchField: is none of {', '.join(SEARCH_FIELDS)}")
    if name not in values:
        raise QueryRefused(f"searchField: the parameter {name} is missing")
    return {name: values[name]}


def _search(name: str, value: str) -> Filter:
    return lambda indexed: value in SEARCH_FIELDS[name](indexed.order)
