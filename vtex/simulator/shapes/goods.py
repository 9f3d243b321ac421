"""Prices, discounts and freight where real documents leave the plain form."""

from collections.abc import Callable
from typing import Any

from vtex.simulator.items import gross, reprice, tag

Rows = list[dict[str, Any]]
Totals = dict[str, int]
"""Cents that are added to the totals by id."""


def shape(kind: str, items: Rows, logistics: Rows) -> Totals:
    """Put a kind's peculiarity into items and freight. Return what it adds to the totals."""
    change = _SHAPES.get(kind)
    return change(items, logistics) if change else {}


def _gift_tag(items: Rows, _: Rows) -> Totals:
    """A gift whose tag takes off 100 percent. Older documents lack the price definition."""
    gift = items[-1]
    off = gross(gift)
    gift.update(isGift=True, sellingPrice=0, priceDefinition=None)
    gift["priceTags"] = [tag("DISCOUNT@GIFT", 100, is_percentage=True)]
    return {"Discounts": -off}


def _percent_tag(items: Rows, _: Rows) -> Totals:
    first = items[0]
    off = (gross(first) + 5) // 10
    first.update(priceDefinition=None, sellingPrice=(gross(first) - off) // first["quantity"])
    first["priceTags"] = [tag("discount@price-cartao#5", -10, is_percentage=True)]
    return {"Discounts": -off}


def _programme(items: Rows, _: Rows) -> Totals:
    """The discount of a loyalty programme has a total of its own."""
    reprice(items[0], quantity=items[0]["quantity"], price=items[0]["price"], off=850)
    return {"Discounts": 850, "Discounts_clube": -850}


def _custom_tax(items: Rows, _: Rows) -> Totals:
    """An external engine adds tax as a tag and as a total."""
    items[0]["priceTags"].append(tag("TAX@externo", 700))
    return {"CustomTax": 700}


def _surcharge(*_: Rows) -> Totals:
    """The interest of a marketplace is part of the value, and stands in no line."""
    return {"Interest": 321}


def _manual_price(items: Rows, _: Rows) -> Totals:
    """The price of a call-centre operator stands in ``price``, and the tag tells of it again."""
    first = items[0]
    lowered = first["price"] - 1500
    reprice(first, quantity=first["quantity"], price=lowered, off=0)
    off = tag("DISCOUNT@MANUALPRICE", -1500 * first["quantity"])
    first.update(manualPrice=lowered, priceDefinition=None, priceTags=[off])
    return {}


def _freight_in_price(_: Rows, logistics: Rows) -> Totals:
    freight = sum(row["price"] for row in logistics)
    for row in logistics:
        row["sellingPrice"] = 0
    return {"Shipping": freight}


def _freight_in_head(_: Rows, logistics: Rows) -> Totals:
    freight = sum(row["price"] for row in logistics)
    for row in logistics:
        row.update(price=0, listPrice=0, sellingPrice=0)
    return {"Shipping": freight}


def _weighed(items: Rows, _: Rows) -> Totals:
    """Six decimals after weighing. The head is a cent off the sum of the lines."""
    for place, item in enumerate(items):
        item.update(measurementUnit="kg", unitMultiplier=0.347215 + place)
        reprice(item, quantity=item["quantity"], price=item["price"], off=0)
    return {"Items": 1}


def _changed(items: Rows, _: Rows) -> Totals:
    """A change removed the last item, which the document keeps."""
    return {"Change": -items[-1]["priceDefinition"]["total"]}


_SHAPES: dict[str, Callable[[Rows, Rows], Totals]] = {
    "gift_tag": _gift_tag,
    "percent_tag": _percent_tag,
    "programme": _programme,
    "custom_tax": _custom_tax,
    "surcharge": _surcharge,
    "manual_price": _manual_price,
    "freight_in_price": _freight_in_price,
    "freight_in_head": _freight_in_head,
    "weighed": _weighed,
    "changed": _changed,
}
