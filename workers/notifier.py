"""Send alerts to people through Apprise, with one URL for each receiver.

Such a URL holds a token or a password, and Apprise's log lines quote parts of it. So this module
keeps these lines out of the log. It only reads from them why a message failed.
"""

import logging
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType
from apprise.plugins.base import NotifyBase

from tasks.alerts.delivery import AlertMessage, Severity

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


class _CapturedLines(logging.Handler):
    """Holds the lines that Apprise logs while a message is sent."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line in memory only."""
        self.lines.append(record.getMessage())


_log = logging.getLogger("apprise")
_log.propagate = False
_log.setLevel(logging.WARNING)
_log.handlers[:] = [logging.NullHandler()]
_one_message_at_a_time = threading.Lock()


@contextmanager
def _captured_lines() -> Iterator[list[str]]:
    handler = _CapturedLines()
    with _one_message_at_a_time:
        _log.addHandler(handler)
        try:
            yield handler.lines
        finally:
            _log.removeHandler(handler)


def name_of(number: int, url: str) -> str:
    """Return a receiver's name: its number and its service, without the secrets of its URL."""
    service = _SERVICE.match(url)
    return f"{number} {service[1].lower()}" if service else str(number)


class AppriseNotifier:
    """Sends to each URL, as ``tasks.alerts.delivery.Notifier`` asks. Safe across threads."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = {name_of(number, url): url for number, url in enumerate(urls, start=1)}

    @property
    def receivers(self) -> Sequence[str]:
        """Names of the receivers, without secrets."""
        return tuple(self._urls)

    def wrong(self) -> list[str]:
        """Return the receivers whose URL names a service that Apprise does not know."""
        with _captured_lines():
            return [name for name, url in self._urls.items() if _service(url) is None]

    def send(self, receiver: str, message: AlertMessage) -> str | None:
        """Send to one receiver, with Apprise's time-outs of four seconds each.

        The URL may set longer ones: ``?cto=10&rto=10``.

        Returns:
            Why it failed, None where the receiver took the message.
        """
        with _captured_lines() as lines:
            service = _service(self._urls[receiver])
            if service is None:
                return "Apprise does not know the service of its URL in ALERT_URLS"
            to = Apprise(asset=_ASSET)
            to.add(service)
            is_taken = to.notify(
                message.body,
                title=message.title,
                notify_type=_TYPES[message.severity],
                body_format=NotifyFormat.TEXT,
            )
            return None if is_taken else _why(lines)


def _service(url: str) -> NotifyBase | None:
    return Apprise.instantiate(url, asset=_ASSET)


def _why(lines: Sequence[str]) -> str:
    """Return why a message failed, in our own words: Apprise's lines may quote the URL."""
    text = "\n".join(lines)
    if status := _STATUS.search(text):
        return f"it answered {status[1]}"
    if "onnection" in text:
        return "it does not answer"
    return "it did not take the message"
