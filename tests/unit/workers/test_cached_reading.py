"""A reading that many ask for is taken by one, and waited for by nobody for long."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from workers.monitoring.cached_reading import CachedReading, NotInTime


def test_of_many_that_ask_at_once_one_reads() -> None:
    asked, go_on = [], threading.Event()

    def read() -> int:
        asked.append(1)
        go_on.wait(10)
        return 42

    reading = CachedReading(read, seconds=60)
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(reading) for _ in range(8)]
        go_on.set()

        assert [answer.result(10) for answer in answers] == [42] * 8
    assert len(asked) == 1


def test_one_that_takes_too_long_is_not_waited_for_and_not_begun_again() -> None:
    asked, go_on = [], threading.Event()

    def read() -> int:
        asked.append(1)
        go_on.wait(10)
        return 42

    reading = CachedReading(read, seconds=60, patience=0.01)
    for _ in range(3):
        with pytest.raises(NotInTime):
            reading()
    go_on.set()
    patient = CachedReading(read, seconds=60)

    assert patient() == 42
    assert len(asked) == 2


def test_what_went_wrong_is_told_to_all_who_ask_meanwhile() -> None:
    asked = []

    def read() -> int:
        asked.append(1)
        raise ConnectionError("away")

    reading = CachedReading(read, seconds=60)
    for _ in range(3):
        with pytest.raises(ConnectionError):
            reading()

    assert len(asked) == 1


def test_an_old_one_is_taken_anew() -> None:
    numbers = iter(range(10))
    reading = CachedReading(lambda: next(numbers), seconds=0)

    assert [reading(), reading(), reading()] == [0, 1, 2]


def test_one_that_took_long_is_kept_for_longer() -> None:
    numbers = iter(range(10))
    reading = CachedReading(lambda: next(numbers), seconds=0, share=1e-12)

    assert [reading(), reading(), reading()] == [0, 0, 0]
