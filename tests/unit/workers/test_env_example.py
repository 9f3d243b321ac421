"""The example that a newcomer copies is one that the settings take."""

from __future__ import annotations

from pathlib import Path

from workers.configuration.settings import SettingsSchema, load

LINES = (Path(__file__).parents[3] / ".env.example").read_text(encoding="utf-8").splitlines()
# A setting that is commented out has no space behind its #, prose has.
PAIRS = dict(
    line.lstrip("#").split("=", 1) for line in LINES if "=" in line and not line.startswith("# ")
)


def test_every_name_in_it_is_a_known_setting() -> None:
    assert set(PAIRS) - set(SettingsSchema().fields) == set()


def test_it_is_sound_once_the_blanks_are_filled_in() -> None:
    filled = {name: value or "filled-in" for name, value in PAIRS.items()}

    (store,) = load(filled).stores

    assert (store.name, store.app_token) == ("filled-in", "filled-in")


def test_it_holds_no_key_and_no_token() -> None:
    assert (PAIRS["VTEX_APP_KEY"], PAIRS["VTEX_APP_TOKEN"]) == ("", "")
