"""Requests to cancel, in each of the spellings that VTEX has for them."""

from datetime import UTC, datetime

import pytest

from vtex.schemas.cancel_requests import Asked, asked

MOMENT = datetime(2023, 7, 24, 19, 44, 59, 666745, tzinfo=UTC)


def row(**changes: object) -> dict[str, object]:
    return {
        "id": "85835ab408514b52aa139e4236ce0c33",
        "reason": "Motivo",
        "cancellationRequestDate": "2023-07-24T19:44:59.6667459Z",
        "requestedByUser": True,
        "deniedBySeller": False,
        "deniedBySellerReason": None,
        "cancellationRequestDenyDate": None,
    } | changes


def test_the_request_is_read_with_its_id_and_date() -> None:
    found = asked({"cancellationRequests": [row()]})

    assert found == Asked("85835ab408514b52aa139e4236ce0c33", "Motivo", MOMENT, True, False)


def test_of_several_the_latest_counts_wherever_it_stands() -> None:
    old = row(id="old", cancellationRequestDate="2023-07-01T00:00:00Z", deniedBySeller=True)

    for rows in ([old, row()], [row(), old]):
        found = asked({"cancellationRequests": rows})
        assert found is not None
        assert (found.request_id, found.denied) == (row()["id"], False)


@pytest.mark.parametrize(
    "data",
    [
        {
            "requestedByUser": True,
            "reason": "x",
            "cancellationDate": "2023-07-24T19:44:59.6667459Z",
            "cancellationRequestId": "85835ab4",
        },
        {
            "RequestedByUser": True,
            "Reason": "x",
            "CancellationDate": "2023-07-24T19:44:59.6667459Z",
            "CancellationRequestId": "85835ab4",
        },
    ],
    ids=["camel", "pascal"],
)
def test_without_a_list_the_cancellations_own_data_count(data: dict[str, object]) -> None:
    for rows in (None, []):
        found = asked({"cancellationRequests": rows, "cancellationData": data})
        assert found == Asked("85835ab4", "x", MOMENT, True, False)


def test_what_is_malformed_counts_as_absent() -> None:
    odd = row(id={}, cancellationRequestDate="soon", requestedByUser="perhaps", reason=[])

    assert asked({"cancellationRequests": [odd]}) == Asked()
    for raw in (
        {},
        {"cancellationRequests": None},
        {"cancellationRequests": "?"},
        {"cancellationRequests": [None, 7]},
        {"cancellationData": []},
    ):
        assert asked(raw) is None
