"""Every command where something is unclear, missing or broken: a line, an advice, a status."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from journal.orders import Orders
from support.command_line import PERSON, Desk, commands
from workers.cli.main import main


@pytest.mark.parametrize(
    "call",
    [
        "requests retry 99999999999999999999",
        "stores pause --minutes inf",
        "dead-letters list --limit=-1",
    ],
)
def test_a_number_out_of_all_reach_is_a_wrong_call(desk: Desk, call: str) -> None:
    assert "is not in the range" in desk.type(*call.split(), status=2)


@pytest.mark.parametrize(
    "command",
    [
        "orders list",
        "orders show v1-01",
        "orders explain v1-01",
        "orders sync",
        "orders retry v1-01",
        "migrate",
    ],
)
@pytest.mark.parametrize("fault", ["folder", "not a database", "nowhere"])
def test_a_journal_that_is_none_is_one_line(bare: Desk, command: str, fault: str) -> None:
    path = bare.folder / "odd"
    if fault == "folder":
        path.mkdir()
    elif fault == "not a database":
        path.write_text("a letter to somebody, long enough to be looked into " * 20)
    else:
        path = Path("/proc/nowhere/x.db")
    bare.env["JOURNAL_URL"] = f"sqlite:///{path}"
    bare.paid()

    lines = bare.type(*command.split(), status=1).splitlines()

    assert [line for line in lines if line.startswith("Error: ")] == lines[-1:]


def test_a_journal_that_is_away_is_to_be_started_and_not_migrated(desk: Desk) -> None:
    desk.env["JOURNAL_URL"] = "postgresql://u:s3cret@127.0.0.1:1/x"

    (line,) = desk.type("orders", "list", status=1).splitlines()

    assert "Start it, or fix JOURNAL_URL; vtex-erp check shows more" in line
    assert "migrate" not in line


@pytest.mark.parametrize("fault", ["html_200", "malformed", "lose_answer", "throttle", "login"])
def test_a_nonsensical_answer_of_vtex_is_one_line(desk: Desk, fault: str) -> None:
    order_id = desk.paid()
    desk.store.faults.add(kind=fault, times=None)

    for command in (("sync",), ("sync", order_id), ("explain", order_id)):
        (line,) = desk.type("orders", *command, status=1).splitlines()
        assert line.startswith("Error: ")
        assert "Run vtex-erp check" in line


def test_what_nobody_foresaw_is_one_line_that_quotes_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_: Orders) -> None:
        raise LookupError(PERSON)

    monkeypatch.setattr(Orders, "counts", breaks)

    text = desk.type("orders", "list", status=1)

    assert text.startswith("Error: unforeseen LookupError at test_main.py:")
    assert PERSON not in text


def test_migrate_may_be_run_again(bare: Desk) -> None:
    first, second = bare.type("migrate"), bare.type("migrate")

    assert first == second
    assert "journal: sqlite" in first
    assert "ERP: sqlite" in first


def test_what_needs_no_store_works_without_one(bare: Desk) -> None:
    bare.env |= dict.fromkeys(name for name in bare.env if name.startswith("VTEX_"))
    bare.type("migrate")
    bare.list("v1-01")

    assert "v1-01" in bare.type("orders", "list")
    assert "v1-01: waits" in bare.type("orders", "show", "v1-01")
    for command in (("sync",), ("sync", "v1-01"), ("explain", "v1-01")):
        assert "set VTEX_ACCOUNT or STORES_FILE" in bare.type("orders", *command, status=2)


def test_version_and_wrong_calls(bare: Desk) -> None:
    assert "version" in bare.type("--version")
    assert "No such command" in bare.type("ordres", status=2)
    assert "Missing argument" in bare.type("orders", "show", status=2)
    assert "No such option" in bare.type("orders", "list", "--sotre", "acme", status=2)


def test_help_needs_no_sound_settings_and_leaves_nothing_unsaid(bare: Desk) -> None:
    bare.env["ORDER_LIST_INTERVAL_SECONDS"] = "soon"

    assert "migrate, check, orders sync" in " ".join(bare.type("--help").split())
    for path, command in commands(main):
        bare.type(*path, "--help")
        options = [one for one in command.params if isinstance(one, click.Option)]
        assert [one.name for one in options if not one.help] == [], path
        assert "`" not in (command.help or ""), path
