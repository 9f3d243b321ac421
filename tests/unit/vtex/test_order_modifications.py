"""Whether a change of an order is under way, from every published shape of VTEX's answer."""

from __future__ import annotations

from typing import Any

import pytest
import requests_mock
from hypothesis import given
from hypothesis import strategies as st

from vtex import errors
from vtex.client import VtexClient
from vtex.schemas import order_modifications
from vtex.schemas.order_modifications import FINAL, RUNNING
from vtex.transport.transport import Account, Transport

CHANGES = "https://acme.vtexcommercestable.com.br/api/order-system/orders/o-1/changes"
JSON = {"Content-Type": "application/json; charset=utf-8"}
HISTORY_ROW = {"requestId": "r-1", "date": "2026-03-10T14:00:00Z", "reason": "size", "replace": []}


@pytest.fixture
def client() -> VtexClient:
    return VtexClient(Transport(Account("acme", "key", "secret-token")))


def history(*rows: Any) -> dict[str, Any]:
    return {"requests": list(rows), "actions": []}


def listed(*rows: Any) -> dict[str, Any]:
    return {"list": list(rows)}


def bare(*rows: Any) -> list[Any]:
    return list(rows)


SHAPES = [history, listed, bare]


def asked(client: VtexClient, body: Any, details: dict[str, Any] | None = None) -> tuple[bool, int]:
    """Return the verdict, and the number of calls that it took."""
    with requests_mock.Mocker() as mocker:
        mocker.get(CHANGES, json=body, headers=JSON)
        missing = {"status_code": 404, "json": {"error": {"code": "OMS007"}}}
        mocker.get(f"{CHANGES}/r-1", headers=JSON, **({"json": details} if details else missing))
        return client.change_under_way("o-1"), len(mocker.request_history)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("status", sorted(RUNNING))
@pytest.mark.parametrize("finished", [{"finished": False}, {}])
def test_a_change_with_a_running_status_is_under_way_in_every_shape(
    client: VtexClient, shape: Any, status: str, finished: dict[str, bool]
) -> None:
    rows = [{"requestId": "r-0", "status": "done"}, {"requestId": "r-1", "status": status}]

    assert asked(client, shape(rows[0], rows[1] | finished)) == (True, 1)
    assert asked(client, shape(rows[1] | finished, rows[0])) == (True, 1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("status", [*sorted(FINAL), "Canceled"])
def test_a_final_status_ends_a_change_whatever_finished_says(
    client: VtexClient, shape: Any, status: str
) -> None:
    row = {"requestId": "r-1", "status": status, "finished": False}

    assert asked(client, shape(row)) == (False, 1)


def test_a_row_of_the_history_counts_as_over_without_details(client: VtexClient) -> None:
    assert asked(client, history(HISTORY_ROW)) == (False, 2)
    assert asked(client, history(HISTORY_ROW | {"requestId": None})) == (False, 1)


@pytest.mark.parametrize(
    ("details", "verdict"),
    [
        ({"status": "waiting-confirmation", "inProgress": False}, True),
        ({"status": "waiting-acknowledgement", "inProgress": True}, True),
        ({"status": "done", "inProgress": True}, False),
        ({"status": "canceled", "inProgress": True}, False),
        # VTEX's former example showed the status of the order.
        ({"status": "handling", "inProgress": True}, False),
        ({"inProgress": True}, False),
    ],
)
def test_the_details_decide_by_their_status_and_never_by_in_progress(
    client: VtexClient, details: dict[str, Any], verdict: bool
) -> None:
    assert asked(client, history(HISTORY_ROW), HISTORY_ROW | details) == (verdict, 2)


def test_an_unknown_status_is_not_under_way_unless_the_details_show_it(client: VtexClient) -> None:
    row = {"requestId": "r-1", "status": "someday", "finished": False}

    assert asked(client, listed(row)) == (False, 2)
    assert asked(client, listed(row), row | {"status": "waiting-confirmation"}) == (True, 2)


def test_only_the_newest_change_is_read_by_itself(client: VtexClient) -> None:
    older = {"requestId": "r-0", "date": "2026-03-09T14:00:00Z"}

    assert asked(client, history(HISTORY_ROW, older), {"status": "done"}) == (False, 2)


@pytest.mark.parametrize("body", [{"list": None}, [], {"list": [5, None]}, {}, history()])
def test_an_order_without_changes_costs_one_call(client: VtexClient, body: Any) -> None:
    assert asked(client, body) == (False, 1)


@pytest.mark.parametrize("body", [5, "text", {"list": 5}, {"requests": "x", "actions": []}])
def test_an_unreadable_list_of_changes_is_read_again_later(client: VtexClient, body: Any) -> None:
    with pytest.raises(errors.VtexUnavailable):
        asked(client, body)


@pytest.mark.parametrize("status", [400, 403, 404])
def test_an_account_without_the_route_has_no_visible_changes(
    client: VtexClient, status: int
) -> None:
    with requests_mock.Mocker() as mocker:
        mocker.get(CHANGES, status_code=status, json={"error": {"code": "x"}}, headers=JSON)

        assert client.change_under_way("o-1") is False


STATUS = st.one_of(
    st.none(),
    st.sampled_from(sorted(FINAL)),
    st.text(max_size=12),
    st.integers(),
    st.just("handling"),
).filter(lambda status: str(status).strip().lower() not in RUNNING)
ROW = st.fixed_dictionaries(
    {},
    optional={
        "requestId": st.one_of(st.none(), st.text(max_size=8)),
        "status": STATUS,
        "finished": st.one_of(st.none(), st.booleans()),
        "inProgress": st.booleans(),
        "date": st.one_of(st.none(), st.text(max_size=8)),
    },
)


@given(
    rows=st.lists(ROW, max_size=6),
    shape=st.sampled_from(SHAPES),
    details=st.one_of(ROW, st.lists(ROW, max_size=2), st.none()),
)
def test_final_and_unknown_rows_never_block_in_any_shape(
    rows: list[Any], shape: Any, details: Any
) -> None:
    paths: list[str] = []

    def rows_of(path: str) -> list[order_modifications.Row]:
        paths.append(path)
        return order_modifications.read(details if len(paths) > 1 else shape(*rows)) or []

    assert order_modifications.under_way("/changes", rows_of) is False
    assert len(paths) <= 2


@given(rows=st.lists(ROW, max_size=4), shape=st.sampled_from(SHAPES), place=st.integers(0, 4))
def test_one_running_row_blocks_among_any_others(rows: list[Any], shape: Any, place: int) -> None:
    rows.insert(place, {"status": "waiting-confirmation", "finished": True})

    assert order_modifications.under_way(
        "/changes", lambda _: order_modifications.read(shape(*rows)) or []
    )
