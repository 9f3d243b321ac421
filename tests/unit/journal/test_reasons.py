"""Reasons of dead letters without the details of one job."""

from __future__ import annotations

import pytest

from journal.jobs.dead_letters import general_reason


@pytest.mark.parametrize(
    ("reason", "general"),
    [
        ("the order's value is '***.444.777-**', not 'x'", "the order's value is …, not …"),
        ("'D'Ávila' and 12.50 of -3", "… and … of …"),
        ("items' lines: 'a b'", "items' lines: …"),
    ],
)
def test_quoted_words_and_numbers_are_left_out_whatever_apostrophes_stand_before(
    reason: str, general: str
) -> None:
    assert general_reason(reason) == general
