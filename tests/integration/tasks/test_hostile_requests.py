"""Requests that cannot be used are refused and kept, whatever they hold; nothing is lost."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from erp.adapters.memory import MemoryErp
from journal.journal import Journal
from journal.model import State
from journal.orders import NewOrder
from journal.requests import RequestRow
from tasks.base import StoreTask
from tasks.context import Context
from tasks.errors import RequestRefused
from tasks.outbound import request_intake
from workers.app import app

ORDER = {"store": "acme", "order_id": "o-1"}
INVOICE: dict[str, Any] = ORDER | {
    "invoice_number": "1",
    "value_cents": 1,
    "issued_at": "2026-03-10T15:04:05-03:00",
}


@pytest.fixture
def context(journal: Journal) -> Context:
    return Context(journal, MemoryErp(), {}, in_flight=9, lock=contextlib.nullcontext)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def refused(
    context: Context, given: dict[str, Any], **more: Any
) -> tuple[RequestRow, dict[str, Any]]:
    """Ask for an invoice in vain; return how it is kept."""
    with pytest.raises(RequestRefused) as caught:
        request_intake.record(context, "invoice", given, **more)
    (row,) = context.journal.requests.find()
    assert row.state is State.DEAD
    assert str(row.last_error) == str(caught.value)
    content = context.journal.requests.body(row.job)
    assert content is not None
    return row, content


@pytest.mark.parametrize(
    "field",
    [
        {"invoice_number": "a\x00b"},
        {"invoice_number": "\ud800"},
        {"invoice_number": "/" * 60 + "1"},
        {"url": "https://["},
        {"\x00": "\ud800"},
        {"items": [{"\ud800\x00": "\x00"}]},
    ],
    ids=repr,
)
def test_what_no_database_takes_is_refused_and_kept(
    context: Context, field: dict[str, Any]
) -> None:
    _, content = refused(context, INVOICE | field)

    assert content == INVOICE | field


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("order_id", "o\x001"),
        ("order_id", "o\ud8001"),
        ("store", "ac\nme"),
        ("order_id", ".."),
        ("reference", "a\nb"),
        ("store", ["acme"]),
        ("order_id", "x" * 65),
        ("reference", "x" * 65),
    ],
)
def test_a_name_that_is_none_is_refused_and_kept(context: Context, name: str, value: Any) -> None:
    row, content = refused(context, INVOICE | {name: value})

    assert name in str(row.last_error)
    assert content[name] == value
    (told,) = context.journal.outcomes.due(9)
    assert told.outcome == "refused"


def test_a_request_nested_deeper_than_can_be_written_is_kept_without_the_depth(
    context: Context,
) -> None:
    _, content = refused(context, INVOICE | {"items": nested(5000), "invoice_number": "128841"})

    assert content["items"] == "cut: nested too deeply"
    assert content["invoice_number"] == "128841"


def test_a_request_larger_than_any_is_kept_in_part(context: Context) -> None:
    row, content = refused(context, INVOICE | {"cliente": "x" * 3_000_000})

    assert content == INVOICE | {"cliente": "cut: 3000002 characters"}
    assert len(str(row.last_error)) < 200


def test_a_request_of_very_many_fields_is_kept_in_part(context: Context) -> None:
    row, content = refused(context, INVOICE | {f"f{n}": n for n in range(100_000)})

    assert content["cut"] == "99905 more fields"
    assert len(content) == 101
    assert len(str(row.last_error)) < 2500


def test_an_nfe_of_an_order_whose_document_cannot_be_read_is_refused(context: Context) -> None:
    context.journal.orders.record("acme", [NewOrder("o-1", datetime.now(UTC), 1)])
    (ticket,) = context.journal.jobs.dispatch(in_flight=9)
    with (
        contextlib.suppress(RuntimeError),
        context.journal.jobs.step("acme", "o-1", ticket.attempt, to=ticket.stage.FETCHED) as job,
    ):
        job.order = {"items": 5}
        raise RuntimeError

    row, content = refused(context, dict(ORDER), xml=b"<nfeProc/>")

    assert "the order breaks its schema" in str(row.last_error)
    assert content["xml"] == "<nfeProc/>"


def test_what_differs_from_an_earlier_invoice_is_told_where_it_names_nobody(
    context: Context,
) -> None:
    item = {"sku_id": "1", "quantity": 1, "price_cents": 1, "description": "de Ana"}
    request_intake.record(context, "invoice", INVOICE | {"courier": "Ana Prado", "items": [item]})
    other = item | {"sku_id": "2\x7f\u202e", "description": "de João"}
    now = {"courier": "João Prado", "items": [other], "value_cents": 2}

    with pytest.raises(RequestRefused) as caught:
        request_intake.record(context, "invoice", INVOICE | now)

    assert "courier: another" in str(caught.value)
    assert "value_cents: 1 then, 2 now" in str(caught.value)
    assert '{"sku_id": "2\ufffd\ufffd"' in str(caught.value)
    assert not [name for name in ("Ana", "João", "Prado") if name in str(caught.value)]


@pytest.fixture
def at_work(context: Context) -> Iterator[Context]:
    app.loader.import_default_modules()
    before, StoreTask.process_context = StoreTask.process_context, context
    yield context
    StoreTask.process_context = before


@pytest.mark.parametrize("name", ["invoices.send", "tracking.send", "cancellations.request"])
@pytest.mark.parametrize(
    ("args", "kwargs"), [([1, "x"], ORDER), ([], ORDER | {"self": 1}), ([], {}), ([], {"args": 1})]
)
def test_a_message_of_any_shape_is_refused_and_kept(
    at_work: Context, name: str, args: list[Any], kwargs: dict[str, Any]
) -> None:
    ended = app.tasks[name].apply(args=args, kwargs=kwargs)

    assert isinstance(ended.result, RequestRefused)
    (row,) = at_work.journal.requests.find()
    assert row.state is State.DEAD
