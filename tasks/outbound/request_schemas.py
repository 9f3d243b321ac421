"""The public contract of the ERP's requests: names, fields and limits (docs/messages.md).

These schemas check each request first, from every channel.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NoReturn, TypeVar

from marshmallow import (
    RAISE,
    Schema,
    ValidationError,
    fields,
    post_load,
    validate,
    validates_schema,
)

from foundation.messages import requests as messages
from foundation.redaction import storable
from journal.model import Kind
from tasks.errors import ContractNewer, RequestInvalid
from tasks.job_kinds import KIND_TASKS, Payload
from tasks.outbound.web_addresses import encoded
from vtex.payloads import (
    Cancellation,
    Denial,
    Invoice,
    InvoiceItem,
    Tracking,
    TrackingEvent,
    key_is_sound,
    number_is_free,
    number_of_key,
    plain_number,
    plain_series,
    series_of_key,
)

P = TypeVar("P", bound=Payload)

MAX_CENTS = 10**12
MAX_ITEMS = 1000
"""An NF-e has at most 990 lines."""

MAX_EVENTS = 200
CLOCK_TOLERANCE = timedelta(minutes=5)
"""The clock of the ERP may be so much ahead."""

MAX_STAMP_LENGTH = 40
MAX_NUMBER_LENGTH = 64
"""The limit holds after special characters become codes, as VTEX and the journal store them."""

MAX_FAULTS = 20
"""Maximum number of faults in a message. A request may have any number of wrong fields."""

HARMLESS = frozenset(
    {
        "invoice_number", "invoice_series", "invoice_key", "type", "value_cents", "issued_at",
        "url", "tracking_number", "tracking_url", "dispatched_at", "delivered_at", "date", "sku_id",
        "quantity", "price_cents", "requested_by_user",
    }
)  # fmt: skip
"""Fields that hold no personal data, so that messages may quote their values."""

_UNKNOWN = messages.FIELD_UNKNOWN()

VERSION = 1
"""Version of docs/messages.md. It rises with each new field."""


NAMES = ("store", "order_id", "reference")
"""The names of every request, besides its fields."""


def require_known(arguments: dict[str, Any]) -> None:
    """Remove ``contract``, the version of the contract, from a request, and check it.

    Raises:
        ContractNewer: the version is later, and newer workers read it.
        RequestInvalid: the value is not a version.
    """
    version = arguments.pop("contract", VERSION)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        fault = messages.NOT_A_VERSION()
        text = messages.UNUSABLE(kind="request", faults=f"contract: {fault}")
        raise RequestInvalid(text, faults={"contract": fault})
    if version > VERSION:
        raise ContractNewer(messages.CONTRACT_NEWER(version=version, known=VERSION))


def read(kind: str, arguments: Mapping[str, Any], *, now: datetime | None = None) -> Payload:
    """Return a request as its keyword arguments describe it.

    Args:
        kind: one of ``tasks.job_kinds.REQUEST_TASKS``.
        arguments: without ``store``, ``order_id`` and ``reference``.
        now: refuse a dispatch or a delivery that is later. Default: accept it.

    Raises:
        RequestInvalid: with every fault.
    """
    payload = KIND_TASKS[Kind(kind)].payload
    assert payload is not None  # noqa: S101  # the kinds of requests have one
    request: Payload = _load(payload, arguments)
    if now is not None:
        _require_past(payload, request, now)
    return request


def _require_past(payload: type[P], request: P, now: datetime) -> None:
    latest = (now + CLOCK_TOLERANCE).isoformat()
    faults = {
        name: f"{stamp!r} {messages.IN_THE_FUTURE(now=now.isoformat(timespec='seconds'))}"
        for name in ("dispatched_at", "delivered_at")
        if (stamp := getattr(request, name, None)) and is_before(latest, stamp)
    }
    if faults:
        _refuse(payload, faults)


def is_before(stamp: str, other: str) -> bool:
    """Return whether a time is before another one. Both are ISO 8601 with offset."""
    return datetime.fromisoformat(stamp) < datetime.fromisoformat(other)


def _refuse(payload: type[P], faults: dict[str, str], more: str = "") -> NoReturn:
    listed = "; ".join(f"{path}: {text}" for path, text in faults.items())
    text = messages.UNUSABLE(kind=payload.__name__.lower(), faults=f"{listed}{more}")
    raise RequestInvalid(text, faults=faults) from None


def reread(payload: type[P], kept: Mapping[str, Any]) -> P:
    """Return the request of a job, as the journal keeps it.

    Raises:
        ContractNewer: a newer version took it, with a field that this one does not know.
        RequestInvalid: it was refused before, and is unchanged.
    """
    # A refused request is kept as it came, with the names that the job has by itself.
    arguments = {name: value for name, value in kept.items() if name not in NAMES}
    try:
        return _load(payload, arguments)
    except RequestInvalid as error:
        if all(fault.endswith(_UNKNOWN) for fault in error.faults.values()):
            raise ContractNewer(messages.FIELD_NEWER(error=error)) from None
        raise


def _load(payload: type[P], arguments: Mapping[str, Any]) -> P:
    try:
        made: P = SCHEMAS[payload]().load(dict(arguments))
    except ValidationError as error:
        flat = _flat(error.normalized_messages())
        faults = {
            _named(path): f"{_shown(arguments, path)}{text}"
            for path, text in sorted(flat, key=_is_unknown)[:MAX_FAULTS]
        }
        _refuse(
            payload,
            faults,
            f"; and {len(flat) - len(faults)} more" if len(flat) > len(faults) else "",
        )
    return made


def _is_unknown(fault: tuple[str, str]) -> bool:
    # Known fields come first, since their number is below the limit.
    return fault[1] == _UNKNOWN


def _named(path: str) -> str:
    return path if path.isprintable() and len(path) <= 80 else f"{path[:80]!a:.80}"


def _flat(messages: Mapping[Any, Any], path: str = "") -> list[tuple[str, str]]:
    faults: list[tuple[str, str]] = []
    for key, value in messages.items():
        at = path if key == "_schema" else f"{path}.{key}".lstrip(".")
        if isinstance(value, Mapping):
            faults += _flat(value, at)
        else:
            faults.append((at, " ".join(str(word) for word in value)))
    return faults


def _shown(value: Any, path: str) -> str:
    *_, name = path.split(".")
    for step in path.split("."):
        if isinstance(value, list) and re.fullmatch("[0-9]{1,6}", step):
            value = value[int(step)] if int(step) < len(value) else None
        else:
            value = value.get(step) if isinstance(value, Mapping) else None
    if name not in HARMLESS or not isinstance(value, str | int | float):
        return ""
    return f"{value!r:.80} "


class _Text(fields.String):
    """Text without surrounding blanks. ``""`` and null are absent. NUL is refused."""

    def __init__(self, max_length: int, *, required: bool = False) -> None:
        absent: dict[str, Any] = {} if required else {"load_default": None}
        super().__init__(required=required, allow_none=not required, **absent)
        self.max_length = max_length

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> Any:
        text = super()._deserialize(value, *args, **more).strip()
        if storable(text) != text:
            raise ValidationError(messages.NOT_STORABLE())
        if self.required and not text:
            raise ValidationError(messages.EMPTY())
        if len(text) > self.max_length:
            raise ValidationError(messages.TOO_LONG(longest=self.max_length))
        return text or None


class _Url(_Text):
    def _deserialize(self, value: Any, *args: Any, **more: Any) -> Any:
        text = super()._deserialize(value, *args, **more)
        if text is None:
            return None
        try:
            address = encoded(text)
        except ValueError:
            raise ValidationError(messages.NOT_AN_ADDRESS()) from None
        if len(address) > self.max_length:
            raise ValidationError(messages.TOO_LONG(longest=self.max_length))
        return address


class _Stamp(fields.Field[str | None]):
    """A date and time with its offset. It is kept as written: 23:40-03:00 is another day in UTC."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        short = isinstance(value, str) and len(value) <= MAX_STAMP_LENGTH
        try:
            moment = datetime.fromisoformat(value) if short else None
        except ValueError:
            moment = None
        if moment is not None and not 1900 <= moment.year <= 2999:
            # Another time zone may move it out of the calendar.
            moment = None
        if moment is None or moment.tzinfo is None or not re.match(r"\d{4}-\d\d-\d\d[Tt]", value):
            raise ValidationError(messages.NOT_A_TIME())
        return str(value)


