"""The kinds of orders with a peculiarity of real documents."""

from collections.abc import Callable
from random import Random
from typing import Any

from vtex.simulator.shapes import countries, deliveries, details

PECULIAR = (
    "gift_tag", "percent_tag", "programme", "custom_tax", "surcharge", "manual_price",
    "freight_in_price", "freight_in_head", "weighed", "changed", "group_first", "group_second",
    "paid_twice", "marketplace_fiscal", "pickup_point", "mixed", "window", "b2b", "subscription",
    "gift_registry", "attachments", *countries.COUNTRIES,
)  # fmt: skip

_SHAPES: dict[str, Callable[[dict[str, Any]], None]] = {
    "changed": details.change,
    "marketplace_fiscal": details.fiscal_payment,
    "pickup_point": deliveries.pick_up,
    "mixed": deliveries.mix,
    "window": deliveries.schedule,
    "b2b": details.purchase,
    "subscription": details.subscribe,
    "gift_registry": details.give,
    "attachments": details.engrave,
}


def shape(kind: str, order: dict[str, Any], rng: Random) -> None:
    """Put a kind's peculiarity into an order whose amounts are complete."""
    if kind in countries.COUNTRIES:
        countries.move(order, countries.COUNTRIES[kind], rng)
    elif kind in _SHAPES:
        _SHAPES[kind](order)
