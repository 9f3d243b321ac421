"""Explains an order: its fate, sums, readings, checks, and the fields that reached no column."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from erp.adapters.sql.order_rows import cuts_of, rows_of
from erp.codes import CodeMap
from erp.mapping.sales_orders import LENIENT, STRICT, Proof
from erp.port import ErpRejected
from erp.sales_order import Flag, SalesOrder
from foundation.messages import erp as erp_messages
from foundation.messages import orders as messages
from foundation.messages.message import Message, Text, code_of, error_text
from tasks.intake.orders import sales_order
from tasks.intake.unreached import Field, fields_without_effect
from vtex import schemas, statuses
from vtex.documents import Order
from vtex.errors import DocumentInvalid, VtexUnavailable
from vtex.operations.intake import admit
from vtex.pricing.prices import OrderPrices, price_lines
from vtex.pricing.readings import Reading
from vtex.pricing.totals import kind_of_total
from vtex.statuses import HandledOrders


class Fate(StrEnum):
    """The effect that the intake of an order would have."""

    INSERTED = "be inserted"
    HELD = "be held"
    SKIPPED = "be skipped"
    WAITS = "wait"


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents of an order, and the rules of its store.

    Attributes:
        also_intake: the orders that the store's setting brings in as handled.
        as_ready: judge an order that has moved on as if it were ready for handling.
    """

    store: str
    order: Mapping[str, Any]
    payment: Mapping[str, Any] | None = None
    proof: Proof = STRICT
    codes: CodeMap | None = None
    also_intake: HandledOrders | None = None
    as_ready: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """The fate of an order, its reason, and the sales order that it makes."""

    fate: Fate
    reason: str | None = None
    sales_order: SalesOrder | None = None


@dataclass(frozen=True, slots=True)
class Sum:
    """One sum of an order.

    Attributes:
        ids: VTEX's ids of the totals in it.
        lines_cents: the sum of the lines. ``None`` if lines do not have it.
    """

    name: str
    cents: int
    lines_cents: int | None = None
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One check of an order.

    Attributes:
        passed: ``None`` if the order cannot be checked.
        details: the doubts in words.
    """

    name: str
    passed: bool | None
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tried:
    """The readings of one amount of a line.

    Attributes:
        amount: ``goods``, ``freight`` or ``tax``.
        taken: the reading whose amount the ERP gets.
    """

    amount: str
    taken: Reading
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class ExplainedLine:
    """A line of the document.

    Attributes:
        line: 1-based number, services after their item.
    """

    line: int
    sku_id: str
    quantity: int
    is_service: bool
    tried: tuple[Tried, ...]


@dataclass(frozen=True, slots=True)
class Nearest:
    """Of lines that miss the head's goods: the reading that would come nearest.

    Attributes:
        left_cents: the difference that it would leave.
    """

    line: int
    reading: Reading
    left_cents: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is known about an order before its insertion.

    Attributes:
        shown: the sales order, also of an order that is held for doubts. ``None`` if its
            documents do not make one.
        unreached: fields that reached no column. ``None`` without a sales order.
    """

    judgement: Judgement
    shown: SalesOrder | None = None
    sums: tuple[Sum, ...] = ()
    checks: tuple[Check, ...] = ()
    lines: tuple[ExplainedLine, ...] = ()
    nearest: Nearest | None = None
    flags: tuple[Flag, ...] = ()
    unreached: tuple[Field, ...] | None = None


CHECKS: Mapping[str, tuple[Message, ...]] = {
    "totals come to the value": (erp_messages.TOTALS_DIFFER,),
    "lines come to items and discounts": (erp_messages.LINES_DIFFER, erp_messages.LINES_MISSING),
    "lines of weighed goods fit exactly": (messages.WEIGHED_ROUNDING,),
    "changes stand in lines": (messages.CHANGE_WITHOUT_LINE,),
    "line freight comes to shipping": (messages.LINE_FREIGHT_UNKNOWN,),
    "payments come to the value": (
        messages.PAYMENT_MISSING,
        messages.PAYMENT_SHORT,
        messages.PAYMENT_OVER,
        messages.PAYMENT_GROUP,
    ),
    "the document's check digits": (messages.CHECK_DIGIT_WRONG,),
    "an address for each line and the nota": (
        messages.BILLING_ADDRESS_MISSING,
        messages.DESTINATION_MISSING,
        messages.PICKUP_POINT_MISSING,
    ),
    "texts fit the columns": (messages.TEXT_CUT,),
}
"""Each check, and the messages of its failure."""


def judge(documents: Documents) -> Judgement:
    """Return the fate of an order at its intake."""
    fate, reason = Fate.INSERTED, None
    try:
        if reason := _reason_to_skip(documents):
            fate = Fate.SKIPPED
    except DocumentInvalid as error:
        return Judgement(Fate.HELD, error_text(error))
    except VtexUnavailable as error:
        fate, reason = Fate.WAITS, error_text(error)
    try:
        made = _mapped(documents, schemas.read_order(documents.order))
    except (DocumentInvalid, ErpRejected) as error:
        return (
            Judgement(Fate.HELD, error_text(error)) if reason is None else Judgement(fate, reason)
        )
    return Judgement(fate, reason, made)


