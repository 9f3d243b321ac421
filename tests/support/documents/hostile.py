"""Sound documents with something hostile put into them, anywhere."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from vtex.simulator.seed import KINDS, Seed

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MADE = [Seed("acme", 7).order(NOW, "ready-for-handling", kind) for kind in KINDS]
"""An order of each kind that the simulated store has, with its transactions."""

PAGE: dict[str, Any] = {
    "list": [
        {
            "orderId": entry.order["orderId"],
            "creationDate": entry.order["creationDate"],
            "status": "ready-for-handling",
            "totalValue": float(entry.order["value"]),
        }
        for entry in MADE
    ],
    "paging": {"total": len(MADE), "pages": 1, "currentPage": 1, "perPage": 100},
}

EVENT: dict[str, Any] = {
    "eventId": "9B1F0C2A7D3E4B5F8A6C1D2E3F405162",
    "handle": "eyJ0eXAi",
    "domain": "Fulfillment",
    "state": "ready-for-handling",
    "lastState": "window-to-cancel",
    "orderId": "v70411223acme-01",
    "lastChange": "2026-03-10T14:22:05.134057Z",
    "currentChange": "2026-03-10T14:52:06.7153839Z",
}
FEED_CONFIG: dict[str, Any] = {
    "filter": {"type": "FromWorkflow", "status": ["ready-for-handling"], "expression": None},
    "queue": {"visibilityTimeoutInSeconds": 300, "messageRetentionPeriodInSeconds": 345_600},
    "quantity": 3,
    "approximateAgeOfOldestMessageInSeconds": 17,
}

PACKAGE: dict[str, Any] = {
    "type": "Output",
    "invoiceNumber": "128841",
    "invoiceValue": 5230,
    "invoiceKey": None,
    "courier": "Correios",
    "trackingNumber": "BR123456789XX",
    "trackingUrl": None,
    "items": [{"itemIndex": 0, "quantity": 1, "price": 4990}],
    "courierStatus": {
        "finished": False,
        "data": [{"city": "Campinas", "state": "SP", "description": "Em trânsito"}],
    },
}

RECEIPT: dict[str, Any] = {"date": "2026-03-10T15:04:05-02:00", "receipt": "38e0e47da2934847"}
CHANGES: dict[str, Any] = {"list": [{"requestId": "r-1", "finished": True, "items": []}]}

PEOPLE = ("Ana Prado", "52998224725", "529.982.247-25", "ana.prado@example.com")
"""What no message may quote; some of what is put in holds it."""

DATES = (
    "2026-03-10T14:22:05", "2026-03-10 14:22:05.1Z", "2026-03-10T14:22:05.123456789012+00:00",
    "2026-03-10", "10/03/2026 14:22", "2026-02-30T00:00:00Z", "2026-03-10T23:59:60Z",
    "2026-03-10T24:00:00Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.9999999-12:00", "9999-12-31T23:59:59Z", "-2026-03-10T14:22:05Z",
    "2026-03-10T14:22:05+99:99", "2026-W11-2T14:22:05Z", "1773152525", "/Date(1773152525000)/",
    "\uff12\uff10\uff12\uff16-03-10T14:22:05Z", "2026-03-10T14:22:05." + "1" * 10_000 + "Z",
)  # fmt: skip

TEXTS = (
    "", " ", "\x00", "Ana\x00Prado", "\ud800", "a\udfffb", "\ud83d\ude00", "\u202eodarP anA\u202c",
    "\ufeff", "\u2028", "🦜" * 300, "x" * 100_000, "á" * 65, "NaN", "Infinity", "-0", "1E-999999999",
    "1E+999999999", "9" * 400, "²", "１２", "true", "null", "'; DROP TABLE int_order; --", "%s %(x)s {0}",
    "../../etc/passwd", "<script>", "A***", *PEOPLE,
)  # fmt: skip

NUMBERS = (
    0, -1, 1, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**15, 10**15 + 1, 10**28, 10**400, -(10**400),
    0.5, -0.0, 1e15, 1e16, 1e300, 5e-324, float("nan"), float("inf"), float("-inf"),
)  # fmt: skip


def _deep(inner: Any, levels: int, wrap: Callable[[Any], Any]) -> Any:
    for _ in range(levels):
        inner = wrap(inner)
    return inner


DEEP = tuple(
    _deep(1, levels, wrap)
    for levels in (5, 100)
    for wrap in (
        lambda value: [value],
        lambda value: {"address": value},
        lambda value: {"value": [value]},
    )
)


def _values() -> st.SearchStrategy[Any]:
    plain = (
        st.sampled_from(TEXTS + DATES)
        | st.sampled_from(NUMBERS)
        | st.booleans()
        | st.none()
        | st.integers()
        | st.floats()
        | st.text(max_size=20)
    )
    nested = st.recursive(
        plain,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(TEXTS), inner, max_size=3)
        ),
        max_leaves=5,
    )
    return plain | nested | st.sampled_from(DEEP)


VALUES = _values()
"""Whatever JSON, and what Python makes of it, can hold in place of a value."""


def paths(document: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to each value within a document."""
    found = []
    for key, value in document.items() if isinstance(document, dict) else enumerate(document):
        found.append((*way, key))
        if isinstance(value, dict | list):
            found += paths(value, (*way, key))
    return found


@st.composite
def mutated(draw: st.DrawFn, document: Any, *, most: int = 3) -> Any:
    """Return a copy of a document, with some of it dropped, replaced, repeated or moved."""
    made = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, most))):
        ways = paths(made)
        if not ways:
            break
        *way, last = draw(st.sampled_from(ways))
        holder = made
        for step in way:
            holder = holder[step]
        _change(draw, holder, last, made)
    return made


def _change(draw: st.DrawFn, holder: Any, last: Any, whole: Any) -> None:
    match draw(st.sampled_from(["replace"] * 6 + ["drop", "wrap", "rename", "repeat", "swap"])):
        case "drop":
            del holder[last]
        case "wrap":
            holder[last] = draw(st.sampled_from([[holder[last]], {"value": holder[last]}]))
        case "rename" if isinstance(holder, dict):
            holder[draw(st.sampled_from(TEXTS))] = holder.pop(last)
        case "repeat" if isinstance(holder, list):
            holder.extend(copy.deepcopy(holder[last]) for _ in range(draw(st.integers(1, 200))))
        case "swap":
            *way, other = draw(st.sampled_from(paths(whole)))
            source = whole
            for step in way:
                source = source[step]
            holder[last] = copy.deepcopy(source[other])
        case _:
            # What is drawn is shared, and may be changed in turn.
            holder[last] = copy.deepcopy(draw(VALUES))
