"""The simulated feed as a client on the wire sees it, at a clock of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from support.order_flow import Clock
from vtex.simulator.config import Config
from vtex.simulator.server import Running, running

FEED = "/api/orders/feed"
CONFIG = f"{FEED}/config"
BODY: dict[str, Any] = {
    "filter": {"type": "FromWorkflow", "status": ["ready-for-handling", "handling"]},
    "queue": {"visibilityTimeoutInSeconds": 300, "MessageRetentionPeriodInSeconds": 345_600},
}


class Wire:
    """Calls the feed as VTEX's documents say."""

    def __init__(self, store: Running, clock: Clock) -> None:
        self.store, self.clock = store, clock

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {
            "X-VTEX-API-AppKey": self.store.app_key,
            "X-VTEX-API-AppToken": self.store.app_token,
        }
        url = f"{self.store.url}{path}"
        return requests.request(method, url, headers=headers, timeout=5, **options)

    def configure(self, body: dict[str, Any] = BODY) -> int:
        return self.call("POST", CONFIG, json=body).status_code

    def read(self, most: int = 10) -> list[dict[str, Any]]:
        answer = self.call("GET", FEED, params={"maxlot": most})
        assert answer.status_code == 200, answer.text
        return list(answer.json())

    def commit(self, *handles: str) -> int:
        return self.call("POST", FEED, json={"handles": list(handles)}).status_code

    def steer(self, **body: Any) -> requests.Response:
        return requests.post(f"{self.store.url}/_simulator/feed", json=body, timeout=5)


@pytest.fixture
def wire() -> Iterator[Wire]:
    clock = Clock()
    with running(Config(orders=2, handling_delay=0)) as store:
        store.store._now = clock
        yield Wire(store, clock)


def test_without_a_configuration_there_is_no_feed(wire: Wire) -> None:
    answers = [
        wire.call("GET", FEED, params={"maxlot": 10}),
        wire.call("GET", CONFIG),
        wire.call("DELETE", CONFIG),
    ]

    assert [answer.status_code for answer in answers] == [404] * 3
    assert answers[0].json()["error"]["message"]


def test_the_feed_tells_what_happens_after_its_configuration(wire: Wire) -> None:
    assert wire.configure() == 200
    (order_id,) = wire.store.store.generate()
    entry = wire.store.store.entry(order_id)
    assert entry is not None
    wire.store.store.start_handling(entry)

    events = wire.read()

    # start-handling is not asked for
    assert [event["state"] for event in events] == ["ready-for-handling", "handling"]
    assert {event["orderId"] for event in events} == {order_id}
    assert [event["lastState"] for event in events] == ["window-to-cancel", "start-handling"]
    assert wire.call("GET", CONFIG).json()["quantity"] == 2


def test_an_event_that_is_read_comes_again_under_a_new_handle_until_it_is_committed(
    wire: Wire,
) -> None:
    wire.configure()
    wire.store.store.generate()
    (first,) = wire.read()
    hidden = wire.read()
    wire.clock.pass_by(301)
    (second,) = wire.read()

    wire.commit(first["handle"], "nobody's")
    wire.clock.pass_by(301)
    (third,) = wire.read()
    wire.commit(third["handle"])
    wire.clock.pass_by(301)

    assert hidden == wire.read() == []
    assert first["eventId"] == second["eventId"] == third["eventId"]
    assert len({first["handle"], second["handle"], third["handle"]}) == 3


def test_a_handle_whose_time_is_over_commits_nothing(wire: Wire) -> None:
    wire.configure()
    wire.store.store.generate()
    (event,) = wire.read()
    wire.clock.pass_by(301)

    assert wire.commit(event["handle"]) == 200

    assert len(wire.read()) == 1


def test_ten_events_are_the_most_of_one_answer(wire: Wire) -> None:
    wire.configure()
    wire.store.store.generate(15)

    assert [len(wire.read(most)) for most in (50, 3, 10)] == [10, 3, 2]


def test_another_configuration_keeps_what_is_queued_and_none_forgets_it(wire: Wire) -> None:
    wire.configure()
    wire.store.store.generate()
    wire.configure(BODY | {"filter": {"type": "FromWorkflow", "status": ["misspelt"]}})
    wire.store.store.generate()
    kept = wire.read()

    wire.call("DELETE", CONFIG)
    wire.configure()

    assert len(kept) == 1
    assert wire.read() == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (BODY | {"queue": {"visibilityTimeoutInSeconds": 300}}, 400),
        (
            BODY | {"filter": {"type": "FromWorkflow", "status": ["invoiced"], "expression": "a"}},
            409,
        ),
        ({"filter": BODY["filter"]}, 400),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(
    wire: Wire, body: dict[str, Any], status: int
) -> None:
    assert wire.configure(body) == status
    assert wire.call("GET", CONFIG).status_code == 404


def test_a_feed_that_was_silent_for_its_whole_retention_is_given_up(wire: Wire) -> None:
    wire.configure()
    wire.clock.pass_by(345_599)
    there = wire.call("GET", CONFIG).status_code

    wire.clock.pass_by(1)

    assert there == 200
    assert wire.call("GET", CONFIG).status_code == 404


def test_each_permission_opens_its_calls(wire: Wire) -> None:
    wire.configure()
    wire.store.store.permissions -= {"Feed v3 and Hook Admin"}
    viewer = [wire.call("GET", CONFIG).status_code, wire.configure()]
    wire.store.store.permissions |= {"Feed v3 and Hook Admin"}
    wire.store.store.permissions -= {"Feed v3 and Hook view only"}
    admin = [wire.call("GET", CONFIG).status_code, wire.configure()]
    wire.store.store.permissions -= {"Feed v3 and Hook Admin"}

    nobody = wire.call("GET", FEED, params={"maxlot": 1}).status_code

    assert (viewer, admin, nobody) == ([200, 403], [200, 200], 403)


def test_events_come_doubled_in_disorder_and_malformed_where_that_is_asked_for(wire: Wire) -> None:
    wire.configure()
    wire.steer(repeats=1, shuffles=True)
    ids = wire.store.store.generate(4)
    wire.read()
    wire.clock.pass_by(301)
    told = [order["orderId"] for order in wire.read()]

    wire.steer(repeats=0, events=[{"state": 7}])

    assert sorted(told) == sorted(ids * 2)
    assert told != sorted(told)
    assert wire.read()[0]["state"] == 7
    assert wire.steer(forget=True).status_code == 200
    assert wire.call("GET", CONFIG).status_code == 404
    assert "none of" in wire.steer(misspelt=1).json()["error"]