def explain(documents: Documents) -> Explanation:
    """Explain an order. Pure, apart from the time that it takes."""
    judgement = judge(documents)
    try:
        order = schemas.read_order(documents.order)
    except DocumentInvalid:
        return Explanation(judgement)
    shown = judgement.sales_order or _as_far_as_possible(documents, order)
    prices = price_lines(order)
    flags, refusal = flags_of(shown)
    return Explanation(
        judgement,
        shown,
        sums=tuple(_sums(order, prices)),
        checks=tuple(_checks(shown, flags, refusal)),
        lines=tuple(_lines(prices)),
        nearest=_nearest(prices),
        flags=flags,
        unreached=None if shown is None else tuple(_unreached(documents)),
    )


def _reason_to_skip(documents: Documents) -> str | None:
    if documents.as_ready:
        return statuses.reason_to_skip(schemas.read_order(documents.order), as_handled=True)
    return admit(documents.order, by_hand=False, also_intake=documents.also_intake).skip


def _mapped(documents: Documents, order: Order) -> SalesOrder:
    return sales_order(
        documents.store, order, documents.payment, proof=documents.proof, codes=documents.codes
    )


def _as_far_as_possible(documents: Documents, order: Order) -> SalesOrder | None:
    """Return the sales order of an order that is held for doubts or missing codes."""
    try:
        return sales_order(documents.store, order, documents.payment, proof=LENIENT)
    except (DocumentInvalid, ErpRejected):
        return None


# --- sums and checks --------------------------------------------------------------------------


def _sums(order: Order, prices: OrderPrices) -> list[Sum]:
    totals, lines = prices.totals, prices.lines
    ids: dict[str, list[str]] = {}
    for total_id, _ in order.totals:
        ids.setdefault(kind_of_total(total_id), []).append(total_id)
    gross = sum(line.gross_cents for line in lines)
    goods = sum(line.total_cents for line in lines)
    freight = sum(line.freight_cents for line in lines)
    tax = sum(line.tax_cents for line in lines)

    def of_kind(name: str, kind: str, lines_cents: int | None = None) -> Sum:
        return Sum(name, getattr(totals, kind), lines_cents, tuple(ids.get(kind, ())))

    return [
        of_kind("items", "items", gross),
        of_kind("discounts", "discounts", goods - gross),
        of_kind("shipping", "shipping", freight),
        of_kind("tax", "tax", tax),
        of_kind("change", "change"),
        of_kind("other totals", "unknown"),
        Sum("rest", order.value_cents - totals.sum),
        Sum("value", order.value_cents, goods + freight + tax),
    ]


def flags_of(order: SalesOrder | None) -> tuple[tuple[Flag, ...], str | None]:
    """Return the flags with those of cut texts, and the refusal of the integration tables."""
    if order is None:
        return (), None
    try:
        return (*order.flags, *cuts_of(order)), None
    except ErpRejected as error:
        return order.flags, str(error)


def _checks(order: SalesOrder | None, flags: Sequence[Flag], refusal: str | None) -> list[Check]:
    if order is None:
        return [Check(name, None) for name in CHECKS]
    made = []
    for name, failures in CHECKS.items():
        codes = {message.code for message in failures}
        details = [_words(flag) for flag in flags if code_of(flag.detail) in codes]
        if messages.TEXT_CUT in failures and refusal:
            details.append(refusal)
        made.append(Check(name, not details, tuple(details)))
    return made


def _words(flag: Flag) -> str:
    """Return the doubt without its next step, which the reason has."""
    return flag.detail.words if isinstance(flag.detail, Text) else flag.detail


# --- readings ---------------------------------------------------------------------------------


def _lines(prices: OrderPrices) -> list[ExplainedLine]:
    # A change after checkout may have added lines, which lack a reading of the document.
    taken = [*prices.goods.readings, *(None for _ in prices.lines)]
    return [
        ExplainedLine(
            number,
            line.item.sku_id,
            line.quantity,
            line.is_service,
            (
                Tried("goods", reading or Reading(line.reading, line.total_cents), line.tried),
                Tried(
                    "freight", Reading(line.freight_reading, line.freight_cents), line.freight_tried
                ),
                Tried("tax", Reading(line.tax_reading, line.tax_cents), line.tax_tried),
            ),
        )
        for number, (line, reading) in enumerate(zip(prices.lines, taken, strict=False), 1)
    ]


def _nearest(prices: OrderPrices) -> Nearest | None:
    if prices.goods.nearest is None:
        return None
    place, reading, left_cents = prices.goods.nearest
    return Nearest(place + 1, reading, left_cents)


# --- fields without an effect -----------------------------------------------------------------


def _unreached(documents: Documents) -> list[Field]:
    read = {"order": documents.order}
    if documents.payment:
        read["payment"] = documents.payment
    return fields_without_effect(read, _effect(documents))


def _effect(documents: Documents) -> Callable[[Mapping[str, Any]], object]:
    """Return the function from altered documents to columns, readings and fate."""

    def effect(altered: Mapping[str, Any]) -> object:
        changed = replace(documents, order=altered["order"], payment=altered.get("payment"))
        judgement = judge(changed)
        try:
            order = schemas.read_order(changed.order)
            shown = judgement.sales_order or _as_far_as_possible(changed, order)
            rows = shown and _columns(shown)
        except (DocumentInvalid, ErpRejected) as error:
            return str(error)
        prices = price_lines(order)
        return judgement.fate, judgement.reason, rows, _sums(order, prices), _lines(prices)

    return effect


def _columns(order: SalesOrder) -> object:
    """Return the values of the integration tables' columns, without the raw documents."""
    columns = {table.name: rows for table, rows in rows_of(order).items()}
    for head in columns["int_order"]:
        del head["received_at"]
    return columns
