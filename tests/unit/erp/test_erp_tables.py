"""The ERP developer's page names every column there is."""

from pathlib import Path

from erp.adapters.sql.tables import metadata


def test_the_page_of_the_tables_names_every_column() -> None:
    page = (Path(__file__).parents[3] / "docs" / "erp-tables.md").read_text(encoding="utf-8")

    for table in metadata.sorted_tables:
        section = page.split(f"## {table.name}\n", 1)[1].split("\n## ", 1)[0]
        missing = [one.name for one in table.columns if f"| `{one.name}` |" not in section]
        assert not missing, table.name
