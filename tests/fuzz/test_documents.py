"""VTEX's documents with anything anywhere: read and sound, or refused in words that name no one."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp.adapters.sql.adapter import SqlErp
from erp.mapping.sales_orders import LENIENT
from erp.port import ErpRejected
from erp.sales_order import SalesOrder
from journal.storage.rows import compress, decompress
from support.documents import hostile
from tasks.intake.orders import listed, sales_order
from vtex import schemas, statuses
from vtex.errors import DocumentInvalid, VtexUnavailable
from vtex.operations.invoice_balance import balance
from vtex.simulator.seed import Made

MOST_WORDS = 5_000
_NUMBERS = itertools.count()


@st.composite
def orders(draw: st.DrawFn) -> Made:
    """An order and its transactions, one of them or both hostile."""
    made = draw(st.sampled_from(hostile.MADE))
    order = draw(hostile.mutated(made.order)) if draw(st.booleans()) else made.order
    gateway = made.transactions
    if gateway and draw(st.booleans()):
        gateway = draw(hostile.mutated(gateway))
    return Made(order, gateway)


def with_packages() -> st.SearchStrategy[Any]:
    order = hostile.MADE[0].order | {"packageAttachment": {"packages": [hostile.PACKAGE]}}
    return hostile.mutated(order["packageAttachment"]).map(
        lambda attachment: order | {"packageAttachment": attachment}
    )


def refused(error: Exception) -> None:
    """Assert that a refusal's words are for a person, and name none."""
    words = str(error)
    assert words
    assert len(words) < MOST_WORDS
    assert words.isprintable()
    assert not [one for one in hostile.PEOPLE if one in words]


def assert_sound(value: Any) -> None:
    """Assert of all that a dataclass holds: whole cents, finite, aware, and text that can be written."""
    for name, one in _facts(value):
        assert not isinstance(one, float), name
        if isinstance(one, str):
            assert "\x00" not in one, name
            one.encode()
        if isinstance(one, Decimal):
            assert one.is_finite(), name
        if isinstance(one, datetime):
            assert one.utcoffset() == UTC.utcoffset(None), name
            assert 1900 <= one.year < 3000, name


