"""Every setting in one table, read from the environment once.

A value is looked for in ``NAME``; where that is unset, in the file that ``NAME_FILE`` names
(secrets mounted by Docker or systemd). One store is described by ``VTEX_*``; several by the TOML
file that ``STORES_FILE`` names::

    [stores.acme]
    app_key_file = "/run/secrets/acme_key"      # or app_key_env = "ACME_KEY"
    app_token_file = "/run/secrets/acme_token"  # or app_token_env = "ACME_TOKEN"
    allow_sum_mismatch = false
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import click
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from erp.codes import CodeMap
from tasks.alerts.model import Rule
from workers.configuration import code_map as codemaps
from workers.configuration.stores import (
    ACCOUNT,
    ADDRESS,
    CALLS,
    CREDENTIAL,
    INTAKE,
    PERCENT,
    ZONE,
    Quota,
    Store,
    Watch,
    content,
    groups_of,
    of_file,
)
from workers.configuration.urls import (
    alert_addresses,
    broker_address,
    erp_address,
    journal_address,
    ports,
    redis_address,
    traces_address,
)


class SettingsError(click.ClickException):
    """Settings that cannot be used; the message names each one and shows a right value."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Settings:
    """What a process needs to know, checked."""

    redis_url: str = field(repr=False)
    broker_url: str = field(repr=False)
    journal_url: str = field(repr=False)
    erp_url: str = field(repr=False)
    stores: tuple[Store, ...]
    codes: Mapping[str, CodeMap]
    order_list_interval_seconds: float
    order_list_fallback_interval_seconds: float
    feed_interval_seconds: float
    cancellation_poll_interval_seconds: float
    dispatch_interval_seconds: float
    lease_seconds: float
    max_orders_in_flight: int
    worker_threads: int
    max_crashes: int
    vtex_connect_timeout_seconds: float
    vtex_read_timeout_seconds: float
    log_level: str
    nfe_match: tuple[str, ...]
    nfe_production: bool
    nfe_embed: bool
    nfe_product_map: str | None
    retention_documents_days: int
    retention_timeline_days: int
    alert_urls: tuple[str, ...] = field(repr=False)
    alert_check_interval_seconds: float
    alert_pending_seconds: float
    alert_resolve_seconds: float
    alert_repeat_hours: float
    alert_vtex_silent_minutes: float
    alert_beat_silent_seconds: float
    alert_clock_skew_seconds: float
    alert_ignore: frozenset[str]
    timezone: str
    metrics_address: str
    metrics_port: range
    otel_exporter_otlp_endpoint: str | None = field(repr=False)

    def store(self, name: str) -> Store:
        """Return one store's settings.

        Raises:
            SettingsError: no such store is configured.
        """
        for store in self.stores:
            if store.name == name:
                return store
        known = ", ".join(one.name for one in self.stores) or "none"
        raise SettingsError(f"no store {name!r} is configured (known: {known})")


def _setting(
    kind: type[fields.Field[Any]], default: Any, example: str, text: str, **more: Any
) -> Any:
    secret = more.pop("secret", False)
    return kind(
        load_default=default,
        error_messages=dict.fromkeys(("invalid", "special"), _WRONG[kind])
        if kind in _WRONG
        else {},
        metadata={"example": example, "text": text, "secret": secret},
        **more,
    )


def _within(least: float, most: float) -> validate.Range:
    return validate.Range(min=least, max=most, error="must be from {min} to {max}")


_SECONDS = _within(0.2, 86_400)
_DAYS = validate.Range(min=0, max=36_500, error="must be from {min} to {max}; 0 for ever")
_IDENTITY = ("VTEX_ACCOUNT", "VTEX_APP_KEY", "VTEX_APP_TOKEN")
_PER_STORE = ("VTEX_BASE_URL", "VTEX_PAYMENTS_URL", "ALLOW_SUM_MISMATCH", "VTEX_INTAKE")
_WRONG = {
    fields.Float: "is not a number",
    fields.Integer: "is not a whole number",
    fields.Boolean: "is neither true nor false",
}


