"""The ERP's outbox in its own database: plain INSERTs in, what came of them back."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from erp.nfe.safe_xml import MOST_BYTES
from erp.port import Event, Request
from support.erp.outboxes import SqlOutbox
from support.servers import ROOT
from tasks.outbound import request_schemas

MOMENT = datetime(2026, 3, 11, 9, 30, tzinfo=UTC)
PAGE = (ROOT / "docs" / "erp-tables.md").read_text(encoding="utf-8")


def insert(outbox: SqlOutbox, **values: Any) -> None:
    values = {"kind": "INVOICE", "store": "acme", "order_id": "o-1-01"} | values
    columns, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    outbox.write(f"INSERT INTO int_outbox ({columns}) VALUES ({marks})", **values)


def handed_out(outbox: SqlOutbox) -> list[Request]:
    taken: list[Request] = []
    outbox.erp.poll_outbox(taken.append, 100)
    return taken


def ended(outcome: str, reference: str | None = "outbox:1", **more: Any) -> Event:
    named = {"store": "acme", "order_id": "o-1-01", "key": "invoice-1-3"} | more
    return Event(kind="invoice", at=MOMENT, outcome=outcome, reference=reference, **named)


def examples() -> list[str]:
    """The INSERTs of the page for the ERP's developers."""
    blocks = re.findall(r"(?:^ {4}.*\n|^\n)+", PAGE, flags=re.MULTILINE)
    text = re.sub(r"--.*", "", "".join(block for block in blocks if "INTO int_outbox" in block))
    return [part for part in text.split(";") if part.strip().startswith("INSERT")]


def test_each_example_of_the_page_is_a_request_that_the_contract_takes(outbox: SqlOutbox) -> None:
    outbox.write(*examples())

    taken = handed_out(outbox)

    for row in taken:
        given = dict(row.fields)
        assert (given.pop("store"), given.pop("order_id")[:10]) == ("acme", "1268540501")
        request_schemas.read(row.kind, given)
    decisions = ["cancellation", "denial"]
    assert [entry.kind for entry in taken] == ["invoice"] * 2 + ["tracking"] * 3 + decisions
    whole, part, sent, seen, delivered, cancel, deny = (dict(request.fields) for request in taken)
    assert "items" not in whole
    assert part["items"] == [{"sku_id": "310045", "quantity": 2, "price_cents": 12340}]
    assert sent["dispatched_at"] == "2026-03-11T08:30:00-03:00"
    assert seen["events"] == [
        {"city": "Campinas", "state": "SP", "description": "Em trânsito", "date": "2026-03-12"}
    ]
    assert delivered["delivered_at"] == "2026-03-13T10:15:00-03:00"
    assert (cancel["reason"], deny["reason"]) == ("sem estoque", "já foi despachado")


def test_every_column_of_an_invoice_comes_under_its_name_in_the_contract(outbox: SqlOutbox) -> None:
    said = {"value_cents": 3_000_000_000, "issued_at": "2026-03-10T23:40:00-03:00", "courier": "C"}
    said |= {"tracking_number": "T", "tracking_url": "https://t", "dispatched_at": "d"}
    named = {
        "invoice_number": "1",
        "invoice_series": "2",
        "invoice_type": "Input",
        "invoice_key": "k",
    }

    insert(outbox, **said, **named, invoice_url="https://n")

    (request,) = handed_out(outbox)
    names = {
        "store": "acme",
        "order_id": "o-1-01",
        "invoice_number": "1",
        "invoice_series": "2",
        "type": "Input",
        "invoice_key": "k",
    }
    assert request.fields == said | names | {"url": "https://n"}


def test_blank_columns_say_nothing(outbox: SqlOutbox) -> None:
    insert(outbox, kind="TRACKING", invoice_number="1", courier="", event_city="")

    (request,) = handed_out(outbox)
    assert request.fields == {"store": "acme", "order_id": "o-1-01", "invoice_number": "1"}


@pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1", "no-such-thing"])
def test_an_nfe_is_handed_over_in_the_encoding_that_it_declares(
    outbox: SqlOutbox, encoding: str
) -> None:
    xml = f'<?xml version="1.0" encoding="{encoding}"?><xNome>Conceição {"x" * 70_000}</xNome>'

    insert(outbox, xml=xml)

    (request,) = handed_out(outbox)
    assert request.xml == xml.encode("ISO-8859-1" if encoding == "ISO-8859-1" else "UTF-8")


def test_a_row_that_is_no_request_is_refused_when_it_is_inserted(outbox: SqlOutbox) -> None:
    insert(outbox, dedupe_key="128841")
    for wrong in ({"kind": "FAX"}, {"status": "NEW"}, {"dedupe_key": "128841"}):
        with pytest.raises(DBAPIError):
            insert(outbox, **wrong)

    insert(outbox, kind="TRACKING", dedupe_key="128841")
    insert(outbox)
    insert(outbox)

    assert len(handed_out(outbox)) == 4


def test_the_row_shows_the_receipt_and_when_vtex_had_it(outbox: SqlOutbox) -> None:
    insert(outbox)
    handed_out(outbox)

    done = ended("done", receipt="r-1", order_status="invoiced", reason="as asked", attempts=3)
    outbox.erp.report(done)

    columns = "status, receipt, order_status, message, last_error, attempts, sent_at"
    found = ("SENT", "r-1", "invoiced", "as asked", None, 3, "2026-03-11T09:30:00Z")
    assert outbox.row(columns) == found
    assert outbox.rows("SELECT id FROM int_result") == []


def test_an_ending_without_a_row_of_that_order_is_a_result_once(outbox: SqlOutbox) -> None:
    insert(outbox)
    handed_out(outbox)

    for _ in range(2):
        outbox.erp.report(ended("done", None, key="a", invoice_number="7", receipt="r-1"))
        outbox.erp.report(ended("dead", "outbox:99", key="b", reason="razão"))
        outbox.erp.report(ended("dead", "outbox:x", key="c"))
        outbox.erp.report(ended("dead", "outbox:1", key="d", order_id="another-01"))

    results = outbox.rows(
        "SELECT event_key, outcome, invoice_number, receipt, reason, erp_state FROM int_result ORDER BY id"
    )
    assert results[:2] == [
        ("a", "done", "7", "r-1", None, "NEW"),
        ("b", "dead", None, None, "razão", "NEW"),
    ]
    assert [result[0] for result in results] == ["a", "b", "c", "d"]
    assert outbox.row("status") == ("SENDING",)


def test_a_new_ending_of_a_row_that_asks_anew_is_kept_beside_it(outbox: SqlOutbox) -> None:
    insert(outbox)
    handed_out(outbox)
    outbox.erp.report(ended("dead"))
    outbox.ask_again("outbox:1")

    outbox.erp.report(ended("done", key="invoice-1-4", receipt="r-1"))

    assert outbox.row("status") == ("PENDING",)
    assert outbox.rows("SELECT outcome, receipt FROM int_result") == [("done", "r-1")]


def test_a_request_that_was_reset_while_it_was_taken_is_handed_out_again(outbox: SqlOutbox) -> None:
    insert(outbox, value_cents=1)

    def take(_: Request) -> None:
        outbox.erp.report(ended("refused"))
        outbox.write("UPDATE int_outbox SET status = 'PENDING', value_cents = 2")

    outbox.erp.poll_outbox(take, 1)

    assert [request.fields["value_cents"] for request in handed_out(outbox)] == [2]


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from support.erp.outboxes import SqlOutbox
from journal.journal import Journal
from tasks.outbound import request_intake
from tasks.context import Context

LINES = "erp/adapters/sql/outbox.py"
url = sys.argv[1]


def set_up():
    outbox, journal = SqlOutbox(url), Journal(url)
    context = Context(journal, outbox, {}, in_flight=1, lock=None)

    def take(request):
        given = {**request.fields, "reference": request.reference}
        request_intake.record(context, request.kind, given, again=True)
    return outbox, journal, take


