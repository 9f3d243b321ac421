"""The table of docs/configuration.md, written from the declarations of the settings.

``python tests/support/settings_page.py`` rewrites the table in the page.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from workers.configuration.settings import SettingsSchema

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def settings_rows() -> list[str]:
    """Return the table's rows: variable, default, description, example."""
    declared = [field.metadata for field in SettingsSchema().fields.values()]
    return [
        f"| `{each['variable']}` | {_code(_written(each['default']))} | {each['sentence']} "
        f"| {_code(each['example'])} |"
        for each in declared
    ]


def _code(text: str) -> str:
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
    page = PAGE.read_text(encoding="utf-8")
    table = re.sub(r"(^\| `.*\n)+", lambda _: "\n".join(settings_rows()) + "\n", page, flags=re.M)
    PAGE.write_text(table, encoding="utf-8")
