"""Every order that goes in has amounts, addresses and rows that agree, however it is written."""

import copy
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine

from erp.adapters.sql.order_rows import rows_of
from erp.adapters.sql.tables import metadata
from erp.adapters.sql.tables import orders as orders_table
from erp.port import ErpRejected
from erp.sales_order import SalesOrder
from support.documents import hostile
from tasks.intake.orders import sales_order
from vtex import schemas
from vtex.documents import Order
from vtex.errors import DocumentInvalid
from vtex.operations.invoice import prepared
from vtex.operations.invoice_balance import balance
from vtex.payloads import Invoice
from vtex.pricing.totals import totals_of
from vtex.simulator.seed import KINDS, Made, Seed

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MADE = [
    Seed("acme", seed).order(NOW, "ready-for-handling", kind) for kind in KINDS for seed in (1, 2)
]
REFUSALS = (DocumentInvalid, ErpRejected)

WORDS = st.text(max_size=20) | st.sampled_from(
    (
        "Discounts_x",
        "CustomTax",
        "Change",
        "tax@hub",
        "DISCOUNT@GIFT",
        "creditcard",
        "pickup",
        "RUT",
    )
)
OPEN_WORDS: tuple[tuple[Any, ...], ...] = (
    ("totals", 0, "id"),
    ("totals", 1, "id"),
    ("totals", 2, "id"),
    ("totals", 3, "id"),
    ("status",),
    ("origin",),
    ("items", 0, "priceTags", 0, "name"),
    ("items", 0, "measurementUnit"),
    ("clientProfileData", "documentType"),
    ("clientProfileData", "document"),
    ("shippingData", "logisticsInfo", 0, "selectedDeliveryChannel"),
    ("shippingData", "logisticsInfo", 0, "addressId"),
    ("shippingData", "address", "addressType"),
    ("shippingData", "address", "country"),
    ("shippingData", "address", "postalCode"),
    ("paymentData", "transactions", 0, "transactionId"),
    ("paymentData", "transactions", 0, "payments", 0, "group"),
    ("paymentData", "transactions", 0, "payments", 0, "paymentSystem"),
    ("storePreferencesData", "countryCode"),
    ("storePreferencesData", "currencyCode"),
)
"""Places of words that VTEX's documents leave open."""

Change = Callable[[Any], Any]


def _at(document: Any, way: tuple[Any, ...], change: Change) -> None:
    """Change the value at a path, if the document has it."""
    *steps, last = way
    for step in steps:
        try:
            document = document[step]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(document, dict) or (isinstance(document, list) and last < len(document)):
        document[last] = change(document[last])


@st.composite
def orders(draw: st.DrawFn) -> Made:
    """An order of any kind, with other words, with amounts that are off, or with anything."""
    made = copy.deepcopy(draw(st.sampled_from(MADE)))
    order = made.order
    for way in draw(st.lists(st.sampled_from(OPEN_WORDS), max_size=3)):
        word = draw(WORDS)
        _at(order, way, lambda _, word=word: word)
    numbers = [way for way in hostile.paths(order) if _is_amount(order, way)]
    for way in draw(st.lists(st.sampled_from(numbers), max_size=2)):
        cents = draw(st.sampled_from((-100, -1, 1, 2, 1000)))
        _at(order, way, lambda value, cents=cents: value + cents)
    if draw(st.integers(0, 3)) == 0:
        order = draw(hostile.mutated(order))
    return Made(order, made.transactions)


def _is_amount(document: Any, way: tuple[Any, ...]) -> bool:
    for step in way:
        document = document[step]
    return type(document) is int and way[0] in ("items", "totals", "value", "shippingData")


def taken(made: Made) -> tuple[Order, SalesOrder] | None:
    """Return an order as it goes into tables. ``None`` if it is refused with the field named."""
    payment = {"transactions": list(made.transactions.values())}
    try:
        order = schemas.read_order(made.order)
        mapped = sales_order("acme", order, payment)
        rows_of(mapped)
    except REFUSALS:
        return None
    return order, mapped


def names(order: SalesOrder) -> set[str]:
    return {str(flag.name) for flag in order.flags}