def _facts(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            # Documents are kept as they came.
            if not field.name.startswith("raw"):
                yield from _facts(getattr(value, field.name), f"{name}.{field.name}")
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _facts(one, name)
    elif isinstance(value, dict):
        yield from _facts([*value.keys(), *value.values()], name)
    else:
        yield name, value


def mapped(made: Made) -> SalesOrder | None:
    """Return what the ERP would get; None where it is refused as it should be."""
    try:
        order = schemas.read_order(made.order)
        return sales_order(
            "acme", order, {"transactions": list(made.transactions.values())}, proof=LENIENT
        )
    except (DocumentInvalid, ErpRejected) as error:
        refused(error)
        return None


@given(orders())
def test_an_order_makes_a_sound_sales_order_or_is_refused(made: Made) -> None:
    before = copy.deepcopy(made.order)

    order = mapped(made)

    assert repr(made.order) == repr(before)
    if order is not None:
        assert_sound(order)
        assert order.lines
        assert [one.line_no for one in order.lines] == list(range(1, len(order.lines) + 1))
        assert all(one.quantity > 0 or one.removed_quantity for one in order.lines)
        parts = (order.items_total, order.discounts, order.shipping, order.tax, order.other)
        assert sum(parts) == order.total
        assert all(one.as_tuple().exponent in (-2, 0) for one in parts)


@given(orders())
def test_what_an_orders_status_leads_to_is_always_said(made: Made) -> None:
    try:
        order = schemas.read_order(made.order)
        assert_sound(order)
        if reason := statuses.reason_to_skip(order):
            assert len(reason) < 200
        else:
            statuses.require_ready(order)
    except (DocumentInvalid, VtexUnavailable) as error:
        refused(error)


@given(with_packages())
def test_packages_are_read_and_weighed_or_refused(raw: dict[str, Any]) -> None:
    try:
        packages = schemas.read_packages(raw)
        assert_sound(packages)
        assert_sound(balance(schemas.read_order(raw), packages))
    except DocumentInvalid as error:
        refused(error)


@given(hostile.mutated(hostile.PAGE))
def test_a_page_of_the_list_gives_ids_that_the_journal_can_hold(raw: dict[str, Any]) -> None:
    try:
        page = schemas.read_page(raw)
    except DocumentInvalid as error:
        refused(error)
        return

    assert_sound(page)
    assert len(page.orders) + len(page.unreadable) == len(raw["list"])
    assert all(0 < len(one.order_id) <= 64 for one in listed(page))
    for words in page.unreadable:
        refused(DocumentInvalid(words))


@given(hostile.mutated(hostile.PAGE["list"][0]) | hostile.VALUES)
def test_one_bad_row_of_the_list_hides_no_other(row: Any) -> None:
    others = hostile.PAGE["list"][1:]

    page = schemas.read_page(hostile.PAGE | {"list": [others[0], row, *others[1:]]})

    assert {one["orderId"] for one in others} <= {one.order_id for one in page.orders}


@given(hostile.mutated(hostile.EVENT) | hostile.VALUES)
def test_one_bad_event_of_the_feed_hides_no_other_and_is_named(raw: Any) -> None:
    batch = schemas.read_feed([hostile.EVENT, raw, hostile.EVENT])

    assert len(batch) == 3
    for event in (*batch.events, *batch.unreadable):
        # A handle is given back as it came, and kept nowhere.
        assert_sound(replace(event, handle=""))
    assert all(0 < len(one.order_id) <= 64 and one.handle for one in batch.events)
    for one in batch.unreadable:
        # What names an order is committed after it only; what names none, never will.
        assert not (one.handle and one.order_id)
        refused(DocumentInvalid(one.reason))


@given(hostile.mutated(hostile.FEED_CONFIG) | hostile.VALUES)
def test_a_feeds_configuration_is_read_or_refused(raw: Any) -> None:
    try:
        assert_sound(schemas.read_feed_config(raw))
    except DocumentInvalid as error:
        refused(error)


@given(hostile.mutated(hostile.RECEIPT) | hostile.VALUES)
def test_an_answer_to_a_write_is_a_receipt_or_none(raw: Any) -> None:
    receipt = schemas.read_receipt(raw)

    assert receipt is None or 0 < len(receipt) <= 255
    assert_sound([receipt])


@given(orders())
def test_the_journal_gives_back_what_it_was_given(made: Made) -> None:
    assert repr(decompress(compress(made.order))) == repr(made.order)


@pytest.fixture(scope="module")
def sqlite_erp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlErp]:
    erp = SqlErp(f"sqlite:///{tmp_path_factory.mktemp('erp')}/erp.db")
    erp.migrate()
    yield erp
    erp.close()


def insert(erp: SqlErp, made: Made) -> None:
    order = mapped(made)
    if order is None:
        return
    # Each is new to the ERP.
    order = replace(order, store=f"acme-{next(_NUMBERS)}")
    try:
        reference = erp.insert(order)
    except ErpRejected as error:
        refused(error)
        return
    assert erp.find(order.store, order.order_id) == reference


@given(made=orders())
def test_sqlite_takes_an_order_or_the_refusal_says_why(sqlite_erp: SqlErp, made: Made) -> None:
    insert(sqlite_erp, made)


@pytest.fixture(scope="module")
def postgres_erp(fresh_postgres: str) -> Iterator[SqlErp]:
    erp = SqlErp(fresh_postgres)
    erp.migrate()
    yield erp
    erp.close()


@settings(settings(), max_examples=max(40, settings().max_examples // 10))
@given(made=orders())
def test_postgresql_takes_an_order_or_the_refusal_says_why(
    postgres_erp: SqlErp, made: Made
) -> None:
    insert(postgres_erp, made)
