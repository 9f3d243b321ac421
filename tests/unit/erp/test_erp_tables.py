"""The page for ERP developers has every table and column, with its type."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import Column, Table

from erp.adapters.sql.tables import metadata, outbox
from erp.port import OUTCOMES
from support.erp.outboxes import SEEN

PAGE = (Path(__file__).parents[3] / "docs" / "erp-tables.md").read_text(encoding="utf-8")


def type_of(column: Column[object]) -> str:
    return f"{column.type}{'' if column.nullable else ', not null'}"


def section_of(table: Table) -> str:
    return PAGE.split(f"## {table.name}\n", 1)[1].split("\n## ", 1)[0]


def test_the_page_has_every_table_and_no_other() -> None:
    assert set(re.findall(r"^## (int_\w+)$", PAGE, re.MULTILINE)) == set(metadata.tables)


def test_the_page_has_every_column_with_its_type_and_no_other() -> None:
    for table in metadata.sorted_tables:
        rows = re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", section_of(table), re.MULTILINE)

        assert dict(rows) == {column.name: type_of(column) for column in table.columns}, table.name


def test_the_page_has_every_status_and_outcome() -> None:
    (status,) = [
        constraint for constraint in outbox.constraints if constraint.name == "ck_int_outbox_status"
    ]

    assert set(re.findall(r"'([A-Z]+)'", str(status.sqltext))) == set(SEEN)  # type: ignore[attr-defined]
    statuses = PAGE.split("| `status` | meaning", 1)[1].split("\n\n", 1)[0]
    assert set(re.findall(r"^\| `([A-Z]+)` \|", statuses, re.MULTILINE)) == set(SEEN)
    (outcomes,) = re.findall(r"^\| `outcome` \| [^|]+ \| ([^|]+) \|$", PAGE, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", outcomes)) == set(OUTCOMES)
