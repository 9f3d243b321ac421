"""Messages by Apprise to a real webhook: taken or not, said why, and never with a secret."""

from __future__ import annotations

import io
import logging
import socket
import time
from collections.abc import Iterator

import pytest

from support.webhook import PASSWORD, Webhook, webhook
from tasks.alerts.delivery import AlertMessage, Severity
from workers import log
from workers.notifier import AppriseNotifier

NEWS = AlertMessage(
    "acme: 3 jobs set aside: no *such* <b>SKU</b>", "since noon\nnext: check", Severity.FIRING
)


@pytest.fixture
def there() -> Iterator[Webhook]:
    with webhook() as made:
        yield made


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """All that is logged at the most talkative level."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in log.NOISY}
    log.set_up("DEBUG")
    handler, stream = root.handlers[0], io.StringIO()
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    for name, one in levels.items():
        logging.getLogger(name).setLevel(one)


def test_a_message_comes_as_it_was_written(there: Webhook) -> None:
    notifier = AppriseNotifier([there.url])

    assert notifier.send("1 json", NEWS) is None

    (got,) = there.got
    assert (got["title"], got["message"], got["type"]) == (NEWS.title, NEWS.body, "failure")


@pytest.mark.parametrize(("status", "words"), [(401, "it answered 401"), (500, "it answered 500")])
def test_a_service_that_refuses_is_told_by_its_status(
    there: Webhook, logged: io.StringIO, status: int, words: str
) -> None:
    there.status = status

    assert AppriseNotifier([there.url]).send("1 json", NEWS) == words
    assert PASSWORD not in logged.getvalue()


def test_nobody_there_is_told_without_the_address(logged: io.StringIO) -> None:
    notifier = AppriseNotifier([f"json://erp:{PASSWORD}@127.0.0.1:1/{PASSWORD}"])

    assert notifier.send("1 json", NEWS) == "it does not answer"
    assert PASSWORD not in logged.getvalue()


def test_a_service_that_takes_the_call_and_says_nothing_is_given_up_on() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"json://127.0.0.1:{silent.getsockname()[1]}/?rto=0.2"
        began = time.monotonic()

        fault = AppriseNotifier([url]).send("1 json", NEWS)

    assert fault == "it does not answer"
    assert time.monotonic() - began < 4


@pytest.mark.parametrize(
    "url",
    [
        f"jsn://{PASSWORD}",
        f"slack://{PASSWORD}",
        f"mailto://user:{PASSWORD}",
        f"json://:{PASSWORD}@",
    ],
)
def test_a_url_that_makes_no_service_is_named_by_its_number(logged: io.StringIO, url: str) -> None:
    notifier = AppriseNotifier(["json://127.0.0.1:1", url])

    (wrong,) = notifier.wrong()

    assert wrong.startswith("2")
    assert "ALERT_URLS" in str(notifier.send(wrong, NEWS))
    assert PASSWORD not in wrong + str(notifier.receivers) + logged.getvalue()


def test_an_e_mail_goes_to_a_real_address_form() -> None:
    urls = [
        "mailtos://user:PASSWORD@example.com?to=shop@example.com",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
    ]

    assert AppriseNotifier(urls).wrong() == []