class _Number(_Text):
    """An invoice number as the ERP writes it."""

    def __init__(self) -> None:
        super().__init__(MAX_NUMBER_LENGTH, required=True)

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> Any:
        text = super()._deserialize(value, *args, **more)
        if not number_is_free(text):
            raise ValidationError(messages.NUMBER_RESERVED())
        if len(plain_number(text)) > MAX_NUMBER_LENGTH:
            raise ValidationError(messages.NUMBER_TOO_LONG(longest=MAX_NUMBER_LENGTH))
        return text


class _Series(_Text):
    """A series of notas fiscais, without leading zeros."""

    def __init__(self) -> None:
        super().__init__(3)

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> Any:
        text = super()._deserialize(value, *args, **more)
        if text is None:
            return None
        if not re.fullmatch("[0-9]+", text):
            raise ValidationError(messages.NOT_A_SERIES())
        return plain_series(text)


class _Whole(fields.Integer):
    def __init__(self, minimum: int, maximum: int, **more: Any) -> None:
        error = messages.OUT_OF_RANGE(min="{min}", max="{max}")
        within = validate.Range(minimum, maximum, error=error)
        super().__init__(strict=True, required=True, validate=within, **more)

    def _validated(self, value: Any) -> Any:
        # int() accepts "5230" and true, which are not amounts.
        if isinstance(value, str | bool):
            raise ValidationError(messages.NOT_WHOLE())
        return super()._validated(value)


