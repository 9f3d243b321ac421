"""Finds the fields of a document that have no effect on the order in the ERP.

Each field is altered in turn. A field without an effect on the result reached no column and decided
nothing. So the list follows the code, and not a table beside it.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from foundation import foreign_values

Effect = Callable[[Mapping[str, Any]], object]
"""Returns everything that follows from documents, in a form that can be compared."""

Path = tuple[str | int, ...]

MOST_SINGLE = 500
"""Values that are altered one by one. In a longer document, all rows of a field go together."""

_OTHER_TEXT = "~"
_SECRET = re.compile(r"cvv|card_?number", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Field:
    """A value in a document.

    Attributes:
        outermost: the outermost object around it without any effect, or the field itself. Without
            the numbers of rows.
        repeats: path of a field of the same name and value that had an effect.
    """

    path: str
    outermost: str
    value: Any
    repeats: str | None = None


def fields_without_effect(documents: Mapping[str, Any], effect: Effect) -> list[Field]:
    """Return the fields that do not change the effect, in the documents' order.

    Args:
        documents: JSON objects by name. A path begins with the name.
    """
    copy = json.loads(json.dumps(documents, default=str))
    leaves = dict(_leaves(copy, ()))
    before, groups = effect(copy), _groups(list(leaves))
    # One other value may count as the same, such as a longer name of a discount.
    for alter in (_next, _replaced):
        groups = _without_effect(copy, groups, lambda: effect(copy) != before, alter)
    left = [path for group in groups for path in group]
    silent = set(left)
    reached = {path: value for path, value in leaves.items() if path not in silent}
    known = {(_name(path), str(value)): written(path) for path, value in reached.items()}
    living = {general(path[:end]) for path in reached for end in range(len(path) + 1)}
    return [
        Field(
            written(path),
            _outermost(path, living),
            "…" if _SECRET.search(_name(path)) else leaves[path],
            known.get((_name(path), str(leaves[path]))),
        )
        for path in left
    ]


def written(path: Path) -> str:
    """Return a path as text, as in ``order.items[0].id``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def general(path: Path) -> str:
    """Return the path of the same field in every row, as in ``order.items[].id``."""
    return "".join("[]" if isinstance(step, int) else f".{step}" for step in path)[1:]


def _outermost(path: Path, living: Collection[str]) -> str:
    prefixes = (general(path[:end]) for end in range(1, len(path)))
    return next((prefix for prefix in prefixes if prefix not in living), general(path))


def _name(path: Path) -> str:
    return next(str(step) for step in reversed(path) if isinstance(step, str))


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Yield the path of each value that is not empty."""
    pairs: Sequence[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    elif value is not None and value != "":
        yield path, value
    for step, inner in pairs:
        yield from _leaves(inner, (*path, step))


def _groups(paths: Sequence[Path]) -> list[list[Path]]:
    if len(paths) <= MOST_SINGLE:
        return [[path] for path in paths]
    groups: dict[str, list[Path]] = {}
    for path in paths:
        groups.setdefault(general(path), []).append(path)
    return list(groups.values())


def _without_effect(
    whole: Any, groups: list[list[Path]], differs: Callable[[], bool], alter: Callable[[Any], Any]
) -> list[list[Path]]:
    """Return the groups without an effect. Halves are altered together, since most have none."""
    paths = [path for group in groups for path in group]
    if not paths or not _differs(whole, paths, differs, alter):
        return groups
    if len(groups) == 1:
        return []
    middle = len(groups) // 2
    return [
        group
        for half in (groups[:middle], groups[middle:])
        for group in _without_effect(whole, half, differs, alter)
    ]


def _differs(
    whole: Any, paths: Sequence[Path], differs: Callable[[], bool], alter: Callable[[Any], Any]
) -> bool:
    places = [(foreign_values.at(whole, *path[:-1]), path[-1]) for path in paths]
    before = [place[step] for place, step in places]
    for place, step in places:
        place[step] = alter(place[step])
    try:
        return differs()
    finally:
        for (place, step), value in zip(places, before, strict=True):
            place[step] = value


def _next(value: Any) -> Any:
    """Return another value of the same kind, so that the document stays readable."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    try:
        return (foreign_values.moment(value) + timedelta(days=1)).isoformat()
    except (ValueError, OverflowError):
        if re.search(r"\d$", value):
            return value[:-1] + str((int(value[-1]) + 1) % 10) if value.isascii() else _OTHER_TEXT
        return value + "x"


def _replaced(value: Any) -> Any:
    """Return a value that nothing in it is kept of."""
    return _next(value) if not isinstance(value, str) or _is_moment(value) else _OTHER_TEXT


def _is_moment(text: str) -> bool:
    try:
        foreign_values.moment(text)
    except ValueError:
        return False
    return True
