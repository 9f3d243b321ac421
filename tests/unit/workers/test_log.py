"""A log line is one JSON object with facts from a list, never with a person or a secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery

from workers import log

PERSON = "ana.prado@example.com"


@pytest.fixture
def lines() -> Iterator[Lines]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in log.NOISY}
    log.set_up("INFO")
    made = Lines()
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(made.stream)
    yield made
    root.handlers[:] = before
    root.setLevel(level)
    for name, value in levels.items():
        logging.getLogger(name).setLevel(value)


class Lines:
    """What was written."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def only(self) -> dict[str, Any]:
        (line,) = self.text.splitlines()
        return dict(json.loads(line))


def test_a_record_is_one_json_object_on_one_line(lines: Lines) -> None:
    logging.getLogger("tasks.intake.orders").info("first\nsecond %s", "ção")

    line = lines.only()
    assert line["message"] == "first\nsecond ção"
    assert (line["level"], line["logger"]) == ("INFO", "tasks.intake.orders")
    assert line["at"].endswith("+00:00")


def test_facts_from_the_list_are_written_and_nothing_else(lines: Lines) -> None:
    facts = {name: name for name in log.LOG_FIELDS}

    logging.getLogger("tasks").info("inserted", extra=facts | {"document": PERSON, "email": PERSON})

    line = lines.only()
    assert {name: line[name] for name in log.LOG_FIELDS} == facts
    assert set(line) == {"at", "level", "logger", "message", *log.LOG_FIELDS}


def test_numbers_stay_numbers(lines: Lines) -> None:
    logging.getLogger("tasks").info("listed", extra={"count": 3, "attempt": 2, "stage": None})

    line = lines.only()
    assert (line["count"], line["attempt"], line["stage"]) == (3, 2, None)


def test_the_message_of_an_exception_is_never_written(lines: Lines) -> None:
    try:
        try:
            raise KeyError(PERSON)
        except KeyError as error:
            raise ValueError(f"no {PERSON}") from error
    except ValueError:
        logging.getLogger("tasks").exception("unforeseen error")

    line = lines.only()
    assert PERSON not in lines.text
    assert line["error"] == "ValueError"
    assert "test_log.py" in line["trace"][0]


@pytest.mark.parametrize("form", ["%s", "%r"])
def test_an_exception_as_an_argument_or_a_fact_is_told_by_its_name(lines: Lines, form: str) -> None:
    error = ValueError(PERSON)

    logging.getLogger("kombu").warning(f"lost: {form}", error, extra={"reason": error})
    logging.getLogger("kombu").warning(error)

    assert PERSON not in lines.text
    assert lines.text.count("ValueError") == 3


def test_an_exceptions_words_in_the_message_are_taken_out(lines: Lines) -> None:
    try:
        raise ValueError(PERSON)
    except ValueError as error:
        words = (str(error), repr(error))
        for word in words:
            logging.getLogger("other").error("failed: %s", word, exc_info=True)
        logging.getLogger("other").error(f"failed: {words[1]}", exc_info=True)

    assert PERSON not in lines.text
    assert lines.text.count('"message": "failed: ValueError"') == 3


def test_what_celery_says_of_a_task_that_fails_names_no_person(lines: Lines) -> None:
    app = Celery("test", set_as_current=False)

    @app.task(name="test.fails")
    def fails() -> None:
        raise LookupError(PERSON)

    fails.apply()

    assert "test.fails" in lines.only()["message"]
    assert lines.only()["error"] == "LookupError"
    assert PERSON not in lines.text


def test_an_exception_without_a_traceback_is_named(lines: Lines) -> None:
    logging.getLogger("tasks").error("failed", exc_info=ValueError(PERSON))

    assert lines.only()["error"] == "ValueError"
    assert PERSON not in lines.text


def test_a_password_in_an_address_is_never_written(lines: Lines) -> None:
    url = "redis://:s3cret@cache/0"

    logging.getLogger("kombu").warning("cannot reach %s", url, extra={"reason": f"at {url}"})

    assert "s3cret" not in lines.text
    assert lines.only()["message"] == "cannot reach redis://:***@cache/0"


def test_arguments_that_do_not_fit_are_left_out() -> None:
    record = logging.LogRecord("other", logging.INFO, "x.py", 1, "%d orders of %s", (PERSON,), None)

    line = json.loads(log.JsonLines().format(record))

    assert line["message"] == "%d orders of %s"


def test_celerys_line_a_step_is_left_out(lines: Lines) -> None:
    for name in log.NOISY:
        logging.getLogger(name).info("received")

    assert lines.text == ""
