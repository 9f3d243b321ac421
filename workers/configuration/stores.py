"""The settings of a store: from the environment, or of many stores from a TOML file."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from marshmallow import Schema, ValidationError, fields, validate

from foundation.messages import settings as messages
from vtex.statuses import HANDLED, HandledOrders
from vtex.transport.rate_limit import GROUPS
from workers.configuration.declaration import check, content, fields_of, setting, within
from workers.configuration.nota_settings import cnpjs

_ACCOUNT = validate.Regexp(r"[a-z0-9][a-z0-9-]*\Z", error=messages.NOT_AN_ACCOUNT())
_CREDENTIAL = validate.Regexp(r"[!#-&(-~]+\Z", error=messages.NOT_A_CREDENTIAL())
_ADDRESS = validate.Regexp(r"https?://[^\s/]+", error=messages.NOT_HTTP())
_INTAKE = validate.OneOf(("list", "feed", "both"), error=messages.OTHER_CHOICE(choices="{choices}"))
_PERCENT = within(1, 100)

_SECRETS = ("app_key", "app_token")


def _time_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValidationError(messages.NOT_A_TIME_ZONE()) from None


def _groups(value: object) -> Mapping[str, int]:
    """Return calls a minute by group, from ``list=600,payments=1200`` or from a TOML table."""
    pairs = (
        value.items()
        if isinstance(value, Mapping)
        else (part.partition("=")[::2] for part in str(value).split(","))
    )
    groups = {}
    for group, calls in ((name.strip(), str(number).strip()) for name, number in pairs):
        if group not in GROUPS or not calls.isdecimal() or int(calls) < 1:
            raise ValidationError(messages.NOT_GROUPS(groups=", ".join(GROUPS)))
        groups[group] = int(calls)
    return groups


def _handled_orders(value: object) -> HandledOrders:
    """Return the orders from ``statuses=invoiced, origins=Fulfillment`` or from a TOML table."""
    pairs = (
        value.items()
        if isinstance(value, Mapping)
        else (part.partition("=")[::2] for part in str(value).split(","))
    )
    lists = {
        str(name).strip(): words if isinstance(words, list) else str(words).split()
        for name, words in pairs
    }
    names = {field.name for field in dataclass_fields(HandledOrders)}
    texts = all(isinstance(word, str) and word for words in lists.values() for word in words)
    if not (texts and lists.keys() <= names and lists.get("statuses")):
        raise ValidationError(messages.NOT_HANDLED_ORDERS())
    if not set(lists["statuses"]) <= HANDLED:
        raise ValidationError(messages.NOT_HANDLED_STATUSES(known=", ".join(sorted(HANDLED))))
    return HandledOrders(**{name: frozenset(words) for name, words in lists.items()})


@dataclass(frozen=True, slots=True)
class Store:
    """A VTEX account with its credentials and settings.

    A field's name is the key in ``STORES_FILE``, where ``name`` is the table's name.
    """

    name: str = setting(
        "", "acme", "Account name of the store.", variable="VTEX_ACCOUNT", validate=_ACCOUNT
    )
    app_key: str = setting(
        "",
        "vtexappkey-acme-QWERTY",
        "Application key of the store.",
        variable="VTEX_APP_KEY",
        secret=True,
        validate=_CREDENTIAL,
    )
    app_token: str = setting(
        "",
        "the token shown once at creation",
        "Application token of the store.",
        variable="VTEX_APP_TOKEN",
        secret=True,
        validate=_CREDENTIAL,
    )
    base_url: str | None = setting(
        None,
        "https://acme.vtexcommercestable.com.br",
        "Host of orders. Set it only for the simulator or a proxy.",
        variable="VTEX_BASE_URL",
        validate=_ADDRESS,
    )
    payments_url: str | None = setting(
        None,
        "https://acme.vtexpayments.com.br",
        "Host of payments. Set it only for the simulator or a proxy.",
        variable="VTEX_PAYMENTS_URL",
        validate=_ADDRESS,
    )
    allow_sum_mismatch: bool = setting(
        False,
        "false",
        "Send orders whose sums do not add up to the ERP with a flag, instead of holding them.",
    )
    hold_payment_doubts: bool = setting(
        False,
        "true",
        "Hold orders whose payments miss their value, instead of sending them with a flag.",
    )
    intake: str = setting(
        "list",
        "both",
        "Source of new orders: list, feed, or both. Choose both after vtex-erp feed setup "
        "(feed.md).",
        variable="VTEX_INTAKE",
        validate=_INTAKE,
    )
    observe: bool = setting(
        False,
        "true",
        "Only observe the store: read its orders and report their fate, insert nothing, and write "
        "nothing to VTEX (go-live.md).",
        variable="VTEX_OBSERVE",
    )
    also_intake: HandledOrders | None = setting(  # noqa: RUF009  # it declares a field
        None,
        "statuses=invoiced, origins=Fulfillment",
        "Orders that come in as handled, without start-handling: their statuses, and optionally "
        "origins and affiliates (reconciliation.md). Empty: none.",
        variable="VTEX_ALSO_INTAKE",
        parse=_handled_orders,
    )
    cnpjs: tuple[str, ...] = setting(
        (),
        "11.222.333/0001-81, 11.222.333/0002-62",
        "CNPJs that issue the store's notas. An NF-e of another issuer is refused (nfe.md). Empty: "
        "every issuer passes.",
        variable="VTEX_CNPJS",
        parse=cnpjs,
    )
    # VTEX documents 6,000 calls a minute for orders and their list, older pages 5,000: four fifths
    # of the former are below both.
    quota_per_minute: int = setting(
        6000,
        "500",
        "Calls a minute that VTEX accepts for a store from all its integrations. 0: unlimited.",
        variable="VTEX_QUOTA_PER_MINUTE",
        shared=True,
        validate=within(0, 1_000_000, "; 0 for no limit"),
    )
    quota_share_percent: int = setting(
        80,
        "80",
        "Percent of the quota that the workers use. Other integrations use the rest.",
        variable="VTEX_QUOTA_SHARE_PERCENT",
        shared=True,
        validate=_PERCENT,
    )
    quota_groups: Mapping[str, int] = setting(
        {},
        "list=600,payments=1200",
        f"Calls a minute of groups of routes with a quota of their own: {', '.join(GROUPS)}.",
        variable="VTEX_QUOTA_GROUPS",
        shared=True,
        parse=_groups,
    )
    quota_local_percent: int = setting(
        10,
        "10",
        "Percent of the workers' share that each process uses while Redis is away.",
        variable="VTEX_QUOTA_LOCAL_PERCENT",
        shared=True,
        validate=_PERCENT,
    )
    time_zone: str = setting(
        "America/Sao_Paulo",
        "America/Manaus",
        "Time zone of the store's days, of shown times, and of its usual order rate.",
        shared=True,
        validate=_time_zone,
    )
    alert_missing_orders: float = setting(
        15.0,
        "15",
        "Usual number of orders in a time without any order, after which an alert is sent. 0: "
        "never.",
        shared=True,
        validate=within(0, 100_000, "; 0 for never"),
    )
    alert_waiting_minutes: float = setting(
        30.0,
        "30",
        "Send an alert if the oldest order or request waits longer, in minutes.",
        shared=True,
        validate=within(0.01, 525_600),
    )

    @property
    def active_intake(self) -> str:
        """The source of new orders. The feed of an observed store is not read."""
        return "list" if self.observe else self.intake

    @property
    def allowed_per_minute(self) -> int:
        """Calls a minute of all workers together."""
        return max(1, self.quota_per_minute * self.quota_share_percent // 100)

    def allowed_of(self, group: str) -> int:
        """Calls a minute of all workers together to one group of routes."""
        return max(1, self.quota_groups[group] * self.quota_share_percent // 100)


_StoreSchema = Schema.from_dict(
    {key: field for key, field in fields_of(Store).items() if key != "name"}
    | {f"{key}{way}": fields.String() for key in _SECRETS for way in ("", "_env", "_file")},
    name="StoreSchema",
)


def of_file(
    path: str, environ: Mapping[str, str], default: Store, faults: list[str]
) -> tuple[Store, ...]:
    """Return the stores that a TOML file describes, and add its faults to ``faults``.

    Args:
        default: has the settings of a store that leaves them out.
    """
    text = content("STORES_FILE", path, faults)
    if not text:
        return ()
    try:
        whole = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        faults.append(messages.NOT_TOML(place="STORES_FILE", path=path, error=error))
        return ()
    tables = whole.pop("stores", {})
    if whole:
        faults.append(messages.STRAY_TABLE(tables=", ".join(sorted(whole))))
    elif not isinstance(tables, dict) or not tables:
        faults.append(messages.STORES_MISSING(path=path))
    if not isinstance(tables, dict):
        return ()
    return tuple(
        replace(default, name=name, **_settings(name, table, environ, faults))
        for name, table in tables.items()
    )


def _settings(
    name: str, table: Any, environ: Mapping[str, str], faults: list[str]
) -> dict[str, Any]:
    if not isinstance(table, dict):
        faults.append(messages.STORE_NOT_A_TABLE(place=f"stores.{name}"))
        return {}
    faults += [
        messages.IN_PLACE(place=f"stores.{name}", fault=words) for words in _words(_ACCOUNT, name)
    ]
    schema = _StoreSchema()
    values, wrong = check(schema, table)
    for key, words in wrong.items():
        place, known = f"stores.{name}.{key}", ", ".join(schema.fields)
        faults.append(
            messages.IN_PLACE(place=place, fault=words)
            if key in schema.fields
            else messages.KEY_UNKNOWN(place=place, known=known)
        )
    secret_fields = {key: values.pop(key) for key in list(values) if key.startswith(_SECRETS)}
    secrets = {
        key: _secret(f"stores.{name}.{key}", key, secret_fields, environ, faults)
        for key in _SECRETS
        if not any(other.startswith(key) for other in wrong)
    }
    return values | secrets


def _secret(
    where: str,
    key: str,
    secret_fields: Mapping[str, str],
    environ: Mapping[str, str],
    faults: list[str],
) -> str:
    ways = [way for way in (key, f"{key}_env", f"{key}_file") if way in secret_fields]
    if len(ways) != 1:
        variable = re.sub(r"\W", "_", where.removeprefix("stores.")).upper()
        wrong = messages.SECRET_REPEATED if ways else messages.SECRET_MISSING
        faults.append(
            wrong(place=where, times=len(ways), ways=", ".join(ways), key=key, variable=variable)
        )
        return ""
    (way,) = ways
    if way.endswith("_file"):
        value = content(f"{where}_file", secret_fields[way], faults)
    elif way.endswith("_env"):
        variable = secret_fields[way]
        value = environ.get(variable, "").strip()
        if not value:
            faults.append(messages.VARIABLE_MISSING(place=f"{where}_env", variable=variable))
    else:
        value = secret_fields[way].strip()
        if not value:
            faults.append(messages.SECRET_EMPTY(place=where))
    if value:
        faults += [
            messages.SECRET_WRONG(place=where, fault=words) for words in _words(_CREDENTIAL, value)
        ]
    return value


def _words(check: validate.Validator, value: str) -> Iterator[str]:
    try:
        check(value)
    except ValidationError as error:
        yield from map(str, error.messages)
