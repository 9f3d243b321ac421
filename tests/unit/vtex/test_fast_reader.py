"""The short way through the schemas, held to marshmallow's own."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError

from vtex.schemas import addresses, feed, listing, orders, packages, payments
from vtex.schemas.fast_reader import reader
from vtex.schemas.orders import ORDER
from vtex.simulator.seed import KINDS, Seed

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
ORDERS = [Seed("acme", 7).order(NOW, "ready-for-handling", kind).order for kind in KINDS]
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
GONE = object()


def paths(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, entry in inner:
        found.append((*way, key))
        if isinstance(entry, dict | list):
            found += paths(entry, (*way, key))
    return found


def broken(data: st.DataObject) -> dict[str, Any]:
    """Return an order with junk, or nothing, in one place."""
    raw = copy.deepcopy(data.draw(st.sampled_from(ORDERS)))
    way = data.draw(st.sampled_from(paths(raw)))
    target: Any = raw
    for step in way[:-1]:
        target = target[step]
    value = data.draw(st.just(GONE) | JUNK)
    if value is GONE:
        del target[way[-1]]
    else:
        target[way[-1]] = value
    return raw


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_it_reads_what_marshmallow_reads_or_leaves_it_to_it(data: st.DataObject) -> None:
    raw = broken(data)

    try:
        quick = reader(type(ORDER))(raw)
    except ValidationError:
        return

    assert repr(quick) == repr(ORDER.load(raw))


@pytest.mark.parametrize("raw", ORDERS)
def test_a_sound_order_is_read_by_it(raw: dict[str, Any]) -> None:
    assert reader(type(ORDER))(raw) == ORDER.load(raw)


def test_it_calls_each_hook_that_a_schema_has() -> None:
    known = {"_only_objects", "_renamed", "_made"}
    modules = (addresses, feed, listing, orders, packages, payments)
    kinds = [value for each in modules for value in vars(each).values() if isinstance(value, type)]

    hooks = {
        name
        for kind in kinds
        if issubclass(kind, Schema)
        for some in kind._hooks.values()
        for name, *_ in some
    }

    assert hooks == known
