"""The stores of a cluster: one from the environment, or many from a TOML file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from marshmallow import Schema, ValidationError, fields, validate

from vtex.transport.rate_limit import GROUPS

ACCOUNT = validate.Regexp(
    r"[a-z0-9][a-z0-9-]*\Z",
    error="is not an account name: lower case, without .vtexcommercestable.com.br",
)
CREDENTIAL = validate.Regexp(
    r"[!#-&(-~]+\Z", error="holds a space, a line break, a quotation mark or an accent"
)
INTAKES = ("list", "feed", "both")
INTAKE = validate.OneOf(INTAKES, error="is none of {choices}")
ADDRESS = validate.Regexp(r"https?://[^\s/]+", error="is not an http(s) address")

CALLS = validate.Range(0, 1_000_000, error="must be from {min} to {max}; 0 for no limit")
PERCENT = validate.Range(1, 100, error="must be from {min} to {max}")

ORDERS = validate.Range(0, 100_000, error="must be from {min} to {max}; 0 for never")
MINUTES = validate.Range(0.01, 525_600, error="must be from {min} to {max}")

_SECRETS = ("app_key", "app_token")
_EXAMPLE = '[stores.acme] with app_key_file = "/run/secrets/acme_key"'


@dataclass(frozen=True, slots=True)
class Quota:
    """How many calls VTEX takes of a store, and what part of them is ours.

    Attributes:
        calls: a minute; 0 for no limit. VTEX documents 6,000 for orders and their list, older
            pages 5,000; four fifths of the former are below both.
        share: percent of them that we take; the rest is the shop's other integrations'.
        local: percent of our share that each process takes while Redis is away.
        groups: calls a minute of groups of routes that have a limit of their own.
    """

    calls: int = 6000
    share: int = 80
    local: int = 10
    groups: Mapping[str, int] = field(default_factory=dict)

    @property
    def allowed(self) -> int:
        """Calls a minute of all workers together."""
        return max(1, self.calls * self.share // 100)

    def allowed_of(self, group: str) -> int:
        """Calls a minute of one group of routes."""
        return max(1, self.groups[group] * self.share // 100)


def ZONE(name: str) -> None:  # noqa: N802  # beside the others, which are objects
    """Check the name of a time zone.

    Raises:
        ValidationError: the rest of a sentence that begins with the value.
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValidationError("is no time zone such as America/Sao_Paulo") from None


@dataclass(frozen=True, slots=True)
class Watch:
    """When a store's silence or slowness is told of (docs/alerts.md).

    Attributes:
        zone: name of its time zone.
        quiet_orders: orders that its rhythm must have brought since the last one; 0 for never.
        waiting_minutes: for which its oldest order may wait.
    """

    zone: str = "America/Sao_Paulo"
    quiet_orders: float = 15.0
    waiting_minutes: float = 30.0


@dataclass(frozen=True, slots=True)
class Store:
    """One VTEX account with its credentials and settings.

    Attributes:
        intake: how its orders come in: by ``list``, by ``feed``, or by ``both``.
    """

    name: str
    app_key: str = field(repr=False)
    app_token: str = field(repr=False)
    base_url: str | None = None
    payments_url: str | None = None
    allow_sum_mismatch: bool = False
    intake: str = "list"
    quota: Quota = field(default_factory=Quota)
    watch: Watch = field(default_factory=Watch)


def _groups(given: Mapping[Any, Any]) -> None:
    for name, calls in given.items():
        if name not in GROUPS or not isinstance(calls, int) or calls < 1:
            raise ValidationError(f"is no table of GROUP = CALLS; groups are {', '.join(GROUPS)}")


def groups_of(text: str) -> dict[str, int]:
    """Return the groups' calls a minute, as in ``list=600,payments=1200``.

    Raises:
        ValidationError: the rest of a sentence that begins with the value.
    """
    found = {}
    for part in text.split(","):
        name, _, calls = (one.strip() for one in part.partition("="))
        if name not in GROUPS or not calls.isdecimal() or int(calls) < 1:
            raise ValidationError(f"is no list of GROUP=CALLS; groups are {', '.join(GROUPS)}")
        found[name] = int(calls)
    return found


class _StoreSchema(Schema):
    app_key = fields.String()
    app_key_env = fields.String()
    app_key_file = fields.String()
    app_token = fields.String()
    app_token_env = fields.String()
    app_token_file = fields.String()
    base_url = fields.String(validate=ADDRESS)
    payments_url = fields.String(validate=ADDRESS)
    allow_sum_mismatch = fields.Boolean()
    intake = fields.String(validate=INTAKE)
    quota_per_minute = fields.Integer(validate=CALLS)
    quota_share_percent = fields.Integer(validate=PERCENT)
    quota_groups = fields.Dict(validate=_groups)
    timezone = fields.String(validate=ZONE)
    alert_missing_orders = fields.Float(validate=ORDERS)
    alert_waiting_minutes = fields.Float(validate=MINUTES)


