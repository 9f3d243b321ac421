"""The declaration of a setting, and the check of its value.

A setting is a field of the dataclass ``Settings`` or ``Store``. The field has the setting's name,
type and default, and ``setting`` adds the rest. The schemas, the documentation and the tests
derive from these fields.
"""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from marshmallow import Schema, ValidationError, fields, validate

from foundation.messages import settings as messages

T = TypeVar("T")

_KINDS: Mapping[Any, tuple[type[fields.Field[Any]], str]] = {
    str: (fields.String, messages.NOT_TEXT()),
    str | None: (fields.String, messages.NOT_TEXT()),
    int: (fields.Integer, messages.NOT_WHOLE()),
    float: (fields.Float, messages.NOT_A_NUMBER()),
    bool: (fields.Boolean, messages.NOT_A_BOOLEAN()),
}
"""The types that marshmallow reads, each with the words for a value of another type."""


class SettingsError(click.ClickException):
    """The settings cannot be used. The message names each bad one and shows a right value."""

    exit_code = 2


def setting(  # noqa: PLR0913  # the parts of a declaration
    default: T,
    example: str,
    sentence: str,
    *,
    variable: str = "",
    secret: bool = False,
    shared: bool = False,
    validate: Callable[[Any], Any] | None = None,
    parse: Callable[[Any], T] | None = None,
) -> T:
    """Declare a setting as the value of a dataclass's field.

    Args:
        example: a right value, as a person writes it.
        sentence: the setting's description in docs/configuration.md.
        variable: the environment variable. If empty, it is the field's name in upper case.
        secret: messages and ``repr`` leave the value out.
        shared: the variable of a store's setting counts for every store of ``STORES_FILE``.
        validate: checks the value. It raises a ``ValidationError`` that continues "NAME: value …".
        parse: reads the value of a type that is not in ``_KINDS``. It raises as ``validate`` does.
    """
    declared = {
        "variable": variable,
        "default": default,
        "example": example,
        "sentence": sentence,
        "secret": secret,
        "shared": shared,
        "validate": validate,
        "parse": parse,
    }
    return dataclasses.field(default_factory=lambda: default, repr=not secret, metadata=declared)


class _Parsed(fields.Field[Any]):
    """A value that a function reads."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return self.metadata["parse"](value)


def fields_of(declaring: type) -> dict[str, fields.Field[Any]]:
    """Return a marshmallow field for each setting that a dataclass declares, by its field's name.

    ``metadata`` of each is the declaration.
    """
    declared_fields = {}
    for field in dataclasses.fields(declaring):
        if field.metadata:
            declared = {**field.metadata, "variable": _variable(field)}
            kind, wrong = _KINDS.get(field.type, (_Parsed, ""))
            declared_fields[field.name] = kind(
                attribute=field.name,
                validate=declared["validate"],
                metadata=declared,
                error_messages=dict.fromkeys(("invalid", "special"), wrong),
            )
    return declared_fields


def _variable(field: dataclasses.Field[Any]) -> str:
    return field.metadata["variable"] or field.name.upper()


def check(schema: Schema, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the values that a schema accepts, and the words about each of the others."""
    wrong: dict[str, Any] = schema.validate(values)
    sound = {name: value for name, value in values.items() if name not in wrong}
    words = {name: " ".join(map(str, texts)).rstrip(".") for name, texts in wrong.items()}
    return dict(schema.load(sound)), words


def within(least: float, most: float, also: str = "") -> validate.Range:
    """Return a check of a number's range.

    Args:
        also: continues the message with the meaning of a special number.
    """
    error = messages.OUT_OF_RANGE(min="{min}", max="{max}", also=also)
    return validate.Range(least, most, error=error)


def content(name: str, path: str, faults: list[str]) -> str:
    """Return a file's text without the white space around it, or "" and a fault."""
    try:
        # Editors on Windows begin a file with a mark that is no part of a secret.
        text = Path(path).read_text(encoding="utf-8-sig").strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        faults.append(messages.FILE_UNREADABLE(place=name, path=path, error=reason))
        return ""
    if not text:
        faults.append(messages.FILE_EMPTY(place=name, path=path))
    return text


def one_of(words: tuple[str, ...], text: str) -> tuple[str, ...]:
    """Return the words that a text lists, as in ``ref_id,map``.

    Raises:
        ValidationError: it lists something else than ``words``.
    """
    listed = tuple(word.strip() for word in text.split(",") if word.strip())
    if not set(listed) <= set(words):
        raise ValidationError(messages.OTHER_CHOICES(known=", ".join(words)))
    return listed