class _Request(Schema):
    class Meta:
        # An ERP that misspells a field must get an error instead of losing the value.
        unknown = RAISE

    # marshmallow declares it as a variable of the instance.
    error_messages = {"unknown": _UNKNOWN, "type": messages.NOT_AN_OBJECT()}  # noqa: RUF012


class _Rows(fields.List[Any]):
    """A list of objects. Its length is checked before any object is read. Null is empty."""

    def __init__(self, schema: type[Schema], max_length: int) -> None:
        super().__init__(fields.Nested(schema), load_default=list, allow_none=True)
        self.max_length = max_length

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> list[Any]:
        if isinstance(value, list) and len(value) > self.max_length:
            raise ValidationError(messages.TOO_MANY_ROWS(most=self.max_length))
        return super()._deserialize(value, *args, **more)


class _InvoiceItem(_Request):
    sku_id = _Text(64, required=True)
    quantity = _Whole(1, 10**6)
    price_cents = _Whole(0, MAX_CENTS)
    description = _Text(500)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> InvoiceItem:
        return InvoiceItem(**data)


class _TrackingFields(_Request):
    tracking_number = _Text(128)
    tracking_url = _Url(2000)
    courier = _Text(128)
    dispatched_at = _Stamp(load_default=None, allow_none=True)


class _Invoice(_TrackingFields):
    invoice_number = _Number()
    invoice_series = _Series()
    type = fields.String(
        load_default="Output",
        validate=validate.OneOf(["Output", "Input"], error=messages.NOT_A_TYPE()),
    )
    value_cents = _Whole(0, MAX_CENTS)
    issued_at = _Stamp(required=True)
    items = _Rows(_InvoiceItem, MAX_ITEMS)
    invoice_key = _Text(44)
    url = _Url(2000)

    @validates_schema
    def _sound(self, data: dict[str, Any], **_: Any) -> None:
        faults: dict[str, list[str]] = {}
        key = data.get("invoice_key")
        if key and not key_is_sound(key):
            faults["invoice_key"] = [messages.KEY_UNSOUND()]
        elif key:
            faults |= _unlike_key(data, key)
        skus = [item.sku_id for item in data.get("items") or ()]
        if data["type"] == "Input" and len(skus) != len(set(skus)):
            # If a SKU stands on two lines of a return, VTEX does not request the refund.
            faults["items"] = [messages.SKU_TWICE()]
        if faults:
            raise ValidationError(faults)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Invoice:
        data["items"] = tuple(data["items"] or ())
        if data["invoice_key"] and not data["invoice_series"]:
            data["invoice_series"] = series_of_key(data["invoice_key"])
        return Invoice(**data)


def _unlike_key(invoice: Mapping[str, Any], key: str) -> dict[str, list[str]]:
    """Return the contradictions between an invoice and its access key."""
    faults: dict[str, list[str]] = {}
    series, number = series_of_key(key), number_of_key(key)
    if series and invoice["invoice_series"] not in (None, series):
        faults["invoice_series"] = [messages.OTHER_SERIES(series=series)]
    # An ERP may write the number in its own way, as in NF 128/841.
    given = invoice["invoice_number"]
    if number and re.fullmatch("[0-9]+", given) and (given.lstrip("0") or "0") != number:
        faults["invoice_number"] = [messages.OTHER_NUMBER(number=number)]
    return faults


class _TrackingEvent(_Request):
    city = _Text(128, required=True)
    state = _Text(64, required=True)
    description = _Text(5000, required=True)
    date = fields.Date(required=True, format="%Y-%m-%d")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> TrackingEvent:
        return TrackingEvent(**data | {"date": data["date"].isoformat()})


class _Tracking(_TrackingFields):
    invoice_number = _Number()
    invoice_series = _Series()
    events = _Rows(_TrackingEvent, MAX_EVENTS)
    delivered_at = _Stamp(load_default=None, allow_none=True)

    @validates_schema
    def _says_something(self, data: dict[str, Any], **_: Any) -> None:
        content = ("tracking_number", "tracking_url", "events", "delivered_at")
        if not any(data.get(name) for name in content):
            raise ValidationError(messages.TRACKING_EMPTY(), field_name="tracking_number")
        dispatched, delivered = data.get("dispatched_at"), data.get("delivered_at")
        if dispatched and delivered and is_before(delivered, dispatched):
            text = messages.BEFORE_DISPATCH(dispatched_at=dispatched)
            raise ValidationError(text, field_name="delivered_at")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Tracking:
        data["events"] = tuple(data["events"] or ())
        return Tracking(**data)


class _Cancellation(_Request):
    reason = _Text(500, required=True)
    requested_by_user = fields.Boolean(load_default=False)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Cancellation:
        return Cancellation(**data)


class _Denial(_Request):
    reason = _Text(500, required=True)
    request_id = _Text(64)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Denial:
        return Denial(**data)


SCHEMAS: dict[type, type[Schema]] = {
    Invoice: _Invoice,
    Tracking: _Tracking,
    Cancellation: _Cancellation,
    Denial: _Denial,
}
"""The schema of each class of requests in ``tasks.job_kinds``."""
