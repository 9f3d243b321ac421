"""The details of an order for the ERP: campaign, context, free attributes.

They are read leniently by path, since none of them decides about the order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from erp.mapping.payments import marketplace_payment
from erp.sales_order import Attribute, Marketing, SaleContext
from foundation.foreign_values import at, plain_text, rows_at, text_at
from foundation.redaction import storable
from vtex.documents import Order

MOST_ATTRIBUTES = 1000
"""Bound of an order's attributes. The rest stays in the raw document."""

_DEEPEST = 32
"""Levels of objects that are read for attributes."""

_LISTED_TAGS = 50
_PURCHASE_ORDER = ("purchaseordernumber", "ponumber", "purchaseorder")
_COST_CENTER = ("costcenter", "costcenterid", "costcentername")


def marketing_of(order: Order) -> Marketing:
    """Return coupon and campaign from ``marketingData``."""
    raw = at(order.raw, "marketingData")
    tags = at(raw, "marketingTags")
    texts = map(plain_text, tags[:_LISTED_TAGS]) if isinstance(tags, list) else ()
    return Marketing(
        coupon=text_at(raw, "coupon"),
        utm_source=text_at(raw, "utmSource"),
        utm_medium=text_at(raw, "utmMedium"),
        utm_campaign=text_at(raw, "utmCampaign"),
        utm_partner=text_at(raw, "utmPartner"),
        utmi_campaign=text_at(raw, "utmiCampaign"),
        utmi_page=text_at(raw, "utmipage") or text_at(raw, "utmiPage"),
        utmi_part=text_at(raw, "utmiPart"),
        marketing_tags=", ".join(filter(None, texts)) or None,
    )


def context_of(order: Order) -> SaleContext:
    """Return where and under which terms the order was sold."""
    raw = order.raw
    custom = list(_custom_data(raw))
    hint = next(iter(rows_at(raw, "shippingData", "trackingHints")), None)
    subscription = next(iter(rows_at(raw, "subscriptionData", "Subscriptions")), None)
    payment = marketplace_payment(raw)
    return SaleContext(
        intermediary_name=_intermediary(order),
        marketplace_payment_method=payment.get("method"),
        marketplace_payment_brand=payment.get("brand"),
        marketplace_payment_acquirer=payment.get("acquirer_document"),
        marketplace_payment_authorization=payment.get("authorization"),
        tracking_number=text_at(hint, "trackingId"),
        tracking_url=text_at(hint, "trackingUrl"),
        tracking_courier=text_at(hint, "courierName"),
        seller_operator=_operator(raw),
        checked_in_pickup_point_id=text_at(raw, "checkedInPickupPointId"),
        subscription_id=text_at(raw, "subscriptionData", "SubscriptionGroupId"),
        subscription_cycle=text_at(subscription, "ExecutionCount"),
        gift_registry_id=text_at(raw, "giftRegistryData", "giftRegistryId"),
        purchase_order_number=_named_field(custom, *_PURCHASE_ORDER),
        cost_center=_named_field(custom, *_COST_CENTER),
    )


def _intermediary(order: Order) -> str | None:
    """Return the marketplace between shop and shopper, for orders that another site sold."""
    if not order.marketplace_order_id:
        return None
    name = text_at(order.raw, "marketplace", "name")
    is_own = name is not None and name == text_at(order.raw, "hostname")
    return (None if is_own else name) or order.affiliate_id


def _operator(raw: Mapping[str, Any]) -> str | None:
    operators = (
        text_at(raw, "callCenterOperatorData", "userName"),
        text_at(raw, "callCenterOperatorData", "email"),
        *(text_at(item, "callCenterOperator") for item in rows_at(raw, "items")),
    )
    return next(filter(None, operators), None)


def _named_field(custom: Iterable[tuple[str, str, str]], *names: str) -> str | None:
    """Return the first custom field with one of these names, however it is spelled."""
    for _, name, value in custom:
        if re.sub(r"[^a-z]", "", name.rpartition(".")[2].lower()) in names:
            return value
    return None


# --- attributes -------------------------------------------------------------------------------


def attributes_of(order: Order, line_of: Mapping[tuple[int, int | None], int]) -> list[Attribute]:
    """Return attachments, assembly options, custom fields and custom data.

    Args:
        line_of: line numbers by item index, and by the place of a service or None.
    """
    raw = order.raw
    made: list[Attribute] = []
    for index, item in enumerate(rows_at(raw, "items")):
        made += _of_item(item, line_of.get((index, None)))
        for place, service in enumerate(rows_at(item, "bundleItems")):
            made += _of_item(service, line_of.get((index, place)))
    if custom := list(_custom_data(raw)):
        by_unique_id = {
            item.unique_id: line_of.get((item.index, None))
            for item in order.items
            if item.unique_id
        }
        made += [
            Attribute(source, name, value, by_unique_id.get(_linked_item(source) or ""))
            for source, name, value in custom
        ]
    for source in ("purchaseAgentData", "budgetData", "authorizationPolicyData"):
        made += [Attribute(source, *pair) for pair in _flat(at(raw, source))]
    return made[:MOST_ATTRIBUTES]


def _of_item(item: Mapping[str, Any], line_no: int | None) -> Iterator[Attribute]:
    for attachment in (*rows_at(item, "attachments"), item.get("itemAttachment")):
        content = at(attachment, "content")
        if not content:
            continue
        title = text_at(attachment, "name") or "attachment"
        for name, value in _flat(content):
            yield Attribute("attachments", f"{title}.{name}", value, line_no)
    for assembly in rows_at(item, "assemblies"):
        title = text_at(assembly, "id") or "assembly"
        for name, value in _flat(at(assembly, "inputValues")):
            yield Attribute("assemblies", f"{title}.{name}", value, line_no)


_OF_ITEM = "customFields.item:"


def _linked_item(source: str) -> str | None:
    return source.removeprefix(_OF_ITEM) if source.startswith(_OF_ITEM) else None


def _custom_data(raw: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for app in rows_at(raw, "customData", "customApps"):
        source = f"customApps.{text_at(app, 'id') or ''}"
        for name, value in _flat(at(app, "fields")):
            yield source, name, value
    for fields in rows_at(raw, "customData", "customFields"):
        entity = text_at(fields, "linkedEntity", "type") or "order"
        source = f"customFields.{entity}:{text_at(fields, 'linkedEntity', 'id') or ''}"
        for field in rows_at(fields, "fields"):
            title = text_at(field, "name") or "value"
            for path, text in _flat(at(field, "value"), title):
                yield source.rstrip(":"), path, text


def _flat(value: object, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield (dotted name, text) of each value within objects and lists."""
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        pairs = [(storable(str(name)), inner) for name, inner in value.items()]
    elif isinstance(value, list):
        pairs = [(str(place), inner) for place, inner in enumerate(value)]
    else:
        text = plain_text(value)
        if text is not None:
            yield path or "value", text
        return
    for name, inner in pairs:
        yield from _flat(inner, f"{path}.{name}" if path else name, depth + 1)
