"""Expressions that filter orders, in the part of JSONata that such filters use.

Paths, comparisons, ``in``, ``and``, ``or``, predicates and the functions of ``FUNCTIONS``. Anything
else is refused, so that a filter never means less here than at VTEX. See https://docs.jsonata.org.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from vtex.simulator.faults import Refused

Value = Any
Expression = Callable[[Value], Value]

MISSING = object()
"""The value of a path that leads nowhere."""

LONGEST = 4_000
_TOKEN = re.compile(
    r"\s*(?:(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')|(?P<number>-?\d{1,15}(?:\.\d{1,15})?)"
    r"|(?P<name>`[^`]+`|\$?[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>!=|<=|>=|[=<>().,\[\]]))"
)


def matches(expression: Expression, order: Mapping[str, Any]) -> bool:
    """Return whether an expression is true for an order."""
    return _truth(expression(order))


def parse(text: object) -> Expression:
    """Read an expression.

    Raises:
        Refused: it is wrong, or uses more of JSONata than the simulator knows.
    """
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST:
        raise Refused("filter.expression must be a text")
    try:
        return _Parser(_tokens(text)).whole()
    except RecursionError as error:
        raise Refused("filter.expression is nested too deeply") from error


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, place, end = [], 0, len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None:
            raise Refused(f"filter.expression: the simulator cannot read character {place + 1}")
        tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
        place = match.end()
    return tokens


class _Parser:
    """Reads the tokens of an expression from left to right."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = [*tokens, ("end", "")]

    def whole(self) -> Expression:
        """Return the expression of all tokens."""
        expression = self._either()
        self._require("")
        return expression

    def _either(self) -> Expression:
        left = self._both()
        while self._take("or"):
            left = _or(left, self._both())
        return left

    def _both(self) -> Expression:
        left = self._comparison()
        while self._take("and"):
            left = _and(left, self._comparison())
        return left

    def _comparison(self) -> Expression:
        left = self._path()
        for sign, compare in COMPARISONS.items():
            if self._take(sign):
                return _compared(left, compare, self._path())
        return left

    def _path(self) -> Expression:
        value = self._primary()
        while True:
            if self._take("."):
                value = _step(value, self._name())
            elif self._take("["):
                value = _predicate(value, self._either())
                self._require("]")
            else:
                return value

    def _primary(self) -> Expression:
        kind, word = self._tokens[0]
        if self._take("("):
            inner = self._either()
            self._require(")")
            return inner
        if self._take("["):
            return self._array()
        if kind == "text":
            self._tokens.pop(0)
            return _constant(re.sub(r"\\(.)", r"\1", word[1:-1]))
        if kind == "number":
            self._tokens.pop(0)
            return _constant(float(word))
        if word in CONSTANTS:
            self._tokens.pop(0)
            return _constant(CONSTANTS[word])
        name = self._name()
        return self._call(name) if name.startswith("$") else _step(lambda order: order, name)

    def _array(self) -> Expression:
        parts: list[Expression] = []
        while not self._take("]"):
            if parts:
                self._require(",")
            parts.append(self._either())
        return lambda order: [part(order) for part in parts]

    def _call(self, name: str) -> Expression:
        if name not in FUNCTIONS:
            raise Refused(f"filter.expression: {name} is none of {', '.join(FUNCTIONS)}")
        count, function = FUNCTIONS[name]
        self._require("(")
        arguments = [self._either()]
        while self._take(","):
            arguments.append(self._either())
        self._require(")")
        if len(arguments) != count:
            raise Refused(f"filter.expression: {name} has {count} arguments")
        return lambda order: function(*(argument(order) for argument in arguments))

    def _name(self) -> str:
        kind, word = self._tokens.pop(0)
        if kind != "name":
            raise Refused(f"filter.expression: {word or 'the end'!r} is no name")
        return word.strip("`")

    def _take(self, word: str) -> bool:
        kind, found = self._tokens[0]
        if found != word or kind == "text":
            return False
        self._tokens.pop(0)
        return True

    def _require(self, word: str) -> None:
        if self._tokens[0] != ("end", "") and word == "":
            raise Refused(f"filter.expression: the simulator does not know {self._tokens[0][1]!r}")
        if word and not self._take(word):
            raise Refused(f"filter.expression: {word} is missing")


# --- values ---------------------------------------------------------------------------------------


def _constant(value: Value) -> Expression:
    return lambda _: value


def _or(left: Expression, right: Expression) -> Expression:
    return lambda order: _truth(left(order)) or _truth(right(order))


def _and(left: Expression, right: Expression) -> Expression:
    return lambda order: _truth(left(order)) and _truth(right(order))


def _compared(left: Expression, compare: Callable[..., bool], right: Expression) -> Expression:
    def evaluate(order: Value) -> bool:
        values = left(order), right(order)
        return MISSING not in values and compare(*values)

    return evaluate


def _step(value: Expression, name: str) -> Expression:
    def evaluate(order: Value) -> Value:
        found: list[Value] = []
        for row in _rows(value(order)):
            if isinstance(row, Mapping) and name in row:
                found += _rows(row[name])
        return _single(found)

    return evaluate


def _predicate(value: Expression, inner: Expression) -> Expression:
    def evaluate(order: Value) -> Value:
        rows = _rows(value(order))
        found = []
        for place, row in enumerate(rows):
            wanted = inner(row)
            if _is_number(wanted):
                wanted = int(wanted) % len(rows) == place and abs(wanted) <= len(rows)
            if _truth(wanted):
                found.append(row)
        return _single(found)

    return evaluate


def _rows(value: Value) -> list[Value]:
    if value is MISSING:
        return []
    return list(value) if isinstance(value, list) else [value]


def _single(rows: list[Value]) -> Value:
    return (rows[0] if len(rows) == 1 else rows) if rows else MISSING


def _truth(value: Value) -> bool:
    if isinstance(value, list):
        return any(map(_truth, value))
    return value is not MISSING and bool(value)


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Value, Value], bool]:
    """Return a comparison of two numbers or of two texts. Other values never compare."""

    def evaluate(left: Value, right: Value) -> bool:
        texts = isinstance(left, str) and isinstance(right, str)
        return (texts or (_is_number(left) and _is_number(right))) and compare(left, right)

    return evaluate


COMPARISONS: Mapping[str, Callable[[Value, Value], bool]] = {
    "=": lambda left, right: (
        type(left) is type(right) and left == right
        if isinstance(left, bool) or isinstance(right, bool)
        else bool(left == right)
    ),
    "!=": lambda left, right: bool(left != right),
    "<=": _ordered(lambda left, right: left <= right),
    ">=": _ordered(lambda left, right: left >= right),
    "<": _ordered(lambda left, right: left < right),
    ">": _ordered(lambda left, right: left > right),
    "in": lambda left, right: left in _rows(right),
}
CONSTANTS: Mapping[str, Value] = {"true": True, "false": False, "null": None}
FUNCTIONS: Mapping[str, tuple[int, Callable[..., Value]]] = {
    "$exists": (1, lambda value: value is not MISSING),
    "$not": (1, lambda value: not _truth(value)),
    "$boolean": (1, _truth),
    "$count": (1, lambda value: len(_rows(value))),
    "$sum": (1, lambda value: sum(row for row in _rows(value) if _is_number(row))),
    "$contains": (
        2,
        lambda text, part: isinstance(text, str) and isinstance(part, str) and part in text,
    ),
}
"""Functions with the number of their arguments."""
