"""The tables of docs/configuration.md, written from the declarations of the settings.

``make settings-page`` rewrites the tables in the page.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from workers.configuration.declaration import fields_of
from workers.configuration.settings import Settings
from workers.configuration.stores import Store

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def tables() -> list[list[str]]:
    """Return the rows of both tables: the settings of a process, and those of a store."""
    return [
        [_row(name, field.metadata, of) for name, field in fields_of(of).items()]
        for of in (Settings, Store)
    ]


def tables_of_page() -> list[list[str]]:
    """Return the rows of the page's first two tables."""
    found = _TABLE.findall(PAGE.read_text(encoding="utf-8"))
    return [rows.splitlines() for rows in found[:2]]


_TABLE = re.compile(r"(?:^\| `.*\n)+", re.MULTILINE)


def _row(name: str, declared: dict[str, object], of: type) -> str:
    cells = [_code(declared["variable"])]
    if of is Store:
        cells.append("the table's name" if name == "name" else _code(name))
        cells.append("every store" if declared["shared"] else "one store")
    cells += [_code(_written(declared["default"])), declared["sentence"]]
    return f"| {' | '.join([*map(str, cells), _code(declared['example'])])} |"


def _code(text: object) -> str:
    return f"`{text}`" if text else ""


def _written(value: object) -> str:
    """Return a default as a person writes it in the environment."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}"
    if isinstance(value, str):
        return value
    return ",".join(map(str, value)) if isinstance(value, Collection) else ""


if __name__ == "__main__":
    text, written = PAGE.read_text(encoding="utf-8"), iter(tables())
    text = _TABLE.sub(lambda _: "\n".join(next(written)) + "\n", text, count=2)
    PAGE.write_text(text, encoding="utf-8")
