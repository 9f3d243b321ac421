"""Numbers and times of other systems are read within bounds."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from foundation.foreign_values import bounded_number, cents, http_moment, moment


@pytest.mark.parametrize(
    ("value", "read"), [("12.50", "12.50"), (0.1, "0.1"), (7, "7"), (Decimal("-3.4"), "-3.4")]
)
def test_a_number_is_read_exactly(value: object, read: str) -> None:
    assert bounded_number(value) == Decimal(read)


@pytest.mark.parametrize(
    "value",
    [
        True, None, "", "12,5", "NaN", float("inf"), Decimal("sNaN"), "1E+999999999",
        "1E-999999999", Decimal("1E-999999999"), 10**15, "9" * 81, [], {},
    ],
)  # fmt: skip
def test_what_is_no_number_within_bounds_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        bounded_number(value)


@pytest.mark.parametrize(
    ("value", "read"), [(52.3, 5230), ("0.005", 1), ("-0.005", -1), (4.35, 435)]
)
def test_cents_round_halves_up(value: object, read: int) -> None:
    assert cents(value) == read


def test_a_time_is_read_in_utc_whatever_its_offset_and_fraction() -> None:
    read = [
        moment("2026-03-10T11:22:05.1834217-03:00"),
        moment("2026-03-10 14:22:05.183421Z"),
        moment("2026-03-10T14:22:05.183421"),
    ]

    assert set(read) == {datetime(2026, 3, 10, 14, 22, 5, 183421, tzinfo=UTC)}


@pytest.mark.parametrize(
    "text", ["", "10/03/2026", "2026-02-30T10:00:00", "0001-01-01T00:00:00+14:00", 5]
)
def test_what_is_no_time_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not a date"):
        moment(text)


def test_a_header_without_a_time_says_nothing() -> None:
    assert http_moment("Tue, 10 Mar 2026 14:22:05 GMT") == datetime(
        2026, 3, 10, 14, 22, 5, tzinfo=UTC
    )
    assert [http_moment(text) for text in (None, "", "soon")] == [None, None, None]