def rules_of(text: str) -> frozenset[str]:
    """Return the alerts' rules that are named, as in ``missing_orders,clock_skew``.

    Raises:
        ValidationError: the rest of a sentence that begins with the value.
    """
    found = frozenset(one.strip() for one in text.split(",")) - {""}
    if found - {*Rule}:
        raise ValidationError(f"names something else than {', '.join(Rule)}")
    return found


class SettingsSchema(Schema):
    """The table: name, type, default, range, example, sentence, secret or not."""

    class Meta:
        """The environment holds much that is not ours."""

        unknown = EXCLUDE

    REDIS_URL = _setting(
        fields.String, "redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0",
        "The cluster's locks and rate limits, and its messages unless BROKER_URL names another "
        "broker; redis:// or rediss:// (TLS). Redis 6.2 or later, or Valkey.",
        secret=True,
        validate=redis_address,
    )  # fmt: skip
    BROKER_URL = _setting(
        fields.String, None, "amqp://erp:PASSWORD@rabbit.internal/erp",
        "What carries the messages, where it is not REDIS_URL: RabbitMQ 3.10 or later by amqp:// "
        "or amqps:// (TLS), or another Redis (brokers.md).",
        secret=True,
        validate=broker_address,
    )  # fmt: skip
    JOURNAL_URL = _setting(
        fields.String, "sqlite:///var/journal.db", "postgresql://erp@db.internal/journal",
        "Where every order and job stands: SQLite on one machine, PostgreSQL for a cluster.",
        secret=True,
        validate=journal_address,
    )  # fmt: skip
    ERP_URL = _setting(
        fields.String, "sqlite:///var/erp.db", "postgresql://vtex@erp.internal/erp",
        "The ERP; the scheme names the adapter (sqlite, postgresql, mariadb, mysql, tryton, odoo, "
        "rest, or your own).",
        secret=True,
        validate=erp_address,
    )  # fmt: skip
    ERP_CODE_MAP_FILE = _setting(
        fields.String, None, "/etc/vtex-erp/map.toml",
        "TOML file of what payments, carriers, channels, SKUs, branches and the like are called in "
        "the ERP (erp/mapping.md).",
    )  # fmt: skip
    STORES_FILE = _setting(
        fields.String, None, "/etc/vtex-erp/stores.toml", "TOML file that describes many stores."
    )
    VTEX_ACCOUNT = _setting(
        fields.String, None, "acme", "Account name of the one store.",
        validate=ACCOUNT,
    )  # fmt: skip
    VTEX_APP_KEY = _setting(
        fields.String,
        None,
        "vtexappkey-acme-QWERTY",
        "Its application key.",
        secret=True,
        validate=CREDENTIAL,
    )
    VTEX_APP_TOKEN = _setting(
        fields.String, None, "the token shown once at creation", "Its application token.",
        secret=True, validate=CREDENTIAL,
    )  # fmt: skip
    VTEX_BASE_URL = _setting(
        fields.String, None, "https://acme.vtexcommercestable.com.br",
        "Orders host; needed only for the simulator or a proxy.", validate=ADDRESS,
    )  # fmt: skip
    VTEX_PAYMENTS_URL = _setting(
        fields.String, None, "https://acme.vtexpayments.com.br",
        "Payments host; needed only for the simulator or a proxy.", validate=ADDRESS,
    )  # fmt: skip
    ALLOW_SUM_MISMATCH = _setting(
        fields.Boolean, False, "false",
        "Let orders whose sums do not add up into the ERP, flagged, instead of holding them.",
    )  # fmt: skip
    VTEX_INTAKE = _setting(
        fields.String, "list", "both",
        "How orders come in: list; feed, once vtex-erp feed setup was called; or both, the better "
        "choice (feed.md).",
        validate=INTAKE,
    )  # fmt: skip
    VTEX_QUOTA_PER_MINUTE = _setting(
        fields.Integer, 6000, "500",
        "Calls a minute that VTEX takes of a store, all its integrations together; 0: no limit.",
        validate=CALLS,
    )  # fmt: skip
    VTEX_QUOTA_SHARE_PERCENT = _setting(
        fields.Integer, 80, "80",
        "Percent of them that the workers take; the rest is for the shop's other integrations.",
        validate=PERCENT,
    )  # fmt: skip
    VTEX_QUOTA_GROUPS = _setting(
        fields.String, None, "list=600,payments=1200",
        "Quotas of groups of routes that have one of their own: list, order, payments, writes.",
        validate=groups_of,
    )  # fmt: skip
    VTEX_QUOTA_LOCAL_PERCENT = _setting(
        fields.Integer, 10, "10",
        "Percent of the workers' share that each process takes for itself while Redis is away.",
        validate=PERCENT,
    )  # fmt: skip
    ORDER_LIST_INTERVAL_SECONDS = _setting(
        fields.Float, 60.0, "60", "Seconds between two listings of a store.", validate=_SECONDS
    )
    ORDER_LIST_FALLBACK_INTERVAL_SECONDS = _setting(
        fields.Float, 600.0, "600",
        "Seconds between two listings of a store of intake both, while its feed works.",
        validate=_SECONDS,
    )  # fmt: skip
    FEED_INTERVAL_SECONDS = _setting(
        fields.Float, 5.0, "5", "Seconds between two readings of a store's feed.",
        validate=_SECONDS,
    )  # fmt: skip
    CANCELLATION_POLL_INTERVAL_SECONDS = _setting(
        fields.Float, 600.0, "600",
        "Seconds between two looks into VTEX's list for cancellations asked for; six times as long "
        "for those that are done (changes.md).",
        validate=_SECONDS,
    )  # fmt: skip
    DISPATCH_INTERVAL_SECONDS = _setting(
        fields.Float, 2.0, "2", "Seconds between two sweeps of the journal.", validate=_SECONDS
    )
    LEASE_SECONDS = _setting(
        fields.Float, 45.0, "45",
        "How long a step may take before its job is given to another worker.",
        validate=_within(1, 3600),
    )  # fmt: skip
    MAX_ORDERS_IN_FLIGHT = _setting(
        fields.Integer, 500, "500", "Orders of a store that are under way at once, at most.",
        validate=_within(1, 100_000),
    )  # fmt: skip
    WORKER_THREADS = _setting(
        fields.Integer, 16, "16", "Threads of a worker process.",
        validate=_within(1, 256),
    )  # fmt: skip
    MAX_CRASHES = _setting(
        fields.Integer, 3, "3", "Worker deaths in one step after which an order is set aside.",
        validate=_within(1, 100),
    )  # fmt: skip
    VTEX_CONNECT_TIMEOUT_SECONDS = _setting(
        fields.Float, 5.0, "5", "Time-out of connecting to VTEX.", validate=_SECONDS
    )
    VTEX_READ_TIMEOUT_SECONDS = _setting(
        fields.Float, 20.0, "20", "Time-out of an answer of VTEX.", validate=_SECONDS
    )
    NFE_MATCH = _setting(
        fields.String, "ref_id,ean,map,sku_id", "ref_id,map",
        "Keys by which the lines of an NF-e find the order's items, in turn.",
        validate=validate.Regexp(
            r"^(ref_id|ean|map|sku_id)(,(ref_id|ean|map|sku_id))*$",
            error="names something else than ref_id, ean, map, sku_id",
        ),
    )  # fmt: skip
    NFE_PRODUCTION = _setting(
        fields.Boolean, True, "true", "Refuse NF-e of SEFAZ's test environment.",
    )  # fmt: skip
    NFE_EMBED = _setting(
        fields.Boolean, False, "false", "Send the XML of an NF-e to VTEX, exactly as received.",
    )  # fmt: skip
    NFE_PRODUCT_MAP = _setting(
        fields.String, None, "/etc/vtex-erp/products.csv",
        "CSV of ERP code, SKU id, and units of it in one unit of the ERP.",
    )  # fmt: skip
    RETENTION_DOCUMENTS_DAYS = _setting(
        fields.Integer, 30, "90",
        "Days for which the journal keeps VTEX's documents and what the ERP asked for, after all "
        "of an order has ended; 0: for ever.",
        validate=_DAYS,
    )  # fmt: skip
    RETENTION_TIMELINE_DAYS = _setting(
        fields.Integer, 365, "730",
        "Days for which it keeps an order's timeline, counted in the same way; 0: for ever.",
        validate=_DAYS,
    )  # fmt: skip
    ALERT_URLS = _setting(
        fields.String, None, "slack://TOKEN_A/TOKEN_B/TOKEN_C mailtos://user:PASSWORD@example.com",
        "Who is told of alerts: Apprise URLs, parted by spaces or lines (alerts.md).",
        secret=True,
        validate=alert_addresses,
    )  # fmt: skip
    ALERT_CHECK_INTERVAL_SECONDS = _setting(
        fields.Float, 60.0, "60", "Seconds between two looks for what is wrong.",
        validate=_SECONDS,
    )  # fmt: skip
    ALERT_PENDING_SECONDS = _setting(
        fields.Float, 120.0, "120",
        "How long something has to be wrong before an alert is sent, where its rule has no longer "
        "time of its own.",
        validate=_within(0, 86_400),
    )  # fmt: skip
    ALERT_RESOLVE_SECONDS = _setting(
        fields.Float, 300.0, "300", "How long it has to be well again before that is told.",
        validate=_within(0, 86_400),
    )  # fmt: skip
    ALERT_REPEAT_HOURS = _setting(
        fields.Float, 4.0, "24", "Hours between two messages of an alert that lasts.",
        validate=_within(0.01, 8760),
    )  # fmt: skip
    ALERT_WAITING_MINUTES = _setting(
        fields.Float, 30.0, "30", "Minutes for which the oldest order, or request, may wait.",
        validate=_within(0.01, 525_600),
    )  # fmt: skip
    ALERT_MISSING_ORDERS = _setting(
        fields.Float, 15.0, "15",
        "Orders that a store's own rhythm would have brought since the last one, after which its "
        "silence is told; 0: never.",
        validate=_within(0, 100_000),
    )  # fmt: skip
    ALERT_VTEX_SILENT_MINUTES = _setting(
        fields.Float, 15.0, "15", "Minutes for which VTEX may tell of no orders, new or not.",
        validate=_within(0.01, 525_600),
    )  # fmt: skip
    ALERT_BEAT_SILENT_SECONDS = _setting(
        fields.Float, 300.0, "300",
        "Seconds without a look for alerts after which a worker tells that the schedule stands "
        "still; more than two of ALERT_CHECK_INTERVAL_SECONDS.",
        validate=_SECONDS,
    )  # fmt: skip
    ALERT_CLOCK_SKEW_SECONDS = _setting(
        fields.Float, 5.0, "5", "Seconds by which a worker's clock may differ from the journal's.",
        validate=_within(1, 86_400),
    )  # fmt: skip
    ALERT_IGNORE = _setting(
        fields.String, None, "missing_orders,clock_skew",
        "Rules that are not looked at, by their names (alerts.md).",
        validate=rules_of,
    )  # fmt: skip
    TIMEZONE = _setting(
        fields.String, "America/Sao_Paulo", "America/Manaus",
        "Time zone of the stores, in which a rhythm is learnt and alerts tell the time.",
        validate=ZONE,
    )  # fmt: skip
    METRICS_PORT = _setting(
        fields.String, None, "9540-9549",
        "Port at which a worker, a beat and vtex-erp metrics each serve /metrics, /livez and "
        "/readyz (metrics.md): one, or a range of which each process takes the first that is free; "
        "unset: none.",
        validate=ports,
    )  # fmt: skip
    METRICS_ADDRESS = _setting(
        fields.String, "127.0.0.1", "0.0.0.0",  # noqa: S104  # an example
        "Address at which they serve it; no password is asked for.",
        validate=validate.Regexp(r"^[\w.:%-]+$", error="is neither an address nor a name"),
    )  # fmt: skip
    OTEL_EXPORTER_OTLP_ENDPOINT = _setting(
        fields.String, None, "http://tempo.internal:4318",
        "Where traces go, by OTLP over HTTP; needs the extra otel. OpenTelemetry's other variables "
        "count too (metrics.md). Unset: none.",
        secret=True,
        validate=traces_address,
    )  # fmt: skip
    LOG_LEVEL = _setting(
        fields.String, "INFO", "INFO", "DEBUG, INFO, WARNING or ERROR.",
        validate=validate.OneOf(
            ["DEBUG", "INFO", "WARNING", "ERROR"], error="must be one of {choices}"
        ),
    )  # fmt: skip


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings of this process.

    Raises:
        SettingsError: with every fault there is, one a line.
    """
    environ = os.environ if environ is None else environ
    schema = SettingsSchema()
    faults: list[str] = []
    given, unread = _given(schema, environ, faults)
    table = _table(schema, given, faults)
    stores = _stores(table, environ, set(given) | unread, faults)
    names = [one.name for one in stores]
    codes = codemaps.of_file(table["ERP_CODE_MAP_FILE"], names, table["ERP_URL"], faults)
    if faults:
        raise SettingsError("\n".join(faults))
    return Settings(
        redis_url=table["REDIS_URL"],
        broker_url=table["BROKER_URL"] or table["REDIS_URL"],
        journal_url=table["JOURNAL_URL"],
        erp_url=table["ERP_URL"],
        stores=stores,
        codes=codes,
        order_list_interval_seconds=table["ORDER_LIST_INTERVAL_SECONDS"],
        order_list_fallback_interval_seconds=table["ORDER_LIST_FALLBACK_INTERVAL_SECONDS"],
        feed_interval_seconds=table["FEED_INTERVAL_SECONDS"],
        cancellation_poll_interval_seconds=table["CANCELLATION_POLL_INTERVAL_SECONDS"],
        dispatch_interval_seconds=table["DISPATCH_INTERVAL_SECONDS"],
        lease_seconds=table["LEASE_SECONDS"],
        max_orders_in_flight=table["MAX_ORDERS_IN_FLIGHT"],
        worker_threads=table["WORKER_THREADS"],
        max_crashes=table["MAX_CRASHES"],
        vtex_connect_timeout_seconds=table["VTEX_CONNECT_TIMEOUT_SECONDS"],
        vtex_read_timeout_seconds=table["VTEX_READ_TIMEOUT_SECONDS"],
        log_level=table["LOG_LEVEL"],
        nfe_match=tuple(table["NFE_MATCH"].split(",")),
        nfe_production=table["NFE_PRODUCTION"],
        nfe_embed=table["NFE_EMBED"],
        nfe_product_map=table["NFE_PRODUCT_MAP"],
        retention_documents_days=table["RETENTION_DOCUMENTS_DAYS"],
        retention_timeline_days=table["RETENTION_TIMELINE_DAYS"],
        alert_urls=tuple((table["ALERT_URLS"] or "").split()),
        alert_check_interval_seconds=table["ALERT_CHECK_INTERVAL_SECONDS"],
        alert_pending_seconds=table["ALERT_PENDING_SECONDS"],
        alert_resolve_seconds=table["ALERT_RESOLVE_SECONDS"],
        alert_repeat_hours=table["ALERT_REPEAT_HOURS"],
        alert_vtex_silent_minutes=table["ALERT_VTEX_SILENT_MINUTES"],
        alert_beat_silent_seconds=max(
            table["ALERT_BEAT_SILENT_SECONDS"], 2 * table["ALERT_CHECK_INTERVAL_SECONDS"]
        ),
        alert_clock_skew_seconds=table["ALERT_CLOCK_SKEW_SECONDS"],
        alert_ignore=rules_of(table["ALERT_IGNORE"] or ""),
        timezone=table["TIMEZONE"],
        metrics_address=table["METRICS_ADDRESS"],
        metrics_port=ports(table["METRICS_PORT"] or ""),
        otel_exporter_otlp_endpoint=table["OTEL_EXPORTER_OTLP_ENDPOINT"],
    )


def _given(
    schema: Schema, environ: Mapping[str, str], faults: list[str]
) -> tuple[dict[str, str], set[str]]:
    given, unread = {}, set()
    for name in schema.fields:
        value = environ.get(name, "").strip()
        path = environ.get(f"{name}_FILE", "").strip()
        if not value and path and name != "STORES_FILE":
            value = content(f"{name}_FILE", path, faults)
            if not value:
                unread.add(name)
        if value:
            given[name] = value
    return given, unread


def _table(schema: Schema, given: Mapping[str, str], faults: list[str]) -> dict[str, Any]:
    wrong = schema.validate(given)
    for name, words in wrong.items():
        faults.append(_fault(schema, name, given[name], " ".join(words)))
    # The defaults stand in for what is wrong, so that the rest can be looked at too.
    table: dict[str, Any] = schema.load({k: v for k, v in given.items() if k not in wrong})
    return table


def _fault(schema: Schema, name: str, value: str, words: str) -> str:
    about = schema.fields[name].metadata
    shown = "the value (not shown)" if about["secret"] else repr(value)
    return f"{name}: {shown} {words.rstrip('.')}. For example {name}={about['example']}"


def _stores(
    table: Mapping[str, Any], environ: Mapping[str, str], named: set[str], faults: list[str]
) -> tuple[Store, ...]:
    quota = Quota(
        table["VTEX_QUOTA_PER_MINUTE"], table["VTEX_QUOTA_SHARE_PERCENT"],
        table["VTEX_QUOTA_LOCAL_PERCENT"],
        groups_of(table["VTEX_QUOTA_GROUPS"]) if table["VTEX_QUOTA_GROUPS"] else {},
    )  # fmt: skip
    watch = Watch(table["TIMEZONE"], table["ALERT_MISSING_ORDERS"], table["ALERT_WAITING_MINUTES"])
    if "STORES_FILE" in named:
        if doubled := [name for name in (*_IDENTITY, *_PER_STORE) if name in named]:
            faults.append(
                f"STORES_FILE: is set, and so is {', '.join(doubled)}: unset the one or the other; "
                "with a file, what belongs to a store stands in its table"
            )
        return of_file(table["STORES_FILE"], environ, quota, watch, faults)
    if not named & set(_IDENTITY):
        return ()
    for name in _IDENTITY:
        if name not in named:
            example = SettingsSchema().fields[name].metadata["example"]
            faults.append(
                f"{name}: is not set, though others of VTEX_* are. For example {name}={example}"
            )
    return (
        Store(
            name=table["VTEX_ACCOUNT"] or "",
            app_key=table["VTEX_APP_KEY"] or "",
            app_token=table["VTEX_APP_TOKEN"] or "",
            base_url=table["VTEX_BASE_URL"],
            payments_url=table["VTEX_PAYMENTS_URL"],
            allow_sum_mismatch=table["ALLOW_SUM_MISMATCH"],
            intake=table["VTEX_INTAKE"],
            quota=quota,
            watch=watch,
        ),
    )
