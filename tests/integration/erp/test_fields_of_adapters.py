"""The page about the fields of an order says what each adapter takes of it."""

import re
from dataclasses import fields

import pytest

from erp.adapters.rest.profile import PROFILES
from erp.adapters.sql.tables import metadata
from erp.sales_order import Marketing, SaleContext
from support.erp.field_cases import ADAPTERS, CASES, base
from support.servers import ROOT

PAGE = (ROOT / "docs" / "erp" / "fields.md").read_text(encoding="utf-8")


def rows() -> dict[str, dict[str, str]]:
    """Return the page's cells by field and adapter."""
    table = PAGE.split("## Reasons")[0]
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line[:1] == "|"]
    head, _, *content = lines
    return {field.strip("`"): dict(zip(head[1:], cells, strict=True)) for field, *cells in content}


def test_the_page_has_every_field_and_adapter() -> None:
    assert list(rows()) == list(CASES)
    assert all(list(cells) == list(ADAPTERS) for cells in rows().values())
    for kind, name in ((Marketing, "marketing"), (SaleContext, "context")):
        assert {f"{name}.{field.name}" for field in fields(kind)} <= set(rows())


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_an_adapter_takes_the_fields_that_the_page_says_and_no_other(adapter: str) -> None:
    written = ADAPTERS[adapter]
    without = written(base())

    taken = {field for field, order in CASES.items() if written(order()) != without}

    on_page = {field for field, cells in rows().items() if not cells[adapter].startswith("–")}
    assert taken == on_page


def test_a_field_that_is_left_out_has_its_reason_on_the_page() -> None:
    reasons = set(re.findall(r"^\| ([A-Z]) \|", PAGE, re.MULTILINE))
    cells = [cell for row in rows().values() for cell in row.values()]

    used = {cell.removeprefix("– ") for cell in cells if cell.startswith("–")}

    assert used == reasons


def test_the_columns_and_the_profiles_have_the_places_that_the_page_names() -> None:
    for cells in rows().values():
        for table, column in re.findall(r"(int_\w+)\.(\w+)", cells["SQL tables"]):
            assert column in metadata.tables[table].columns, column
        for name in ("Bling", "Omie", "Tiny"):
            profile = (PROFILES / f"{name.lower()}.toml").read_text(encoding="utf-8")
            for place in re.findall(r"`([\w.]+)`", cells[name]):
                assert all(part in profile for part in place.split(".")), (name, place)
