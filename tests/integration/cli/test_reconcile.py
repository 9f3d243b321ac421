"""``vtex-erp reconcile`` and ``backfill``: table, JSON, exit status, mending, going on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from erp.adapters.sql.adapter import SqlErp
from journal.journal import Journal
from journal.model import Stage
from journal.orders import NewOrder, Orders
from vtex import client
from vtex.simulator.config import Config
from vtex.simulator.server import Running, running
from workers.cli.main import main

PLACED = datetime.now(UTC) - timedelta(days=2)


class Till:
    """Somebody who types commands over a store whose orders were placed two days ago."""

    def __init__(self, folder: Path, url: str, store: Running) -> None:
        self.store, self.journal = store, Journal(url)
        self.env: dict[str, str | None] = {
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "JOURNAL_URL": url,
            "ERP_URL": f"sqlite:///{folder}/erp.db",
            "VTEX_ACCOUNT": "acme",
            "VTEX_APP_KEY": store.app_key,
            "VTEX_APP_TOKEN": store.app_token,
            "VTEX_BASE_URL": store.url,
            "VTEX_PAYMENTS_URL": store.url,
            "VTEX_QUOTA_PER_MINUTE": "0",
            "STORES_FILE": None,
        }

    def type(self, *arguments: str, status: int = 0, answer: str = "") -> tuple[str, str]:
        result = CliRunner().invoke(main, arguments, env=self.env, input=answer)
        assert isinstance(result.exception, SystemExit | None), result.exc_info
        assert result.exit_code == status, result.output
        return result.stdout, result.stderr

    def json(self, *arguments: str, status: int = 0) -> Any:
        return json.loads(self.type(*arguments, "--json", status=status)[0])

    def placed(self, status: str = "ready-for-handling", at: datetime = PLACED) -> str:
        (order_id,) = self.store.store.generate(1, status)
        entry = self.store.store.entry(order_id)
        assert entry is not None
        text = at.strftime("%Y-%m-%dT%H:%M:%S.0000000+00:00")
        self.store.store.change(entry, {"creationDate": text, "authorizedDate": text})
        return order_id

    def whats(self, order_id: str) -> list[str]:
        return [one.event for one in self.journal.timeline.events("acme", order_id)]


@pytest.fixture
def till(journal_url: str, tmp_path: Path) -> Iterator[Till]:
    erp = SqlErp(f"sqlite:///{tmp_path}/erp.db")
    erp.migrate()
    erp.close()
    with running(Config(index_lag=0)) as store:
        made = Till(tmp_path, journal_url, store)
        made.journal.migrate()
        yield made
        made.journal.close()


def test_where_all_is_well_the_exit_status_is_0(till: Till) -> None:
    answer, _ = till.type("reconcile")

    assert "acme: 0 orders of" in answer
    assert "0 findings" in answer


def test_findings_are_a_table_with_both_sides_and_exit_status_1(till: Till) -> None:
    order_id = till.placed()
    absent = till.placed("handling")

    answer, _ = till.type("reconcile", status=1)

    (row,) = [one for one in answer.splitlines() if order_id in one]
    assert "unknown-here" in row
    assert "ready-for-handling" in row
    assert "record" in row
    assert "moved-on-absent: moved on at VTEX by another hand" in answer
    assert absent in answer


def test_orders_that_are_too_young_to_tell_are_counted(till: Till) -> None:
    till.placed(at=datetime.now(UTC))
    till.placed(at=datetime.now(UTC))
    till.placed("handling", at=datetime.now(UTC))
    till.placed("canceled", at=datetime.now(UTC))

    answer, _ = till.type("reconcile")
    (store,) = till.json("reconcile")["stores"]

    assert "acme: 4 orders of" in answer
    assert "3 of them on their way, 0 findings" in answer
    assert (store["orders"], store["on_their_way"]) == (4, 3)


def test_findings_as_json_have_stable_words(till: Till) -> None:
    order_id = till.placed()

    (store,) = till.json("reconcile", status=1)["stores"]

    assert (store["store"], store["orders"]) == ("acme", 1)
    assert store["counts"] == {"unknown-here": 1}
    (found,) = store["findings"]
    assert (found["kind"], found["order_id"], found["fix"]) == ("unknown-here", order_id, "record")
    assert found["vtex"]["status"] == "ready-for-handling"
    assert (found["journal"], found["erp"], found["fixed"]) == (None, None, None)


def test_a_range_leaves_out_what_was_placed_outside_of_it(till: Till) -> None:
    till.placed()

    till.type("reconcile", "--from", "12h")
    till.type("reconcile", "--from", "3d", "--to", "36h", status=1)


def test_a_range_without_time_in_it_is_a_wrong_call(till: Till) -> None:
    _, errors = till.type("reconcile", "--from", "1h", "--to", "2h", status=2)

    assert "--from must be before --to" in errors


def test_fix_shows_what_it_would_do_and_no_leaves_all_as_it_is(till: Till) -> None:
    order_id = till.placed()

    answer, _ = till.type("reconcile", "--fix", answer="n\n", status=1)

    assert "1  ready for handling at VTEX, unknown here: write it into the journal" in answer
    assert "fix 1 of 1 findings?" in answer
    assert till.journal.orders.get("acme", order_id) is None


def test_fix_mends_what_it_can_notes_it_and_tells_what_is_left(till: Till) -> None:
    order_id = till.placed()
    till.placed("handling")

    _, errors = till.type("reconcile", "--fix", "--yes", status=1)

    assert "1 fixed, of 1" in errors
    row = till.journal.orders.get("acme", order_id)
    assert row is not None
    assert row.stage is Stage.LISTED
    assert "reconciled" in till.whats(order_id)
    assert till.journal.reconciliations.latest()["acme"].findings == {"moved-on-absent": 1}


def test_fix_that_mends_all_has_exit_status_0(till: Till) -> None:
    order_id = till.placed()

    (store,) = till.json("reconcile", "--fix", "--yes")["stores"]

    assert store["findings"][0]["order_id"] == order_id
    assert store["findings"][0]["fixed"] == {"done": True, "text": "recorded, it comes in"}


def test_fix_as_json_asks_nobody(till: Till) -> None:
    _, errors = till.type("reconcile", "--fix", "--json", status=2)

    assert "Add --yes" in errors


def test_check_tells_of_the_last_reconciliation(till: Till) -> None:
    till.placed()
    till.type("reconcile", status=1)

    verdicts = {one["name"]: one for one in till.json("check", status=1)}

    found = verdicts["acme reconciled"]
    assert found["ok"] is None
    assert found["detail"].startswith("1 findings of the last reconciliation (20")


def test_a_range_of_one_s_own_is_not_what_check_tells_of(till: Till) -> None:
    till.type("reconcile", "--from", "1h")

    assert till.journal.reconciliations.latest() == {}


# --- backfill -------------------------------------------------------------------------------------


def test_backfill_brings_in_the_paid_orders_of_a_range(till: Till) -> None:
    inside = till.placed()
    outside = till.placed(at=PLACED - timedelta(days=9))
    till.placed("handling")

    answer, _ = till.type("orders", "backfill", "--from", "5d")

    assert "acme: 1 new, 0 known, 0 of these skipped here" in answer
    assert till.journal.orders.get("acme", inside) is not None
    assert till.journal.orders.get("acme", outside) is None


def test_backfill_twice_changes_nothing(till: Till) -> None:
    order_id = till.placed()
    till.journal.orders.record("acme", [NewOrder("old-01", None, 1)])
    till.type("orders", "backfill", "--from", "5d")
    before = till.whats(order_id)

    answer, _ = till.type("orders", "backfill", "--from", "5d")

    assert "acme: 0 new, 1 known, 0 of these skipped here" in answer
    assert till.whats(order_id) == before == ["listed"]


def test_a_backfill_that_is_cut_off_says_where_to_go_on(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [till.placed(at=PLACED + timedelta(hours=n)) for n in range(6)]
    for name, value in {"PAGE_ROWS": 2, "LAST_PAGE": 1, "REACHABLE": 2}.items():
        monkeypatch.setattr(client, name, value)
    record = Orders.record

    def cut(orders: Orders, store: str, listed: list[NewOrder]) -> int:
        if ids[3] in [one.order_id for one in listed]:
            raise KeyboardInterrupt
        return record(orders, store, listed)

    with monkeypatch.context() as patch:
        patch.setattr(Orders, "record", cut)
        _, errors = till.type("orders", "backfill", "--from", "3d", status=1)
    brought_in = len(till.journal.orders.find())
    (onward,) = re.findall(r"continue with --from (\S+)", errors)
    till.type("orders", "backfill", "--from", onward)

    assert 2 <= brought_in < 6
    assert sorted(one.order_id for one in till.journal.orders.find()) == sorted(ids)


def test_a_backfill_that_vtex_does_not_answer_begins_where_it_began(till: Till) -> None:
    till.store.faults.add(kind="unavailable", route="list", times=None)

    answer, errors = till.type("orders", "backfill", "--from", "2026-03-10T00:00", status=1)

    assert "acme: 0 new, 0 known" in answer
    assert "continue with --from 2026-03-10T00:00:00" in errors


def test_backfill_needs_a_beginning(till: Till) -> None:
    _, errors = till.type("orders", "backfill", status=2)

    assert "--from" in errors
