"""Faults by themselves: which call meets which, and which descriptions make sense."""

from __future__ import annotations

from typing import Any

import pytest

from vtex.simulator.faults import KINDS, Faults
from vtex.simulator.middleware import Quota


def met(faults: Faults, calls: int, route: str = "order", order_id: str = "o-1") -> list[bool]:
    return [faults.meet(route, order_id) is not None for _ in range(calls)]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_fault_is_met_as_often_as_it_was_ordered(kind: str) -> None:
    faults = Faults()
    faults.add(kind=kind, times=2)

    assert met(faults, 4, "start_handling") == [True, True, False, False]
    assert faults.shown() == []


def test_a_fault_without_an_end_lasts_until_cleared() -> None:
    faults = Faults()
    faults.add(kind="timeout", times=None)

    assert met(faults, 3) == [True] * 3
    faults.clear()
    assert met(faults, 1) == [False]


def test_a_fault_meets_only_its_route_and_its_order() -> None:
    faults = Faults()
    faults.add(kind="unavailable", route="order", order_id="o-2", times=None)

    assert met(faults, 1, "order", "o-1") == [False]
    assert met(faults, 1, "start_handling", "o-2") == [False]
    assert met(faults, 1, "order", "o-2") == [True]


def test_only_a_write_can_be_ignored() -> None:
    faults = Faults()
    faults.add(kind="ignore_effect")

    assert met(faults, 1, "order") == [False]
    assert met(faults, 1, "cancel") == [True]


def test_the_same_seed_makes_the_same_calls_fail() -> None:
    runs = []
    for seed in (1, 1, 2):
        faults = Faults(seed)
        faults.add(kind="unavailable", probability=0.3, times=None)
        runs.append(met(faults, 200))

    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    assert 30 < sum(runs[0]) < 90


@pytest.mark.parametrize(
    ("description", "field"),
    [
        ({}, "kind"),
        ({"kind": "gremlin"}, "kind"),
        ({"kind": ["timeout"]}, "kind"),
        ({"kind": "timeout", "colour": "red"}, "colour"),
        ({"kind": "timeout", "route": "lists"}, "route"),
        ({"kind": "ignore_effect", "route": "list"}, "route"),
        ({"kind": "timeout", "order_id": 7}, "order_id"),
        ({"kind": "timeout", "times": -1}, "times"),
        ({"kind": "timeout", "times": 1.5}, "times"),
        ({"kind": "timeout", "times": True}, "times"),
        ({"kind": "timeout", "probability": 1.1}, "probability"),
        ({"kind": "timeout", "probability": float("nan")}, "probability"),
        ({"kind": "timeout", "seconds": "long"}, "seconds"),
        ({"kind": "timeout", "seconds": None}, "seconds"),
        ({"kind": "throttle", "retry_after": -5}, "retry_after"),
        ({"kind": "unavailable", "status": 404}, "status"),
        ({"kind": "refused", "status": 503}, "status"),
        ({"kind": "refused", "shape": "poem"}, "shape"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_by_its_field(
    description: dict[str, Any], field: str
) -> None:
    faults = Faults()

    with pytest.raises(ValueError, match=f"^{field}: "):
        faults.add(**description)

    assert faults.shown() == []


def test_a_quota_is_full_until_a_minute_after_its_calls() -> None:
    seconds = 0.0
    quota = Quota(lambda: seconds)

    assert [quota.is_used_up(2) for _ in range(3)] == [False, False, True]
    seconds = 59.9
    assert quota.is_used_up(2)
    seconds = 60.0
    assert not quota.is_used_up(2)
