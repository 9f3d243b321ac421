"""``vtex-erp codes``: codes of the ERP, and those that are missing."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from journal.model import Stage
from support.command_line import Desk


def in_the_erp(desk: Desk, statement: str) -> None:
    """Let the ERP write into its tables."""
    path = str(desk.env["ERP_URL"]).removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(statement)


def bought(desk: Desk) -> str:
    """Return an order that came in, its documents as VTEX gave them."""
    order_id = desk.paid()
    entry = desk.store.store.entry(order_id)
    assert entry is not None
    desk.list(order_id)
    (ticket,) = desk.journal.jobs.dispatch(in_flight=9, store="acme", order_id=order_id)
    with desk.journal.jobs.step("acme", order_id, ticket.attempt, to=Stage.FETCHED) as job:
        job.order = entry.order
    return order_id


def test_coverage_shows_what_the_erp_has_no_code_for(desk: Desk) -> None:
    order_id = bought(desk)
    in_the_erp(desk, "INSERT INTO int_code VALUES ('acme', 'CHANNEL', '1', 'LOJA', NULL)")
    in_the_erp(desk, "INSERT INTO int_code VALUES ('acme', 'SKU', '999999', 'CAM-P', NULL)")

    text = desk.type("codes", "missing", status=1)
    everything = desk.type("codes", "list", status=1)
    shown = desk.json("codes", "missing", "--days", "1", status=1)

    assert "no code" in text
    assert order_id in text
    assert "LOJA" not in text
    assert "LOJA" in everything
    assert "the ERP keeps codes for" in text
    assert {entry["need"]["kind"] for entry in shown["seen"] if entry["missing"]} == {"sku"}
    assert shown["orders"] == 1


def test_coverage_is_content_where_the_erp_keeps_no_codes(desk: Desk) -> None:
    bought(desk)

    assert "the ERP keeps codes for nothing" in desk.type("codes", "missing")


def test_coverage_says_what_is_wrong_with_the_codes(desk: Desk) -> None:
    in_the_erp(desk, "INSERT INTO int_code VALUES ('acme', 'CARD', '2', 'VISA', NULL)")

    assert "int_code.kind: card is none of payment" in desk.type("codes", "missing", status=1)


def mapped(desk: Desk, toml: str) -> None:
    """Let the retailer say what things are called in the ERP."""
    (desk.folder / "map.toml").write_text(toml)
    desk.env["ERP_CODE_MAP_FILE"] = str(desk.folder / "map.toml")


def test_the_map_shows_what_is_mapped_and_what_orders_need(desk: Desk) -> None:
    order_id = bought(desk)
    mapped(desk, '[channel]\n"1" = "LOJA"\n"7" = "B2B"\n[carrier]\n[document]\ndefault = 5')

    text = desk.type("codes", "list", status=1)
    shown = desk.json("codes", "list", "--days", "1", status=1)

    rows = {(row["need"]["kind"], row["need"]["code"]): row for row in shown["seen"]}
    assert [rows["channel", name]["erp_code"] for name in ("1", "7")] == ["LOJA", "B2B"]
    assert [rows["channel", name]["orders"] for name in ("1", "7")] == [1, 0]
    assert rows["document", "cpf"]["erp_code"] == "5"
    assert rows["channel", "1"]["source"] == "map"
    assert {entry["need"]["kind"] for entry in shown["seen"] if entry["missing"]} == {"carrier"}
    assert shown["seen"][0]["missing"]
    assert shown["mapped"] == ["carrier", "channel", "document"]
    assert order_id in text
    assert "as VTEX has it" in text
    assert "ERP_CODE_MAP_FILE has codes for carrier, channel, document" in text


def test_the_map_is_content_where_nothing_is_mapped(desk: Desk) -> None:
    bought(desk)

    assert "ERP_CODE_MAP_FILE has codes for nothing" in desk.type("codes", "list")
