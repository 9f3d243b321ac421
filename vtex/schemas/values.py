"""The field types of VTEX's JSON, and the function that reads a document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load, validate

from foundation import foreign_values
from foundation.messages import vtex as messages
from foundation.redaction import storable
from vtex.errors import DocumentInvalid
from vtex.schemas.fast_reader import reader

MOST_CENTS = 10**15
"""Upper bound of an amount, far above real ones. Sums of it fit a 64-bit column."""


MOST_UNITS = 10**6
"""Upper bound of a line's units. Cents times units stay exact and fit an ERP's columns."""


LONGEST_ID = 64


_WORD = re.compile(r"[\w.-]{1,64}")


MOST_NUMBER_AS_TEXT = 10**20
"""Digits of the longest number that is read as an id. Longer ids come as text."""


class TextField(fields.Field[str | None]):
    """Text. ``""``, null and missing become ``None``. A number becomes its digits."""

    def __init__(self, *, required: bool = False, **more: Any) -> None:
        if not required:
            more["load_default"] = None
        super().__init__(required=required, allow_none=not required, **more)
        self.needed = required

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        if type(value) is not str:
            value = self._digits(value)
        text = storable(value.strip())
        if self.needed and not text:
            raise ValidationError("is empty")
        return text or None

    @staticmethod
    def _digits(value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValidationError("is not text")
        if not isinstance(value, str) and not abs(value) < MOST_NUMBER_AS_TEXT:
            raise ValidationError("is not text")
        return str(value)


class CarriedText(TextField):
    """Text that is only copied to the ERP. Any other value counts as absent."""

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> str | None:
        with suppress(ValidationError):
            return super()._deserialize(value, *args, **more)
        return None


class Id(TextField):
    """An order id, in the length that journal and ERP store."""

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> str | None:
        text = super()._deserialize(value, *args, **more)
        if text and len(text) > LONGEST_ID:
            raise ValidationError(f"is longer than {LONGEST_ID} characters")
        return text


class Word(TextField):
    """A word from VTEX's vocabulary, such as a status. Error messages quote it."""

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> str | None:
        text = super()._deserialize(value, *args, **more)
        if text and not _WORD.fullmatch(text):
            raise ValidationError("is not a word such as ready-for-handling")
        return text


class Cents(fields.Field[int]):
    """Integer cents. ``31561.0`` is accepted, and a fraction of a cent is refused."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        # bool is an int. A check against a union of types costs more than one type.
        if type(value) is not int and (
            isinstance(value, bool) or not isinstance(value, (int, float))
        ):
            raise ValidationError("is not a number of cents")
        if not abs(value) <= MOST_CENTS or value != int(value):
            raise ValidationError("is not a whole number of cents")
        return int(value)


class CarriedCents(Cents):
    """Cents that are only copied to the ERP. Any other value counts as absent."""

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> int | None:  # type: ignore[override]  # absent
        with suppress(ValidationError):
            return super()._deserialize(value, *args, **more)
        return None


class RoundedCents(Cents):
    """Cents of the order list, which gives high values as floats."""

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> int:
        if isinstance(value, float) and abs(value) <= MOST_CENTS:
            value = round(value)
        return super()._deserialize(value, *args, **more)


LEAST_FACTOR = Decimal("0.000001")
"""The last decimal place of the ERP's column. Weighed goods have six."""


class Number(fields.Field[Decimal]):
    """A number within bounds, such as a percentage."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Decimal:
        try:
            return foreign_values.bounded_number(value)
        except ValueError:
            raise ValidationError("is not a number") from None


class Factor(fields.Field[Decimal]):
    """A positive factor, such as a unit multiplier.

    It is bounded: a product with ``1E-999999999`` would compute for hours.
    """

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Decimal:
        try:
            factor = foreign_values.bounded_number(value)
        except ValueError:
            raise ValidationError("is not a number") from None
        if not LEAST_FACTOR <= factor < 10**9:
            raise ValidationError(f"is not a number from {LEAST_FACTOR} on")
        return factor


class MomentField(fields.Field[datetime]):
    """An aware UTC time, from text with 0 to 7 fractional digits and any offset (default UTC).

    ``""`` and years before 1900 count as absent: .NET writes year 1 for an unset time.
    """

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> datetime | None:  # type: ignore[override]  # "" is absent
        moment = None if value == "" else self._moment(value)
        if moment is None or moment.year < 1900:
            if self.required:
                raise ValidationError("is empty")
            return None
        if moment.year > 2999:
            raise ValidationError("is not a date of this time")
        return moment

    def _moment(self, value: Any) -> datetime:
        try:
            return foreign_values.moment(value)
        except ValueError as error:
            raise ValidationError(str(error)) from None


def units(key: str, least: int = 1) -> fields.Integer:
    """Return a field for a whole number of units with a lower bound."""
    fits = validate.Range(least, MOST_UNITS, error="must be from {min} to {max}")
    return fields.Integer(strict=True, required=True, data_key=key, validate=fits)


class RowsField(fields.List[Any]):
    """A list of objects. Null and missing become an empty list."""

    def __init__(self, schema: type[Schema] | Schema, key: str | None = None) -> None:
        super().__init__(fields.Nested(schema), data_key=key, load_default=list, allow_none=True)


def optional(kind: type[fields.Field[Any]], key: str, default: Any = None) -> Any:
    """Return a field that may be missing or null."""
    return kind(data_key=key, load_default=default, allow_none=True)


class JsonObject(Schema):
    """A schema that declares the keys in use."""

    class Meta:
        """Unknown keys are ignored. The raw document keeps them."""

        unknown = EXCLUDE

    @pre_load
    def _only_objects(self, data: Any, **_: Any) -> Any:
        if not isinstance(data, Mapping):
            raise ValidationError("is not an object")
        return data


def load(schema: Schema, raw: Any, what: str) -> Any:
    """Read a document by its schema.

    Raises:
        DocumentInvalid: the document breaks the schema. ``faults`` maps field paths to faults.
    """
    try:
        data = _soundly(schema, raw)
    except ValidationError as error:
        faults = dict(_flat(error.normalized_messages()))
        listed = "; ".join(f"{path} {fault}" for path, fault in list(faults.items())[:10])
        text = messages.BREAKS_SCHEMA(document=what, faults=listed)
        raise DocumentInvalid(text, faults=faults) from None
    except (RecursionError, OverflowError):
        raise DocumentInvalid(messages.TOO_DEEP(document=what)) from None
    return data


def _soundly(schema: Schema, raw: Any) -> Any:
    with suppress(ValidationError):
        return reader(type(schema))(raw)
    return schema.load(raw)


def _flat(messages: Any, path: str = "") -> list[tuple[str, str]]:
    if isinstance(messages, dict):
        faults = []
        for key, inner in messages.items():
            inner_path = path if key == "_schema" else f"{path}.{key}" if path else str(key)
            faults += _flat(inner, inner_path)
        return faults
    words = " ".join(map(str, messages)) if isinstance(messages, list) else str(messages)
    return [(path or "document", words)]
