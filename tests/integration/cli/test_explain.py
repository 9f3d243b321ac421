"""``vtex-erp orders explain --file``: a document without a store, and the layout of the tables."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from tasks.intake.explanation import CHECKS
from workers.cli.actions import explain
from workers.cli.main import main
from workers.configuration.settings import SettingsSchema

DOCUMENTS = sorted((Path(__file__).parents[2] / "support/documents/orders").glob("*.json"))
NO_SETTINGS: dict[str, str | None] = {
    name: None for name in os.environ if name.removesuffix("_FILE") in SettingsSchema().fields
}


def typed(*options: str, status: int = 0) -> str:
    arguments = ["orders", "explain", *options]
    result = CliRunner().invoke(main, arguments, env=NO_SETTINGS | {"REDIS_URL": "redis://x:1/0"})
    assert result.exit_code == status, result.output
    return result.output


def of_file(path: Path, *options: str, status: int = 0) -> Any:
    return json.loads(typed("--file", str(path), "--json", *options, status=status))


def saved(folder: Path, content: object) -> Path:
    path = folder / "order.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_document_is_explained_without_settings(path: Path) -> None:
    shown = of_file(path)
    text = typed("--file", str(path))

    assert shown["would"] == "be inserted"
    assert shown["source"] == str(path)
    assert [check["name"] for check in shown["checks"]] == list(CHECKS)
    assert shown["lines"][0]["goods"]["taken"] in shown["lines"][0]["goods"]["tried"]
    assert shown["payments"]
    assert shown["addresses"]
    assert shown["unreached"]
    assert shown["sales_order"]["order_id"] == shown["order_id"]
    assert "would be inserted; nothing is written" in text
    for words in (*CHECKS, "reached no column", "role", "share", "taken"):
        assert words in text


def test_the_payment_of_the_gateway_is_read_in_each_form_of_a_file(tmp_path: Path) -> None:
    (path,) = [path for path in DOCUMENTS if path.stem.startswith("09")]
    case = json.loads(path.read_text(encoding="utf-8"))
    order, payment = case["order"], case["gateway_payment"] | {"nsu": "770011"}
    transaction_id = order["paymentData"]["transactions"][0]["transactionId"]
    head = {"transactionId": transaction_id, "status": "Approved"}
    transactions = [{"transaction": head, "payments": [payment]}]

    for content in (
        {"order": order, "gateway_payment": payment},
        {"order": order, "gateway_payment": [payment]},
        {"order": order, "transactions": transactions},
        {"order": order, "payment": {"transactions": transactions}},
        {"documents": {"order": order, "payment": {"transactions": transactions}}},
    ):
        shown = of_file(saved(tmp_path, content))
        assert [row["nsu"] for row in shown["payments"]] == ["770011"]


def test_a_document_of_another_status_is_judged_as_if_it_were_ready(tmp_path: Path) -> None:
    order = json.loads(DOCUMENTS[0].read_text(encoding="utf-8"))["order"]

    text = typed("--file", str(saved(tmp_path, order | {"status": "invoiced"})))
    canceled = of_file(saved(tmp_path, order | {"status": "canceled"}), status=1)

    assert "judged as if it were ready for handling: the document shows 'invoiced'" in text
    assert canceled["would"] == "be skipped"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"order', "is not JSON"),
        ([], "order.json"),
        ({"order": None}, "order.json"),
        ({"orderFormId": "33c887b2"}, "orderId Missing data for required field"),
    ],
)
def test_a_file_that_holds_no_order_is_named_with_the_fix(
    tmp_path: Path, content: object, words: str
) -> None:
    text = typed("--file", str(saved(tmp_path, content)), status=1)

    assert words in text
    assert "order.json" in text
    assert "Save the whole answer of VTEX to GET /api/oms/pvt/orders/{orderId}" in text
    assert "Traceback" not in text


def test_an_order_and_a_file_exclude_each_other() -> None:
    for options in ((), ("v1-01", "--file", str(DOCUMENTS[0]))):
        assert "either an order id or a document" in typed(*options, status=2)
    assert "does not exist" in typed("--file", "none.json", status=2)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_table_fits_into_80_columns(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = io.StringIO()
    monkeypatch.setattr(explain, "console", lambda: Console(width=80, file=page))

    typed("--file", str(path))

    lines = page.getvalue().splitlines()
    assert lines
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if "…" in line and "│" in line and "taken" in line]


def test_markup_in_a_document_stays_text(tmp_path: Path) -> None:
    order = json.loads(DOCUMENTS[0].read_text(encoding="utf-8"))["order"]
    order["invoiceData"] = {"address": order["shippingData"]["address"] | {"street": "[red]Rua[/]"}}
    order["[bold]hint"] = "[link=x]y"

    text = typed("--file", str(saved(tmp_path, order)))

    for words in ("[red]Rua[/]", "[bold]hint", "[link=x]y"):
        assert words in text