def killed_at(line):
    outbox, journal, take = set_up()
    left = line

    def trace(frame, event, _):
        nonlocal left
        if not frame.f_code.co_filename.endswith(LINES):
            return None
        left -= event == "line"
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    outbox.erp.poll_outbox(take, 10)
    sys.settrace(None)


outbox, journal, take = set_up()
outbox.erp.migrate(), journal.migrate()
wanted, line, died = 0, 0, True
while died:
    references = {outbox.put(f"o-{line}-{number}-01") for number in range(2)}
    outbox.close(), journal.close()
    child = os.fork()
    if not child:
        killed_at(line)
        os._exit(0)
    died = os.waitpid(child, 0)[1] == signal.SIGKILL
    outbox, journal, take = set_up()
    outbox.moment = datetime(2026, 3, 10, 12, 1, tzinfo=UTC)
    outbox.erp.poll_outbox(take, 10)
    wanted += 2
    seen = [outbox.seen(one)[0] for one in references]
    assert seen == ["handed out"] * 2, (line, seen)
    jobs = [one.order_id for one in journal.requests.find(limit=100_000)]
    assert len(jobs) == len(set(jobs)) == wanted, (line, wanted, len(jobs))
    line += 1
outbox.close(), journal.close()
print(line, "lines")
"""


@pytest.mark.slow
def test_a_worker_killed_at_any_line_loses_no_row_and_makes_no_second_job(tmp_path: Path) -> None:
    """Outbox and journal are one SQLite file here, so that a lock held too long would show."""
    url = f"sqlite:///{tmp_path}/both.db"

    run = subprocess.run(
        [sys.executable, "-c", KILLED, url],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT}/tests"},
    )

    assert run.returncode == 0, run.stderr
    assert int(run.stdout.split()[0]) > 40


def test_of_a_text_too_long_for_its_field_no_more_is_read_than_refuses_it(
    outbox: SqlOutbox,
) -> None:
    insert(outbox, xml="<" * 3_000_000, invoice_url="u" * 3_000_000)
    insert(outbox, kind="CANCEL", reason="sem estoque")

    large, small = handed_out(outbox)

    assert len(large.xml or b"") == len(large.fields["url"]) == MOST_BYTES + 1
    assert small.fields["reason"] == "sem estoque"


def test_of_an_invoice_of_too_many_items_no_more_are_read_than_refuse_it(outbox: SqlOutbox) -> None:
    lines = "INSERT INTO int_outbox_item (int_outbox_id, line_no, sku_id, quantity, price_cents) VALUES "
    insert(outbox)
    insert(outbox)
    rows = [f"(1, {n}, 's{n}', 1, 1)" for n in range(1500)] + [
        "(2, 7, 'b', 1, 1)",
        "(2, 3, 'a', 1, 1)",
    ]
    outbox.write(lines + ", ".join(rows))

    first, second = handed_out(outbox)

    assert [item["sku_id"] for item in first.fields["items"]] == [f"s{n}" for n in range(1001)]
    assert [item["sku_id"] for item in second.fields["items"]] == ["a", "b"]


@pytest.mark.parametrize("value", ["x'00ff3c'", "CAST(x'6e6fff' AS TEXT)"])
@pytest.mark.parametrize("column", ["xml", "invoice_number", "courier", "issued_at", "value_cents"])
def test_bytes_in_a_column_of_text_stop_no_other_row(
    tmp_path: Path, column: str, value: str
) -> None:
    # SQLite alone takes them.
    outbox = SqlOutbox(f"sqlite:///{tmp_path}/erp.db")
    outbox.erp.migrate()
    outbox.write(
        f"INSERT INTO int_outbox (kind, store, order_id, {column})"
        f" VALUES ('INVOICE', 'acme', 'o-1-01', {value})"
    )
    insert(outbox)

    first, second = handed_out(outbox)

    assert first.xml if column == "xml" else "\ufffd" in str(list(first.fields.values()))
    assert second.fields["order_id"] == "o-1-01"
    outbox.close()
