"""Every setting of a process, declared once and read from the environment.

The field ``order_list_interval_seconds`` is the variable ``ORDER_LIST_INTERVAL_SECONDS``. Where
``NAME`` is unset, the value is read from the file that ``NAME_FILE`` names, as secrets of Docker
and systemd are mounted. The settings of a store are declared in ``stores``: ``VTEX_*`` describes
one store, and the TOML file of ``STORES_FILE`` describes several::

    [stores.acme]
    app_key_file = "/run/secrets/acme_key"      # or app_key_env = "ACME_KEY"
    app_token_file = "/run/secrets/acme_token"  # or app_token_env = "ACME_TOKEN"
    allow_sum_mismatch = false
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import Schema, validate

from erp.codes import CodeMap
from erp.nfe.item_matching import MATCH, WEIGHT_TOLERANCE_PERCENT
from erp.nfe.rules import CHECKS, VNFTOT_FROM
from foundation.messages import settings as messages
from journal.model import Policy
from tasks.alerts.model import Rule
from tasks.retry_policy import RetryPolicy
from workers.configuration import code_map
from workers.configuration.declaration import (
    SettingsError,
    check,
    content,
    fields_of,
    one_of,
    setting,
    within,
)
from workers.configuration.nota_settings import cfops, day
from workers.configuration.stores import Store, of_file
from workers.configuration.urls import (
    alert_addresses,
    broker_address,
    erp_address,
    journal_address,
    ports,
    redis_address,
    traces_address,
)

_RETRIES, _STEPS = RetryPolicy(), Policy()
"""The defaults of the policies, which are declared there."""

_INTERVAL = within(0.2, 86_400)
_DAYS = within(0, 36_500, "; 0 for ever")
_HOST = validate.Regexp(r"^[\w.:%-]+$", error=messages.NOT_AN_ADDRESS())
_IDENTITY = ("VTEX_ACCOUNT", "VTEX_APP_KEY", "VTEX_APP_TOKEN")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a process, checked.

    Attributes:
        default_store: the settings of a store that leaves them out.
        codes: the map of ``ERP_CODE_MAP_FILE`` by store.
    """

    stores: tuple[Store, ...] = ()
    default_store: Store = field(default_factory=Store)
    codes: Mapping[str, CodeMap] = field(default_factory=dict)

    redis_url: str = setting(
        "redis://127.0.0.1:6379/0",
        "redis://127.0.0.1:6379/0",
        "Redis for the cluster's locks and rate limits, and for its messages unless BROKER_URL "
        "names another broker: redis:// or rediss:// (TLS), Redis 6.2 or later, or Valkey.",
        secret=True,
        validate=redis_address,
    )
    broker_url: str = setting(
        "",
        "amqp://erp:PASSWORD@rabbit.internal/erp",
        "Broker of the messages, if it is not REDIS_URL: RabbitMQ 3.10 or later by amqp:// or "
        "amqps:// (TLS), or another Redis (brokers.md).",
        secret=True,
        validate=broker_address,
    )
    journal_url: str = setting(
        "sqlite:///var/journal.db",
        "postgresql://erp@db.internal/journal",
        "Database of every order and job: SQLite on one machine, PostgreSQL for a cluster.",
        secret=True,
        validate=journal_address,
    )
    erp_url: str = setting(
        "sqlite:///var/erp.db",
        "postgresql://vtex@erp.internal/erp",
        "The ERP. The scheme names the adapter: sqlite, postgresql, mariadb, mysql, tryton, odoo, "
        "rest, or your own.",
        secret=True,
        validate=erp_address,
    )
    erp_code_map_file: str | None = setting(
        None,
        "/etc/vtex-erp/map.toml",
        "TOML file with the ERP's codes for payments, carriers, channels, SKUs, branches and more "
        "(erp/mapping.md).",
    )
    stores_file: str | None = setting(
        None, "/etc/vtex-erp/stores.toml", "TOML file that describes many stores."
    )
    order_list_interval_seconds: float = setting(
        60.0, "60", "Seconds between two listings of a store's orders.", validate=_INTERVAL
    )
    order_list_fallback_interval_seconds: float = setting(
        600.0,
        "600",
        "Seconds between two listings of a store of intake both while its feed works.",
        validate=_INTERVAL,
    )
    feed_interval_seconds: float = setting(
        5.0, "5", "Seconds between two polls of a store's feed.", validate=_INTERVAL
    )
    cancellation_poll_interval_seconds: float = setting(
        600.0,
        "600",
        "Seconds between two polls of VTEX's list for requested cancellations, and six times "
        "as many for finished ones (changes.md).",
        validate=_INTERVAL,
    )
    dispatch_interval_seconds: float = setting(
        2.0, "2", "Seconds between two sweeps of the journal.", validate=_INTERVAL
    )
    lease_seconds: float = setting(
        _STEPS.lease_seconds,
        "45",
        "Longest time of a step, in seconds. Another worker then takes the job.",
        validate=within(1, 3600),
    )
    max_orders_in_flight: int = setting(
        500,
        "500",
        "Most orders of a store that are in work at the same time.",
        validate=within(1, 100_000),
    )
    worker_threads: int = setting(16, "16", "Threads of a worker process.", validate=within(1, 256))
    max_crashes: int = setting(
        _STEPS.max_crashes,
        "3",
        "Worker deaths in one step after which its order is dead-lettered.",
        validate=within(1, 100),
    )
    retry_backoff_base_seconds: float = setting(
        _RETRIES.backoff_base_seconds,
        "2",
        "Longest wait after the first failure of a job. It doubles with each failure in a row.",
        validate=_INTERVAL,
    )
    retry_backoff_cap_seconds: float = setting(
        _RETRIES.backoff_cap_seconds,
        "300",
        "Longest wait after any failure of a job.",
        validate=_INTERVAL,
    )
    retry_max_failures: int = setting(
        _RETRIES.max_failures,
        "300",
        "Failures in a row after which a request of the ERP is dead-lettered.",
        validate=within(1, 100_000),
    )
    retry_max_unforeseen_failures: int = setting(
        _RETRIES.max_unforeseen_failures,
        "5",
        "Failures in a row after which a job with an unforeseen error is dead-lettered.",
        validate=within(1, 100_000),
    )
    retry_unauthorized_pause_seconds: float = setting(
        _RETRIES.unauthorized_pause_seconds,
        "60",
        "Pause of a store after VTEX refused its credentials. One call tries them after each.",
        validate=_INTERVAL,
    )
    retry_erp_down_seconds: float = setting(
        _STEPS.erp_pause_seconds,
        "10",
        "Wait between two tries of an ERP that is down.",
        validate=_INTERVAL,
    )
    retry_other_worker_seconds: float = setting(
        _RETRIES.other_worker_seconds,
        "5",
        "Wait of a job for a worker that knows its store, or a newer version of its request.",
        validate=_INTERVAL,
    )
    retry_newer_contract_patience_seconds: float = setting(
        _RETRIES.newer_contract_patience_seconds,
        "86400",
        "Age at which a request of a newer version is refused, for want of a worker that reads it.",
        validate=within(1, 30 * 86_400),
    )
    retry_change_patience_seconds: float = setting(
        _RETRIES.change_patience_seconds,
        "172800",
        "Longest wait of an invoice for the end of a change of its order, in seconds. Then it is "
        "dead-lettered for a decision (changes.md).",
        validate=within(1, 30 * 86_400),
    )
    retry_request_seconds: float = setting(
        _RETRIES.request_seconds,
        "20",
        "Wait of a request of the ERP in the broker while the journal does not respond.",
        validate=within(0.2, 200),
    )
    vtex_connect_timeout_seconds: float = setting(
        5.0, "5", "Time-out of a connection to VTEX.", validate=_INTERVAL
    )
    vtex_read_timeout_seconds: float = setting(
        20.0, "20", "Time-out of a response of VTEX.", validate=_INTERVAL
    )
    nfe_match: tuple[str, ...] = setting(
        MATCH,
        "ref_id,map",
        "Keys by which the lines of an NF-e find the order's items, in this order.",
        parse=partial(one_of, MATCH),
    )
    nfe_production: bool = setting(True, "true", "Refuse NF-e of SEFAZ's test environment.")
    nfe_embed: bool = setting(
        False, "false", "Send the XML of an NF-e to VTEX, exactly as received."
    )
    nfe_product_map: str | None = setting(
        None,
        "/etc/vtex-erp/products.csv",
        "CSV file of ERP code, SKU id, and the SKU's units in one unit of the ERP.",
    )
    nfe_weight_tolerance_percent: float = setting(
        WEIGHT_TOLERANCE_PERCENT,
        "5",
        "Difference between the real weight on an NF-e and the sold weight of weighed goods.",
        validate=within(0, 50),
    )
    nfe_skipped_checks: tuple[str, ...] = setting(
        (),
        "order,date",
        f"Checks that do not refuse an NF-e: {', '.join(CHECKS)} (nfe.md). Empty: none.",
        parse=partial(one_of, CHECKS),
    )
    nfe_cfops: tuple[str, ...] = setting(
        (),
        "5949,6949",
        "CFOPs that count as a sale or a return, beside those of SEFAZ's table (nfe.md).",
        parse=cfops,
    )
    nfe_vnftot_from: date = setting(  # noqa: RUF009  # it declares a field
        VNFTOT_FROM,
        "2026-07-01",
        "First day of issue from which vNFTot is the value of an NF-e, instead of vNF (nfe.md).",
        parse=day,
    )
    invoice_tolerance_cents: int = setting(
        0,
        "5",
        "Cents by which an invoice of all open units may miss the order's open value. The open "
        "value is sent then (nfe.md).",
        validate=within(0, 1000),
    )
    retention_documents_days: int = setting(
        30,
        "90",
        "Days for which the journal keeps VTEX's documents and the ERP's requests, after all jobs "
        "of an order have ended. 0: for ever.",
        validate=_DAYS,
    )
    retention_timeline_days: int = setting(
        365,
        "730",
        "Days for which the journal keeps an order's timeline, counted in the same way. 0: for "
        "ever.",
        validate=_DAYS,
    )
    alert_urls: tuple[str, ...] = setting(
        (),
        "slack://TOKEN_A/TOKEN_B/TOKEN_C mailtos://user:PASSWORD@example.com",
        "Receivers of alerts: Apprise URLs with spaces or line breaks between them (alerts.md).",
        secret=True,
        parse=alert_addresses,
    )
    alert_check_interval_seconds: float = setting(
        60.0, "60", "Seconds between two checks of the alerts' rules.", validate=_INTERVAL
    )
    alert_pending_seconds: float = setting(
        120.0,
        "120",
        "Seconds for which a problem lasts before its alert is sent, unless its rule has a longer "
        "time of its own.",
        validate=within(0, 86_400),
    )
    alert_resolve_seconds: float = setting(
        300.0,
        "300",
        "Seconds without the problem after which its alert is resolved.",
        validate=within(0, 86_400),
    )
    alert_repeat_hours: float = setting(
        4.0, "24", "Hours between two messages of an alert that lasts.", validate=within(0.01, 8760)
    )
    alert_vtex_silent_minutes: float = setting(
        15.0,
        "15",
        "Minutes without any order from VTEX, new or old, after which an alert is sent.",
        validate=within(0.01, 525_600),
    )
    alert_beat_silent_seconds: float = setting(
        300.0,
        "300",
        "Seconds without a check of the rules after which a worker reports that the schedule "
        "stands still, at least twice ALERT_CHECK_INTERVAL_SECONDS.",
        validate=_INTERVAL,
    )
    alert_clock_skew_seconds: float = setting(
        5.0,
        "5",
        "Largest difference between a worker's clock and the journal's, in seconds.",
        validate=within(1, 86_400),
    )
    alert_ignore: tuple[str, ...] = setting(
        (),
        "missing_orders,reconciliation_findings",
        "Rules that are not checked (alerts.md).",
        parse=partial(one_of, tuple(Rule)),
    )
    metrics_port: range = setting(
        range(0),
        "9540-9549",
        "Port at which a worker, a beat and vtex-erp metrics each serve /metrics, /livez and "
        "/readyz (metrics.md). Each process takes the first free port of a range.",
        parse=ports,
    )
    metrics_address: str = setting(
        "127.0.0.1",
        "0.0.0.0",  # noqa: S104  # an example
        "Address at which they serve it, without a password.",
        validate=_HOST,
    )
    flower_basic_auth: str = setting(
        "",
        "admin:PASSWORD",
        "User and password of Flower's pages. If unset, Flower makes a password and prints it.",
        secret=True,
        validate=validate.Regexp(r"^[^:\s]+:\S+$", error=messages.NOT_USER_AND_PASSWORD()),
    )
    flower_address: str = setting(
        "127.0.0.1",
        "0.0.0.0",  # noqa: S104  # an example
        "Address at which Flower serves its pages.",
        validate=_HOST,
    )
    otel_exporter_otlp_endpoint: str | None = setting(
        None,
        "http://tempo.internal:4318",
        "Receiver of traces, by OTLP over HTTP, with the extra otel installed. Other variables "
        "of OpenTelemetry count too (metrics.md).",
        secret=True,
        validate=traces_address,
    )
    log_level: str = setting(
        "INFO",
        "INFO",
        "DEBUG, INFO, WARNING or ERROR.",
        validate=validate.OneOf(
            ["DEBUG", "INFO", "WARNING", "ERROR"], error=messages.OTHER_CHOICE(choices="{choices}")
        ),
    )

    def zone(self, store: str | None = None) -> ZoneInfo:
        """Return the time zone of a store's days, or the cluster's for several stores.

        Args:
            store: ``None`` stands for all stores. A single store is all of them.
        """
        chosen = [row for row in self.stores if store in (None, row.name)]
        return ZoneInfo((chosen[0] if len(chosen) == 1 else self.default_store).time_zone)

    def store(self, name: str) -> Store:
        """Return one store's settings.

        Raises:
            SettingsError: the store is not configured.
        """
        for store in self.stores:
            if store.name == name:
                return store
        known = ", ".join(store.name for store in self.stores) or "none"
        raise SettingsError(messages.STORE_UNKNOWN(store=name, known=known))


