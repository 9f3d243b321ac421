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
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import click
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate


class SettingsError(click.ClickException):
    """Settings that cannot be used; the message names each one and shows a right value."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Store:
    """One VTEX account with its credentials and settings."""

    name: str
    app_key: str = field(repr=False)
    app_token: str = field(repr=False)
    base_url: str | None = None
    payments_url: str | None = None
    allow_sum_mismatch: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """What a process needs to know, checked."""

    redis_url: str = field(repr=False)
    journal_url: str = field(repr=False)
    erp_url: str = field(repr=False)
    stores: tuple[Store, ...]
    list_seconds: float
    dispatch_seconds: float
    lease_seconds: float
    in_flight: int
    threads: int
    max_crashes: int
    connect_timeout_seconds: float
    read_timeout_seconds: float
    log_level: str
    nfe_match: tuple[str, ...]
    nfe_production: bool
    nfe_embed: bool
    nfe_product_map: str | None

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
        metadata={"example": example, "text": text, "secret": secret},
        **more,
    )


_SECONDS = validate.Range(min=0.2, max=86_400)
_URL = validate.Regexp(r"https?://[^\s/]+", error="is not an http(s) address")


class SettingsSchema(Schema):
    """The table: name, type, default, range, example, sentence, secret or not."""

    class Meta:
        """The environment holds much that is not ours."""

        unknown = EXCLUDE

    REDIS_URL = _setting(
        fields.String, "redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0",
        "Broker of the cluster; redis:// or rediss:// (TLS). Redis 6.2 or later, or Valkey.",
        secret=True,
        validate=validate.Regexp(r"rediss?(\+socket)?://.+", error="is not a Redis URL"),
    )  # fmt: skip
    JOURNAL_URL = _setting(
        fields.String, "sqlite:///var/journal.db", "postgresql://erp@db.internal/journal",
        "Where every order and job stands: SQLite on one machine, PostgreSQL for a cluster.",
        secret=True,
        validate=validate.Regexp(
            r"(sqlite:///|postgres(ql)?(\+psycopg)?://).+", error="is not a journal URL"
        ),
    )  # fmt: skip
    ERP_URL = _setting(
        fields.String, "sqlite:///var/erp.db", "postgresql://vtex@erp.internal/erp",
        "The ERP; the scheme names the adapter (sqlite, postgresql, mariadb, mysql, or your own).",
        secret=True,
        validate=validate.Regexp(r"[a-z][a-z0-9+._-]*:.*", error="is not an ERP URL"),
    )  # fmt: skip
    STORES_FILE = _setting(
        fields.String, None, "/etc/vtex-erp/stores.toml", "TOML file that describes many stores."
    )
    VTEX_ACCOUNT = _setting(
        fields.String, None, "acme", "Account name of the one store.",
        validate=validate.Regexp(r"^[a-z0-9][a-z0-9-]*$", error="is not a VTEX account name"),
    )  # fmt: skip
    VTEX_APP_KEY = _setting(
        fields.String, None, "vtexappkey-acme-QWERTY", "Its application key.", secret=True
    )
    VTEX_APP_TOKEN = _setting(
        fields.String, None, "the token shown once at creation", "Its application token.",
        secret=True,
    )  # fmt: skip
    VTEX_BASE_URL = _setting(
        fields.String, None, "https://acme.vtexcommercestable.com.br",
        "Orders host; needed only for the simulator or a proxy.", validate=_URL,
    )  # fmt: skip
    VTEX_PAYMENTS_URL = _setting(
        fields.String, None, "https://acme.vtexpayments.com.br",
        "Payments host; needed only for the simulator or a proxy.", validate=_URL,
    )  # fmt: skip
    ALLOW_SUM_MISMATCH = _setting(
        fields.Boolean, False, "false",
        "Let orders whose sums do not add up into the ERP, flagged, instead of holding them.",
    )  # fmt: skip
    LIST_SECONDS = _setting(
        fields.Float, 60.0, "60", "Seconds between two listings of a store.", validate=_SECONDS
    )
    DISPATCH_SECONDS = _setting(
        fields.Float, 2.0, "2", "Seconds between two sweeps of the journal.", validate=_SECONDS
    )
    LEASE_SECONDS = _setting(
        fields.Float, 45.0, "45",
        "How long a step may take before its job is given to another worker.",
        validate=validate.Range(min=1, max=3600),
    )  # fmt: skip
    DISPATCH_IN_FLIGHT = _setting(
        fields.Integer, 500, "500", "Orders of a store that are under way at once, at most.",
        validate=validate.Range(min=1, max=100_000),
    )  # fmt: skip
    WORKER_THREADS = _setting(
        fields.Integer, 16, "16", "Threads of a worker process.",
        validate=validate.Range(min=1, max=256),
    )  # fmt: skip
    MAX_CRASHES = _setting(
        fields.Integer, 2, "2", "Worker deaths in one step after which an order is set aside.",
        validate=validate.Range(min=1, max=100),
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
    LOG_LEVEL = _setting(
        fields.String, "INFO", "INFO", "DEBUG, INFO, WARNING or ERROR.",
        validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"]),
    )  # fmt: skip


class _StoreSchema(Schema):
    app_key = fields.String()
    app_key_env = fields.String()
    app_key_file = fields.String()
    app_token = fields.String()
    app_token_env = fields.String()
    app_token_file = fields.String()
    base_url = fields.String(validate=_URL)
    payments_url = fields.String(validate=_URL)
    allow_sum_mismatch = fields.Boolean()


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings of this process.

    Raises:
        SettingsError: with every fault there is, one a line.
    """
    environ = os.environ if environ is None else environ
    schema = SettingsSchema()
    faults: list[str] = []
    given = _given(schema, environ, faults)
    try:
        table = schema.load(given)
    except ValidationError as error:
        faults += [_fault(schema, name, given, words) for name, words in _words(error)]
        raise SettingsError("\n".join(faults)) from None
    stores = _stores(table, environ, faults)
    if faults:
        raise SettingsError("\n".join(faults))
    return Settings(
        redis_url=table["REDIS_URL"],
        journal_url=table["JOURNAL_URL"],
        erp_url=table["ERP_URL"],
        stores=stores,
        list_seconds=table["LIST_SECONDS"],
        dispatch_seconds=table["DISPATCH_SECONDS"],
        lease_seconds=table["LEASE_SECONDS"],
        in_flight=table["DISPATCH_IN_FLIGHT"],
        threads=table["WORKER_THREADS"],
        max_crashes=table["MAX_CRASHES"],
        connect_timeout_seconds=table["VTEX_CONNECT_TIMEOUT_SECONDS"],
        read_timeout_seconds=table["VTEX_READ_TIMEOUT_SECONDS"],
        log_level=table["LOG_LEVEL"],
        nfe_match=tuple(table["NFE_MATCH"].split(",")),
        nfe_production=table["NFE_PRODUCTION"],
        nfe_embed=table["NFE_EMBED"],
        nfe_product_map=table["NFE_PRODUCT_MAP"],
    )