def assert_proven(document: Order, order: SalesOrder) -> None:
    """Assert that an order's amounts agree, or that a flag says that they do not."""
    head = order.items_total + order.discounts + order.shipping + order.tax + order.other
    assert head == order.total
    flags = names(order)
    assert "sum_mismatch" in flags or _lines_agree(document, order)
    freight = sum(line.freight for line in order.lines)
    goods = sum(line.total for line in order.lines)
    is_net = goods + freight == order.items_total + order.discounts + order.shipping
    rounding = abs(document.rounding_error_cents) / 100
    assert "line_freight_unknown" in flags or is_net or abs(freight - order.shipping) <= rounding
    shares = sum(payment.share for payment in order.payments)
    assert shares == order.total or any(flag.startswith("payment") for flag in flags)


def _lines_agree(document: Order, order: SalesOrder) -> bool:
    totals = totals_of(document)
    cents = sum(int(line.total * 100) for line in order.lines)
    freight = sum(int(line.freight * 100) for line in order.lines)
    goods = int((order.items_total + order.discounts) * 100)
    shipping = int(order.shipping * 100)
    # Discounts may hold the freight's, and a change may be in the lines already.
    wanted = {goods, goods + totals.change, goods + shipping - freight}
    return min(abs(sums - cents) for sums in wanted) <= abs(document.rounding_error_cents)


def assert_addressed(document: Order, order: SalesOrder) -> None:
    """Assert that each delivered line has an address or a flag, and the nota no pickup point."""
    delivered = {row.item_index for row in document.logistics}
    missing = [
        line for line in order.lines if line.item_index in delivered and line.address_no is None
    ]
    services = [line for line in missing if line.parent_line is not None]
    points = [row for row in document.logistics if row.is_pickup]
    assert len(missing) == len(services) or points or "address_missing" in names(order)
    billing = order.billing_address
    assert billing is None or billing.address_type != "pickup"
    assert (billing is None) <= ("address_missing" in names(order))


@given(orders())
def test_an_order_that_goes_in_is_proven_and_addressed(made: Made) -> None:
    if (pair := taken(made)) is not None:
        assert_proven(*pair)
        assert_addressed(*pair)


@given(orders())
def test_a_whole_invoice_without_items_fits_every_order_that_goes_in(made: Made) -> None:
    pair = taken(made)
    if pair is None:
        return
    order, _ = pair
    invoice = Invoice("1", order.value_cents, "2026-03-11T10:00:00-03:00")

    ready = prepared(invoice, order, balance(order, ()))

    assert sum(item.price_cents * item.quantity for item in ready.items) <= order.value_cents


@pytest.fixture(scope="module")
def tables() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@given(made=orders())
def test_the_rows_of_every_order_that_goes_in_fit_their_tables(
    tables: Connection, made: Made
) -> None:
    pair = taken(made)
    if pair is None:
        return
    rows = rows_of(pair[1])
    with tables.begin() as transaction:
        head = rows.pop(orders_table)[0]
        (number,) = tables.execute(orders_table.insert().values(head)).inserted_primary_key
        for table, several in rows.items():
            for row in several:
                tables.execute(table.insert().values(row | {"int_order_id": number}))
        transaction.rollback()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_the_simulated_store_goes_in_as_it_is(kind: str) -> None:
    for seed in range(1, 6):
        pair = taken(Seed("acme", seed).order(NOW, "ready-for-handling", kind))

        assert pair is not None
        assert_proven(*pair)
        assert_addressed(*pair)
        assert not names(pair[1]) & {"sum_mismatch", "document_check_digit", "text_cut"}


@given(st.sampled_from(MADE), st.sampled_from(OPEN_WORDS), WORDS)
def test_an_unknown_word_never_stops_an_order_without_naming_its_field(
    made: Made, way: tuple[Any, ...], word: str
) -> None:
    order = copy.deepcopy(made.order)
    _at(order, way, lambda _: word)

    try:
        sales_order("acme", schemas.read_order(order), None)
    except DocumentInvalid as error:
        refusal, may_differ = str(error), False
    except ErpRejected as error:
        # A total or a tag that changes its kind changes the sums.
        refusal, may_differ = str(error), way[0] in ("totals", "items", "origin")
    else:
        return

    assert may_differ or str(way[-1]) in refusal
