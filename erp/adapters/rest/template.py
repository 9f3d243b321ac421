"""The mapping language of profiles: a table of constants and paths makes a request.

=================================== ============================================================
``"text"``, ``1``, ``true``         itself
``"$customer.name"``                a path into the known values: see ``rest.md``
``"$raw.order.items.0.name"``       a path into VTEX's document; ``.0`` is the first row of a list
``"$total | money"``                the same, through filters
``{each = "$lines", item = X}``     X for each, in which ``$.`` begins a path into the one at hand
``{if = X, is = Y, then = Z}``      Z if X is Y or one of Y. Without ``is``: if X exists.
                                    ``else`` is optional
``{code = "payment", of = X}``      the retailer's code for X, or that of ``[codes.payment]`` in the
                                    settings, or ``else``. Without any, the order is refused
``{join = [X, Y]}``                 one text
``{json = X}``                      X as the text of a JSON document
=================================== ============================================================

``None`` values are left out, and so are tables that become empty.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from erp.port import ErpRejected
from foundation.foreign_values import bounded_number
from foundation.foreign_values import moment as read_moment
from foundation.messages import erp as messages
from foundation.messages import settings
from foundation.redaction import storable

HERE = "."
LONGEST_TEXT = 20_000
"""Bound of a text. VTEX's documents hold texts of any length."""


class TemplateError(Exception):
    """A template is invalid. The orders are sound."""


class NotReadable(ErpRejected):
    """A value of the order is not of the form that a filter needs."""


class NoCode(ErpRejected):
    """The settings lack a code that this order needs."""


def found(document: Any, path: str | Sequence[str]) -> Any:
    """Return the value at a dotted path, or ``None``. ``*`` stands for each row of a list.

    Of several paths, the first one with a value counts.
    """
    if not isinstance(path, str):
        values = (found(document, option) for option in path)
        return next((value for value in values if value not in (None, [])), None)
    if not path:
        return document
    name, _, rest = path.partition(".")
    if name == "*":
        rows = document if isinstance(document, Sequence) else ()
        return [value for value in (found(row, rest) for row in rows) if value is not None]
    return found(_step(document, name), rest) if document is not None else None


def _step(document: Any, name: str) -> Any:
    if isinstance(document, Mapping):
        return document.get(name)
    if isinstance(document, Sequence) and not isinstance(document, str):
        return document[int(name)] if name.isdecimal() and int(name) < len(document) else None
    # A text has methods, and they are no values.
    return getattr(document, name, None) if is_dataclass(document) else None


def bounded(value: Any) -> Any:
    """Return a value of VTEX's documents within bounds. A number beyond them counts as absent."""
    if isinstance(value, str):
        return storable(value)[:LONGEST_TEXT]
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        try:
            bounded_number(value)
        except ValueError:
            return None
    if isinstance(value, Mapping):
        return {storable(str(name)): bounded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [bounded(inner) for inner in value]
    return value


def offset(text: str) -> timezone:
    """Return the time zone of an offset such as ``-03:00``."""
    match = re.fullmatch(r"([+-])(\d\d):(\d\d)", text)
    if match is None:
        raise TemplateError(settings.TEMPLATE_ZONE(zone=text))
    sign = -1 if match[1] == "-" else 1
    return timezone(sign * timedelta(hours=int(match[2]), minutes=int(match[3])))


class Formats:
    """The ERP's formats of dates and times.

    Args:
        table: ``date`` and ``time`` in strftime's notation, and ``zone``, an offset.
    """

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._zone = offset(str(table.get("zone", "-03:00")))
        self._formats = {"date": "%Y-%m-%d", "time": "%Y-%m-%d %H:%M:%S"} | dict(table)

    def __contains__(self, name: str) -> bool:
        """Return whether there is a format of that name."""
        return name in self._formats and name != "zone"

    def written(self, moment: datetime, name: str) -> str:
        """Return a moment in the ERP's format."""
        if name not in self._formats:
            raise TemplateError(settings.TEMPLATE_FORMAT(name=name))
        return moment.astimezone(self._zone).strftime(str(self._formats[name]))

    def read(self, text: str, name: str) -> datetime:
        """Read a moment of the ERP, in its zone.

        Raises:
            ValueError: the text has another format.
        """
        try:
            moment = datetime.strptime(text, str(self._formats[name]))  # noqa: DTZ007 - below
        except ValueError:
            moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=self._zone)


Filter = Callable[[Any, str], Any]