def content(name: str, path: str, faults: list[str]) -> str:
    """Return what a file holds, without the white space around it; "" and a fault if nothing."""
    try:
        # Editors on Windows begin a file with a mark that is no part of a secret.
        text = Path(path).read_text(encoding="utf-8-sig").strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        faults.append(f"{name}: cannot read {path!r}: {reason}")
        return ""
    if not text:
        faults.append(f"{name}: {path!r} is empty")
    return text


def of_file(
    path: str, environ: Mapping[str, str], quota: Quota, watch: Watch, faults: list[str]
) -> tuple[Store, ...]:
    """Return the stores that a TOML file describes; add what is wrong with it to ``faults``.

    Args:
        quota, watch: of the stores that name none.
    """
    text = content("STORES_FILE", path, faults)
    if not text:
        return ()
    try:
        whole = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        faults.append(f"STORES_FILE: {path!r} is not TOML: {error}")
        return ()
    tables = whole.pop("stores", {})
    if whole:
        strays = ", ".join(sorted(whole))
        faults.append(f"STORES_FILE: {strays} is not under stores. For example {_EXAMPLE}")
    elif not isinstance(tables, dict) or not tables:
        faults.append(f"STORES_FILE: {path!r} names no store. For example {_EXAMPLE}")
    if not isinstance(tables, dict):
        return ()
    found = (_store(name, table, environ, faults) for name, table in tables.items())
    return tuple(
        replace(store, quota=_quota(own, quota), watch=_watch(own, watch)) for store, own in found
    )


def _quota(own: Mapping[str, Any], default: Quota) -> Quota:
    return replace(
        default,
        calls=own.get("quota_per_minute", default.calls),
        share=own.get("quota_share_percent", default.share),
        groups=own.get("quota_groups", default.groups),
    )


def _watch(own: Mapping[str, Any], default: Watch) -> Watch:
    return replace(
        default,
        zone=own.get("timezone", default.zone),
        quiet_orders=own.get("alert_missing_orders", default.quiet_orders),
        waiting_minutes=own.get("alert_waiting_minutes", default.waiting_minutes),
    )


def _store(
    name: str, table: Any, environ: Mapping[str, str], faults: list[str]
) -> tuple[Store, dict[str, Any]]:
    if not isinstance(table, dict):
        faults.append(f"stores.{name}: is not a table. For example {_EXAMPLE}")
        table = dict.fromkeys(_SECRETS, "-")
    try:
        ACCOUNT(name)
    except ValidationError as error:
        faults.append(f"stores.{name}: {' '.join(map(str, error.messages))}")
    schema = _StoreSchema()
    wrong = schema.validate(table)
    for key, words in wrong.items():
        unknown = key not in schema.fields
        about = f"is unknown; known are {', '.join(schema.fields)}" if unknown else " ".join(words)
        faults.append(f"stores.{name}.{key}: {about}")
    sound = {key: value for key, value in table.items() if key not in wrong}
    loaded = schema.load(sound)
    secrets = {
        key: _secret(f"stores.{name}.{key}", key, loaded, environ, faults)
        for key in _SECRETS
        if not any(one.startswith(key) for one in wrong)
    }
    plain = ("base_url", "payments_url", "allow_sum_mismatch", "intake")
    store = Store(
        name,
        secrets.get("app_key", ""),
        secrets.get("app_token", ""),
        **{key: loaded[key] for key in plain if key in loaded},
    )
    return store, loaded


def _secret(
    where: str, key: str, table: Mapping[str, Any], environ: Mapping[str, str], faults: list[str]
) -> str:
    ways = [one for one in (key, f"{key}_env", f"{key}_file") if one in table]
    if len(ways) != 1:
        said = f"is given {len(ways)} times ({', '.join(ways)})" if ways else "is not set"
        variable = re.sub(r"\W", "_", where.removeprefix("stores.")).upper()
        faults.append(f'{where}: {said}. For example {key}_env = "{variable}"')
        return ""
    (way,) = ways
    if way.endswith("_file"):
        value = content(f"{where}_file", table[way], faults)
    elif way.endswith("_env"):
        value = environ.get(table[way], "").strip()
        if not value:
            faults.append(f"{where}_env: the variable {table[way]!r} is not set")
    else:
        value = table[way].strip()
        if not value:
            faults.append(f"{where}: is empty")
    if value:
        try:
            CREDENTIAL(value)
        except ValidationError as error:
            faults.append(f"{where}: the value (not shown) {' '.join(map(str, error.messages))}")
    return value
