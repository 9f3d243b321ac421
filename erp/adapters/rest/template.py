"""The mapping language of profiles: what is sent, as a table of constants and paths.

=================================== ============================================================
``"text"``, ``1``, ``true``         itself
``"$customer.name"``                a path into what there is: see ``rest.md``
``"$total | money"``                the same, through filters
``{each = "$lines", item = X}``     X for each, in which ``$.`` begins a path into the one at hand
``{if = X, is = Y, then = Z}``      Z where X is Y, or one of Y; without ``is`` where there is an X;
                                    ``else`` is optional
``{code = "payment", of = X}``      what the retailer's map has for X, else ``[codes.payment]`` of
                                    the settings; without any what ``else`` says, or the order is
                                    refused
``{join = [X, Y]}``                 one text
``{json = X}``                      X as the text of a JSON document
=================================== ============================================================

What is None is left out, and so is a table of which nothing is left.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from erp.port import ErpRejected

HERE = "."


class TemplateError(Exception):
    """A template cannot be read; no order is at fault."""


class NoCode(ErpRejected):
    """The settings have no code for something of this order."""


def found(document: Any, path: str | Sequence[str]) -> Any:
    """Return what lies at a dotted path, None where nothing does; ``*`` is each of a list.

    Of several paths it is the first at which there is something.
    """
    if not isinstance(path, str):
        each = (found(document, one) for one in path)
        return next((one for one in each if one not in (None, [])), None)
    if not path:
        return document
    name, _, rest = path.partition(".")
    if name == "*":
        rows = document if isinstance(document, Sequence) else ()
        return [one for one in (found(row, rest) for row in rows) if one is not None]
    return found(_step(document, name), rest) if document is not None else None


def _step(document: Any, name: str) -> Any:
    if isinstance(document, Mapping):
        return document.get(name)
    if isinstance(document, Sequence) and not isinstance(document, str):
        return document[int(name)] if name.isdigit() and int(name) < len(document) else None
    return getattr(document, name, None)


def offset(text: str) -> timezone:
    """Return the zone that an offset such as ``-03:00`` names."""
    match = re.fullmatch(r"([+-])(\d\d):(\d\d)", text)
    if match is None:
        raise TemplateError(f"zone {text!r} must be an offset, as in -03:00")
    sign = -1 if match[1] == "-" else 1
    return timezone(sign * timedelta(hours=int(match[2]), minutes=int(match[3])))


class Formats:
    """How the ERP writes moments.

    Args:
        table: ``date`` and ``time``, formats as strftime has them, and ``zone``, an offset.
    """

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._zone = offset(str(table.get("zone", "-03:00")))
        self._formats = {"date": "%Y-%m-%d", "time": "%Y-%m-%d %H:%M:%S"} | dict(table)

    def written(self, moment: datetime, name: str) -> str:
        """Return a moment as the ERP wants it."""
        if name not in self._formats:
            raise TemplateError(f"[formats] has no {name}")
        return moment.astimezone(self._zone).strftime(str(self._formats[name]))

    def read(self, text: str, name: str) -> datetime:
        """Return the moment that the ERP wrote, in its zone.

        Raises:
            ValueError: it is written in another way.
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
    """Turns templates into what is sent.

    Args:
        codes: tables of codes by kind; ``default`` in one is for all that it does not name.
    """

    def __init__(self, formats: Formats, codes: Mapping[str, Mapping[str, Any]]) -> None:
        self.formats, self._codes = formats, codes

    def render(self, template: Any, known: Mapping[str, Any]) -> Any:
        """Return what a template makes of what is known.

        Raises:
            NoCode: an order needs a code that the settings lack.
            TemplateError: the template is at fault.
        """
        if isinstance(template, str):
            return self._text(template, known)
        if isinstance(template, list):
            made = (self.render(one, known) for one in template)
            return [one for one in made if one is not None]
        if isinstance(template, dict):
            return self._table(template, known)
        return template

    def _table(self, table: dict[str, Any], known: Mapping[str, Any]) -> Any:
        for name, operator in _OPERATORS.items():
            if name in table:
                return operator(self, table, known)
        made = {name: self.render(one, known) for name, one in table.items()}
        return {name: one for name, one in made.items() if one is not None} or None

    def _text(self, template: str, known: Mapping[str, Any]) -> Any:
        if not template.startswith("$"):
            return template
        path, *filters = (one.strip() for one in template[1:].split("|"))
        here = path.startswith(HERE)
        value = found(known.get(HERE), path[1:]) if here else found(known, path)
        for one in filters:
            if value is None or value == "":
                return None
            value = self._filtered(value, one)
        return None if value == "" else value

    def _filtered(self, value: Any, written: str) -> Any:
        name, _, argument = written.partition(" ")
        if isinstance(value, datetime):
            return self.formats.written(value, name)
        if name not in _FILTERS:
            raise TemplateError(f"there is no filter {name}")
        return _FILTERS[name](value, argument)

    def _each(self, table: dict[str, Any], known: Mapping[str, Any]) -> Any:
        each = self.render(table["each"], known) or ()
        return [self.render(table["item"], {**known, HERE: one}) for one in each]

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
            raise NoCode(
                f"[codes.{kind}] of the ERP's settings has no {value!r}: add it, or a default"
            )
        return code

    def _join(self, table: dict[str, Any], known: Mapping[str, Any]) -> Any:
        return "".join(str(one) for one in self.render(table["join"], known))

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
    """Return JSON; a Decimal becomes a number of the same digits."""
    return json.dumps(document, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        # The shortest digits that a float has are those of the Decimal: it has 15 at most.
        return int(value) if value == value.to_integral_value() else float(value)
    raise TemplateError(f"a {type(value).__name__} needs a filter")


def _listed(wanted: Any) -> list[Any]:
    return wanted if isinstance(wanted, list) else [wanted]


def utc(seconds: float) -> datetime:
    """Return the moment of a time stamp."""
    return datetime.fromtimestamp(seconds, UTC)