def masked(url: str) -> str:
    """Return a URL without its password."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{host}"))


def _given(schema: Schema, environ: Mapping[str, str], faults: list[str]) -> dict[str, str]:
    given = {}
    for name in schema.fields:
        value = environ.get(name, "").strip()
        path = environ.get(f"{name}_FILE", "").strip()
        if not value and path and name != "STORES":
            value = _file(f"{name}_FILE", path, faults)
        if value:
            given[name] = value
    return given


def _file(name: str, path: str, faults: list[str]) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        faults.append(f"{name}: cannot read {path!r}: {reason}")
        return ""


def _words(error: ValidationError) -> list[tuple[str, str]]:
    messages = error.normalized_messages()
    return [(name, " ".join(str(word) for word in words)) for name, words in messages.items()]


def _fault(schema: Schema, name: str, given: Mapping[str, str], words: str) -> str:
    about = schema.fields[name].metadata
    value = "the value (not shown)" if about["secret"] else repr(given.get(name))
    return f"{name}: {value} {words.rstrip('.')}. For example {name}={about['example']}"


def _stores(
    table: Mapping[str, Any], environ: Mapping[str, str], faults: list[str]
) -> tuple[Store, ...]:
    if table["STORES_FILE"]:
        return _stores_of_file(table["STORES_FILE"], environ, faults)
    names = ("VTEX_ACCOUNT", "VTEX_APP_KEY", "VTEX_APP_TOKEN")
    if not any(table[name] for name in names):
        return ()
    missing = [name for name in names if not table[name]]
    for name in missing:
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
        ),
    )


def _stores_of_file(path: str, environ: Mapping[str, str], faults: list[str]) -> tuple[Store, ...]:
    text = _file("STORES_FILE", path, faults)
    try:
        tables = tomllib.loads(text).get("stores", {})
    except tomllib.TOMLDecodeError as error:
        faults.append(f"STORES_FILE: {path!r} is not TOML: {error}")
        return ()
    if not isinstance(tables, dict) or not tables:
        faults.append(f"STORES_FILE: {path!r} names no store. For example [stores.acme]")
        return ()
    stores = []
    for name, table in tables.items():
        try:
            stores.append(_store_of_table(name, _StoreSchema().load(table), environ, faults))
        except ValidationError as error:
            faults += [f"stores.{name}.{key}: {words}" for key, words in _words(error)]
    return tuple(stores)


def _store_of_table(
    name: str, table: Mapping[str, Any], environ: Mapping[str, str], faults: list[str]
) -> Store:
    def secret(key: str) -> str:
        value: str = table.get(key, "") or environ.get(table.get(f"{key}_env", ""), "")
        if not value and f"{key}_file" in table:
            value = _file(f"stores.{name}.{key}_file", table[f"{key}_file"], faults)
        if not value:
            faults.append(
                f"stores.{name}.{key}: is not set. For example {key}_file = "
                f'"/run/secrets/{name}_{key}", or {key}_env = "{name.upper()}_{key.upper()}"'
            )
        return value

    return Store(
        name=name,
        app_key=secret("app_key"),
        app_token=secret("app_token"),
        base_url=table.get("base_url"),
        payments_url=table.get("payments_url"),
        allow_sum_mismatch=table.get("allow_sum_mismatch", False),
    )
