"""Whether a sign is silent, for one who may have been asleep."""

from __future__ import annotations

from workers.monitoring.watchdog import Silence


def looks(silence: Silence, sign: object, times: list[tuple[float, float]]) -> list[float]:
    return [silence.seconds(sign, clock, wall) for clock, wall in times]


def test_a_sign_that_stays_the_same_is_silent_from_the_first_look_on() -> None:
    silence = Silence(longest_gap=45)

    assert looks(silence, "10:00", [(100, 900), (115, 915), (130, 930)]) == [0, 15, 30]


def test_a_new_sign_begins_anew() -> None:
    silence = Silence(longest_gap=45)
    looks(silence, "10:00", [(100, 900), (115, 915)])

    assert looks(silence, "10:01", [(130, 930), (145, 945)]) == [0, 15]


def test_who_was_stopped_for_an_hour_has_seen_no_silence() -> None:
    silence = Silence(longest_gap=45)
    looks(silence, "10:00", [(100, 900), (115, 915)])

    assert looks(silence, "10:00", [(3715, 4515), (3730, 4530)]) == [0, 15]


def test_who_slept_while_its_clock_stood_still_has_seen_none_either() -> None:
    silence = Silence(longest_gap=45)
    looks(silence, "10:00", [(100, 900), (115, 915)])

    assert looks(silence, "10:00", [(130, 4530), (145, 4545)]) == [0, 15]
