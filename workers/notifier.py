"""Messages to people, by Apprise: a URL each, whatever the service.

Such a URL holds a token or a password. Apprise's own log quotes parts of it, so that its lines go
nowhere but to us, who take from them why a message was not taken.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType
from apprise.plugins.base import NotifyBase

from tasks.alerts.delivery import Message, Severity

_SERVICE = re.compile(r"([a-z][a-z0-9]{1,15})://\S", re.IGNORECASE)
_STATUS = re.compile(r"error=(\d{3})\b")
_TYPES = {
    Severity.FIRING: NotifyType.FAILURE,
    Severity.RESOLVED: NotifyType.SUCCESS,
    Severity.TEST: NotifyType.INFO,
}
_ASSET = AppriseAsset(
    app_id="vtex-erp",
    app_desc="orders of VTEX to the ERP",
    app_url="",
    image_url_mask="",
    image_url_logo="",
    async_mode=False,
    secure_logging=True,
)


class _Heard(logging.Handler):
    """What Apprise logs while a message is sent."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line; it is written nowhere."""
        self.lines.append(record.getMessage())


_log = logging.getLogger("apprise")
_log.propagate = False
_log.setLevel(logging.WARNING)
_log.handlers[:] = [logging.NullHandler()]
_one_at_a_time = threading.Lock()


@contextmanager
def _heard() -> Iterator[list[str]]:
    handler = _Heard()
    with _one_at_a_time:
        _log.addHandler(handler)
        try:
            yield handler.lines
        finally:
            _log.removeHandler(handler)


def urls_of(text: str) -> tuple[str, ...]:
    """Return the URLs of a setting: parted by spaces or lines."""
    return tuple(text.split())


def name_of(number: int, url: str) -> str:
    """Return what a receiver is called: its number and its service, none of its secrets."""
    service = _SERVICE.match(url)
    return f"{number} {service[1].lower()}" if service else str(number)


class AppriseNotifier:
    """Sends to each URL; see ``tasks.alerts.delivery.Notifier``. Safe across threads."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = {name_of(number, url): url for number, url in enumerate(urls, start=1)}

    @property
    def receivers(self) -> Sequence[str]:
        """Their names; they tell no secret."""
        return tuple(self._urls)

    def wrong(self) -> list[str]:
        """Return the receivers whose URL no service can be made of."""
        with _heard():
            return [name for name, url in self._urls.items() if _service(url) is None]

    def send(self, receiver: str, message: Message) -> str | None:
        """Send to one receiver, with Apprise's time-outs of four seconds each.

        They are longer where the URL says so: ``?cto=10&rto=10``.
        """
        with _heard() as lines:
            service = _service(self._urls[receiver])
            if service is None:
                return "its URL in ALERT_URLS is none that Apprise knows"
            to = Apprise(asset=_ASSET)
            to.add(service)
            taken = to.notify(
                message.body,
                title=message.title,
                notify_type=_TYPES[message.severity],
                body_format=NotifyFormat.TEXT,
            )
            return None if taken else _why(lines)


def _service(url: str) -> NotifyBase | None:
    return Apprise.instantiate(url, asset=_ASSET)


def _why(lines: Sequence[str]) -> str:
    """Return why a message was not taken, in words of our own: theirs may quote the URL."""
    text = "\n".join(lines)
    if status := _STATUS.search(text):
        return f"it answered {status[1]}"
    if "onnection" in text:
        return "it does not answer"
    return "it did not take the message"