_OF_STORE = fields_of(Store)

SettingsSchema = Schema.from_dict(
    {str(each.metadata["variable"]): each for each in (fields_of(Settings) | _OF_STORE).values()},
    name="SettingsSchema",
)
"""Every environment variable with the check of its value. ``metadata`` is the declaration."""


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings of this process.

    Raises:
        SettingsError: with every bad setting, one a line.
    """
    environ = os.environ if environ is None else environ
    schema, faults = SettingsSchema(), list[str]()
    values_set, unread = _values_set(schema, environ, faults)
    values, wrong = check(schema, values_set)
    faults += [_fault(schema, name, values_set[name], words) for name, words in wrong.items()]
    # The defaults replace the bad values here, so that the checks below report their faults too.
    default = Store(**{name: values.pop(name) for name in _OF_STORE if name in values})
    settings = Settings(**values)
    stores = _stores(settings.stores_file, default, environ, values_set.keys() | unread, faults)
    codes = code_map.of_file(
        settings.erp_code_map_file, [store.name for store in stores], settings.erp_url, faults
    )
    if faults:
        raise SettingsError("\n".join(faults))
    return replace(
        settings,
        stores=stores,
        default_store=default,
        codes=codes,
        broker_url=settings.broker_url or settings.redis_url,
        alert_beat_silent_seconds=max(
            settings.alert_beat_silent_seconds, 2 * settings.alert_check_interval_seconds
        ),
    )


def _values_set(
    schema: Schema, environ: Mapping[str, str], faults: list[str]
) -> tuple[dict[str, str], set[str]]:
    values_set, unread = {}, set()
    for name in schema.fields:
        value = environ.get(name, "").strip()
        path = environ.get(f"{name}_FILE", "").strip()
        if not value and path and not name.endswith("_FILE"):
            value = content(f"{name}_FILE", path, faults)
            if not value:
                unread.add(name)
        if value:
            values_set[name] = value
    return values_set, unread


def _fault(schema: Schema, name: str, value: str, words: str) -> str:
    declared = schema.fields[name].metadata
    shown = "the value (not shown)" if declared["secret"] else repr(value)
    return messages.VALUE_WRONG(setting=name, value=shown, fault=words, example=declared["example"])


def _stores(
    path: str | None, default: Store, environ: Mapping[str, str], named: set[str], faults: list[str]
) -> tuple[Store, ...]:
    declared: list[Mapping[str, Any]] = [each.metadata for each in _OF_STORE.values()]
    if path:
        doubled = [
            each["variable"]
            for each in declared
            if each["variable"] in named and not each["shared"]
        ]
        if doubled:
            faults.append(messages.BOTH_SET(settings=", ".join(doubled)))
        return of_file(path, environ, default, faults)
    if not named & {*_IDENTITY}:
        return ()
    for each in declared:
        name = each["variable"]
        if name in _IDENTITY and name not in named:
            faults.append(messages.VALUE_MISSING(setting=name, example=each["example"]))
    return (default,)
