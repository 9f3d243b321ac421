"""Foreign text loses personal data, passwords and the characters that databases refuse."""

from __future__ import annotations

import pytest

from foundation.redaction import TAX_ID, one_line, redacted, storable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mail ana.prado@example.com now", "mail … now"),
        ("call (11) 98765-4321", "call (…"),
        ("CPF 529.982.247-25 is not valid", "CPF … is not valid"),
        ("token " + "a1_" * 20, "token …"),
        ("order 42 of 2026", "order 42 of 2026"),
    ],
)
def test_personal_data_and_tokens_are_replaced(text: str, shown: str) -> None:
    assert redacted(text) == shown


def test_known_values_are_replaced_in_any_case_and_the_longest_first() -> None:
    assert redacted("ANA PRADO, Ana", ["Ana", "Ana Prado", None, ""]) == "…, …"


def test_a_pattern_of_tax_ids_leaves_the_ids_of_orders() -> None:
    words = "1268540501456-01 of 529.982.247-25"

    assert redacted(words, pattern=TAX_ID) == "1268540501456-01 of …"


def test_a_long_text_without_an_address_takes_linear_time() -> None:
    assert redacted("-." * 200_000) == "-." * 200_000


def test_text_is_cut_and_shown_on_one_line() -> None:
    assert one_line("a\r\n\tb\x07 c" + "d" * 99, 8) == "a b c"


def test_text_is_stored_without_nul_and_half_pairs() -> None:
    assert storable("a\x00b\ud800\nç") == "a\ufffdb\ufffd\nç"
