"""Checks of the servers' URLs in the settings."""

import re
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from urllib.parse import SplitResult, urlsplit

from marshmallow import ValidationError

from foundation.messages import settings as messages

DRIVERS = {
    "sqlite": ("", "pysqlite"),
    "postgres": ("",),
    "postgresql": ("", "psycopg"),
    "mysql": ("", "pymysql"),
    "mariadb": ("", "pymysql"),
}
"""Supported databases, each with the drivers that are installed with this package."""

_REDIS = ("redis://", "rediss://")
_RABBITMQ = ("amqp://", "amqps://")


def adapters() -> dict[str, EntryPoint]:
    """Return the ERP adapters that are installed, by the scheme of their URLs."""
    return {adapter.name: adapter for adapter in entry_points(group="vtex_erp.adapters")}


def adapter_name(url: str) -> str:
    """Return the name of the adapter that a URL's scheme asks for."""
    scheme = _scheme(url)[0]
    return {"postgres": "postgresql"}.get(scheme, scheme)


def redis_address(url: str) -> None:
    """Check the URL of Redis.

    Raises:
        ValidationError: the rest of a sentence that begins with the value.
    """
    if not url.startswith(_REDIS):
        raise ValidationError(messages.NOT_REDIS())
    parts = _one_host(url)
    if not re.fullmatch(r"/?\d*", parts.path):
        raise ValidationError(messages.REDIS_DATABASE())


def broker_address(url: str) -> None:
    """Check the URL of the broker.

    Raises:
        ValidationError: the rest of a sentence that begins with the value.
    """
    if url.startswith(_RABBITMQ):
        _one_host(url)
    elif url.startswith(_REDIS):
        redis_address(url)
    else:
        raise ValidationError(messages.NOT_A_BROKER())


def is_rabbitmq(url: str) -> bool:
    """Return whether a broker's URL is one of RabbitMQ."""
    return url.startswith(_RABBITMQ)


def journal_address(url: str) -> None:
    """Check the journal's URL.

    Raises:
        ValidationError: the rest of a sentence that begins with the value.
    """
    if _scheme(url)[0] not in ("sqlite", "postgres", "postgresql"):
        raise ValidationError(messages.NOT_A_JOURNAL())
    _database(url)


def erp_address(url: str) -> None:
    """Check the ERP's URL. An adapter of another package checks its own part.

    Raises:
        ValidationError: the rest of a sentence that begins with the value.
    """
    if adapter_name(url) not in adapters():
        known = ", ".join(sorted(adapters()))
        raise ValidationError(messages.SCHEME_UNKNOWN(known=known))
    if _scheme(url)[0] in DRIVERS:
        _database(url)


def alert_addresses(text: str) -> tuple[str, ...]:
    """Return the URLs that a text lists. ``vtex-erp check`` checks the rest of each.

    Raises:
        ValidationError: the rest of a sentence that begins with the value.
    """
    for number, url in enumerate(text.split(), start=1):
        if not re.match(r"[A-Za-z][A-Za-z0-9]+://.", url):
            raise ValidationError(messages.NOT_A_RECEIVER(number=number))
    return tuple(text.split())


def _scheme(url: str) -> tuple[str, str]:
    name, _, driver = url.partition(":")[0].partition("+")
    return name, driver


def _database(url: str) -> None:
    name, driver = _scheme(url)
    if driver not in DRIVERS[name]:
        raise ValidationError(messages.DRIVER_MISSING(scheme=name))
    if name != "sqlite":
        parts = _server(url)
        if "@" in parts.path + parts.query:
            raise ValidationError(messages.DATABASE_UNREADABLE())
    elif not re.match(r"sqlite(\+pysqlite)?:///.", url):
        raise ValidationError(messages.SQLITE_FILE_MISSING())
    elif ":memory:" in url:
        raise ValidationError(messages.SQLITE_IN_MEMORY())


def _one_host(url: str) -> SplitResult:
    # kombu splits a URL at each ; into several brokers, also within a password.
    if ";" in url:
        raise ValidationError(messages.SEVERAL_BROKERS())
    parts = _server(url)
    if not parts.hostname:
        raise ValidationError(messages.HOST_MISSING())
    return parts


def _server(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        # urlsplit reads the port only now.
        readable = parts.port is None or parts.port > 0
    except ValueError:
        readable = False
    if not readable or parts.fragment or parts.netloc.count("@") > 1 or "://" not in url:
        raise ValidationError(messages.HOST_UNREADABLE())
    return parts


def ports(text: str) -> range:
    """Return the ports of a number or a range, as in 9540-9549. An empty text has an empty range.

    Raises:
        ValidationError: the rest of a sentence that begins with the value.
    """
    if not text:
        return range(0)
    match = re.fullmatch(r"(\d{1,5})(?:\s*-\s*(\d{1,5}))?", text, re.ASCII)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= first <= last <= 65_535:
        raise ValidationError(messages.NOT_PORTS())
    return range(first, last + 1)


def traces_address(url: str) -> None:
    """Check the URL for traces, and that OpenTelemetry is installed.

    Raises:
        ValidationError: the rest of a sentence that begins with the value.
    """
    if not re.match(r"https?://[^\s/]", url):
        raise ValidationError(messages.NOT_HTTP())
    try:
        version("opentelemetry-exporter-otlp-proto-http")
    except PackageNotFoundError:
        raise ValidationError(messages.TRACING_MISSING()) from None