_FILTERS: dict[str, Filter] = {
    "money": lambda value, _: round(Decimal(value), 2),
    "number": lambda value, _: Decimal(value),
    "integer": lambda value, _: int(value),
    "text": lambda value, _: str(value),
    "digits": lambda value, _: re.sub(r"\D", "", str(value)),
    "upper": lambda value, _: str(value).upper(),
    "cut": lambda value, most: str(value)[: int(most)],
    "positive": lambda value, _: max(Decimal(value), Decimal(0)),
    "negative": lambda value, _: max(-Decimal(value), Decimal(0)),
}


class Renderer:
    """Renders templates.

    Args:
        codes: tables of codes by kind. ``default`` covers every other value.
    """

    def __init__(self, formats: Formats, codes: Mapping[str, Mapping[str, Any]]) -> None:
        self.formats, self._codes = formats, codes

    def render(self, template: Any, known: Mapping[str, Any]) -> Any:
        """Render a template with the known values.

        Raises:
            NoCode: an order needs a code that the settings lack.
            TemplateError: the template is invalid.
        """
        if isinstance(template, str):
            return self._text(template, known)
        if isinstance(template, list):
            rendered = (self.render(part, known) for part in template)
            return [value for value in rendered if value is not None]
        if isinstance(template, dict):
            return self._table(template, known)
        return template

    def _table(self, table: dict[str, Any], known: Mapping[str, Any]) -> Any:
        for name, operator in _OPERATORS.items():
            if name in table:
                return operator(self, table, known)
        rendered = {name: self.render(part, known) for name, part in table.items()}
        return {name: value for name, value in rendered.items() if value is not None} or None

    def _text(self, template: str, known: Mapping[str, Any]) -> Any:
        if not template.startswith("$"):
            return template
        path, *filters = (part.strip() for part in template[1:].split("|"))
        here = path.startswith(HERE)
        value = bounded(found(known.get(HERE), path[1:]) if here else found(known, path))
        for name in filters:
            if value is None or value == "":
                return None
            value = self._filtered(value, name, path)
        return None if value == "" else value

    def _filtered(self, value: Any, written: str, path: str) -> Any:
        name, _, argument = written.partition(" ")
        try:
            if name in self.formats and isinstance(value, str):
                value = read_moment(value)
            if isinstance(value, datetime):
                return self.formats.written(value, name)
            if name not in _FILTERS:
                raise TemplateError(settings.TEMPLATE_FILTER(name=name))
            return _FILTERS[name](value, argument)
        except (ValueError, ArithmeticError, TypeError):
            # The value itself may be personal.
            raise NotReadable(messages.REST_VALUE_UNREADABLE(path=path, filter=name)) from None

    def _each(self, table: dict[str, Any], known: Mapping[str, Any]) -> Any:
        each = self.render(table["each"], known) or ()
        return [self.render(table["item"], {**known, HERE: row}) for row in each]

    def _if(self, table: dict[str, Any], known: Mapping[str, Any]) -> Any:
        value = self.render(table["if"], known)
        wanted = table.get("is")
        holds = bool(value) if wanted is None else value in _listed(wanted)
        return self.render(table.get("then" if holds else "else"), known)

    def _code(self, table: dict[str, Any], known: Mapping[str, Any]) -> Any:
        kind, value = table["code"], self.render(table["of"], known)
        codes = self._codes.get(kind, {})
        mapped = known.get("codes", {}).get(kind, {})
        code = mapped.get(str(value), codes.get(str(value), codes.get("default")))
        if code is None and "else" in table:
            return self.render(table["else"], known)
        if code is None:
            raise NoCode(messages.REST_CODE_MISSING(kind=kind, value=value))
        return code

    def _join(self, table: dict[str, Any], known: Mapping[str, Any]) -> Any:
        return "".join(map(str, self.render(table["join"], known)))

    def _json(self, table: dict[str, Any], known: Mapping[str, Any]) -> Any:
        return dumped(self.render(table["json"], known))


_OPERATORS: dict[str, Callable[[Renderer, dict[str, Any], Mapping[str, Any]], Any]] = {
    "each": Renderer._each,
    "if": Renderer._if,
    "code": Renderer._code,
    "join": Renderer._join,
    "json": Renderer._json,
}


def dumped(document: Any) -> str:
    """Return JSON. A Decimal becomes a number with the same digits."""
    return json.dumps(document, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        # A Decimal has 15 digits at most, so the float's shortest form shows the same digits.
        return int(value) if value == value.to_integral_value() else float(value)
    raise TemplateError(settings.TEMPLATE_TYPE(type=type(value).__name__))


def _listed(wanted: Any) -> list[Any]:
    return wanted if isinstance(wanted, list) else [wanted]


def utc(seconds: float) -> datetime:
    """Return the moment of a time stamp in seconds."""
    return datetime.fromtimestamp(seconds, UTC)
