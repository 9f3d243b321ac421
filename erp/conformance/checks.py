"""The checks of every adapter and of every outbox (docs/erp/conformance.md)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Protocol
from uuid import uuid4

from erp.codes import KINDS, KnowsCodes
from erp.order_diff import ItemChange, OrderDiff, Totals
from erp.port import CHANGES, Erp, Event, Request, erp_orders
from erp.sales_order import Customer, OrderLine, PaymentPart, PostalAddress, SalesOrder

RACERS = 12
MOMENT = datetime(2026, 3, 11, tzinfo=UTC)


class OutboxHarness(Protocol):
    """The ERP's own side of its outbox, for the checks."""

    erp: Erp

    def put(self, order_id: str) -> str:
        """Request the cancellation of an order of store ``acme``, with the reason ``acabou``.

        Returns the reference of the request.
        """

    def seen(self, reference: str) -> tuple[str, str | None]:
        """Return the state of a request in the ERP, and its receipt or its reason.

        The state is ``waits``, ``handed out`` or one of ``erp.port.OUTCOMES``.
        """

    def ask_again(self, reference: str) -> None:
        """Set a refused or dead request back to waiting."""

    def let_claims_lapse(self) -> None:
        """Let the claims of a dead taker expire."""


def sample(order_id: str | None = None) -> SalesOrder:
    """Return a sound order, with a unique id by default."""
    return SalesOrder(
        store="acme",
        order_id=order_id or f"v{uuid4().hex[:12]}-01",
        sequence="70411223",
        placed_at=datetime(2026, 3, 10, 14, 20, 11, tzinfo=UTC),
        currency="BRL",
        items_total=Decimal("309.70"),
        discounts=Decimal("-12.99"),
        shipping=Decimal("18.90"),
        tax=Decimal(0),
        other=Decimal(0),
        total=Decimal("315.61"),
        customer=Customer(kind="F", document="52998224725", name="Conceição D'Ávila 🦜"),
        lines=(
            _line(1, "310045", Decimal("123.40")),
            _line(2, "310045", Decimal("123.41")),
            _line(3, "310102", Decimal("49.90")),
        ),
        payments=(
            PaymentPart(
                1,
                "2",
                "Visa",
                "creditCard",
                Decimal("315.61"),
                share=Decimal("315.61"),
                installments=3,
            ),
        ),
        addresses=(PostalAddress(street="Rua das Palmeiras", city="São Paulo", state="SP"),),
        raw_order={"orderId": "…", "note": "á" * 70_000},
        raw_payment=None,
    )


def inserted(erp: Erp) -> SalesOrder:
    """Return a sound order that the ERP has."""
    order = sample()
    erp.insert(order)
    return order


def inserting_twice_gives_one_order_and_its_reference(erp: Erp) -> None:
    """The second caller gets the first one's reference."""
    order = sample()
    reference = erp.insert(order)
    same(erp.insert(order), reference)
    same(erp.find(order.store, order.order_id), reference)


def racing_callers_insert_one_order(erp: Erp) -> None:
    """The loser of the race gets the winner's reference."""
    order = sample()
    with ThreadPoolExecutor(RACERS) as pool:
        references = set(pool.map(lambda _: erp.insert(order), range(RACERS)))
    same(len(references), 1)


def the_same_id_in_two_stores_is_two_orders(erp: Erp) -> None:
    """An order is named by its store and its id."""
    order = sample()
    first, other = erp.insert(order), erp.insert(replace(order, store="outlet"))
    same(first != other, True)


def an_unknown_order_has_no_reference(erp: Erp) -> None:
    """``find`` returns ``None``."""
    same(erp.find("acme", "nobody-01"), None)


def an_order_of_nothing_is_taken(erp: Erp) -> None:
    """Zero value, without payments and without an address."""
    nothing = Decimal(0)
    order = replace(
        sample(),
        total=nothing,
        items_total=nothing,
        discounts=nothing,
        shipping=nothing,
        payments=(),
        addresses=(),
    )
    same(bool(erp.insert(order)), True)


def an_order_of_many_lines_is_taken(erp: Erp) -> None:
    """500 lines in one order."""
    lines = tuple(_line(number, "310045", Decimal("0.01")) for number in range(1, 501))
    same(bool(erp.insert(replace(sample(), lines=lines))), True)


def an_event_reported_twice_is_kept(erp: Erp) -> None:
    """Also an event of an unknown order, or of an unknown kind."""
    order = inserted(erp)
    for kind in ("canceled", "something-new"):
        for _ in range(2):
            erp.report(Event(order.store, order.order_id, kind, kind, MOMENT, "razão"))
            ended = Event(order.store, order.order_id, kind, f"{kind}-1", MOMENT, outcome="dead")
            erp.report(ended)
            erp.report(replace(ended, key=f"{kind}-2", reference="nothing of the ERP's"))


def many_orders_are_looked_up_at_once(erp: Erp) -> None:
    """The known orders, with the adapter's facts. Adapters without ``look_up`` pass, too."""
    order, other = sample(), sample()
    references = {row.order_id: erp.insert(row) for row in (order, other)}
    erp.report(Event(other.store, other.order_id, "canceled", "canceled", MOMENT, "razão"))
    found = erp_orders(erp, order.store, [*references, "nobody-01"])
    same({name: row.reference for name, row in found.items()}, references)
    same({row.total for row in found.values()} <= {order.total, None}, True)
    same(found[order.order_id].canceled in (False, None), True)
    same(found[other.order_id].canceled in (True, None), True)
    same(erp_orders(erp, "outlet", [order.order_id]), {})


def codes_are_told_by_kinds_that_are_known(erp: Erp) -> None:
    """For an adapter that lists its ERP's codes."""
    if isinstance(erp, KnowsCodes):
        same(set(erp.codes("acme")) - set(KINDS), set())


def every_change_of_an_order_is_taken_and_taken_once(erp: Erp) -> None:
    """With every field that it may have, also for an unknown order."""
    order = inserted(erp)
    for order_id in (order.order_id, "nobody-01"):
        for kind in CHANGES:
            for _ in range(2):
                erp.report(_change(order_id, kind))


def what_an_order_is_worth_is_what_the_erp_has_or_was_told_last(erp: Erp) -> None:
    """If the adapter reports totals: the unchanged total, or that of the last change.

    A change that is reported twice counts once. The latest change counts.
    """
    order = inserted(erp)
    then, now = _change(order.order_id, "changed"), _change(order.order_id, "changed", 2)
    for event in (then, now, then):
        erp.report(event)
    found = erp_orders(erp, order.store, [order.order_id])[order.order_id]
    last = now.order_diff.after.total if now.order_diff else None
    same(found.total in (last, order.total, None), True)
    same(found.canceled in (False, None), True)


def a_replaced_order_is_over_and_the_new_one_is_an_order_of_its_own(erp: Erp) -> None:
    """In both orders of arrival."""
    for first in (True, False):
        old, new = inserted(erp), sample()
        if first:
            erp.insert(new)
        erp.report(replace(_change(old.order_id, "replaced"), new_order_id=new.order_id))
        if not first:
            erp.insert(new)
        found = erp_orders(erp, old.store, [old.order_id, new.order_id])
        same(found[old.order_id].canceled in (True, None), True)
        same(found[new.order_id].canceled in (False, None), True)


CHECKS: tuple[Callable[[Erp], None], ...] = (
    inserting_twice_gives_one_order_and_its_reference,
    racing_callers_insert_one_order,
    the_same_id_in_two_stores_is_two_orders,
    an_unknown_order_has_no_reference,
    many_orders_are_looked_up_at_once,
    an_order_of_nothing_is_taken,
    an_order_of_many_lines_is_taken,
    an_event_reported_twice_is_kept,
    codes_are_told_by_kinds_that_are_known,
    every_change_of_an_order_is_taken_and_taken_once,
    what_an_order_is_worth_is_what_the_erp_has_or_was_told_last,
    a_replaced_order_is_over_and_the_new_one_is_an_order_of_its_own,
)


def what_waits_is_handed_out_once_oldest_first(outbox: OutboxHarness) -> None:
    """With the arguments of its task. The rest comes at the next poll."""
    references = [outbox.put(f"o-{number}-01") for number in range(5)]
    taken: list[Request] = []
    same([outbox.erp.poll_outbox(taken.append, 3) for _ in range(3)], [3, 2, 0])
    same([request.reference for request in taken], references)
    fields = {"store": "acme", "order_id": "o-0-01", "reason": "acabou"}
    same((taken[0].kind, dict(taken[0].fields), taken[0].xml), ("cancellation", fields, None))
    same({outbox.seen(reference) for reference in references}, {("handed out", None)})


def racing_takers_get_different_requests(outbox: OutboxHarness) -> None:
    """With 100 requests and 8 takers, each request goes to one taker."""
    references = {outbox.put(f"o-{number}-01") for number in range(100)}
    taken: list[Request] = []

    def work(_: int) -> int:
        count = 0
        while handed := outbox.erp.poll_outbox(taken.append, 7):
            count += handed
        return count

    with ThreadPoolExecutor(8) as pool:
        same(sum(pool.map(work, range(8))), 100)
    same(len(taken), 100)
    same({request.reference for request in taken}, references)


def what_a_taker_fails_on_waits_and_holds_up_nobody(outbox: OutboxHarness) -> None:
    """Earlier requests count as taken. The failed one returns, and later ones come at once."""
    first, failing, *behind = [outbox.put(f"o-{number}-01") for number in range(5)]

    def take(request: Request) -> None:
        if request.reference == failing:
            raise LookupError(failing)

    try:
        outbox.erp.poll_outbox(take, 10)
    except LookupError:
        pass
    else:
        raise AssertionError("the taker's error is lost")
    same([outbox.seen(name)[0] for name in (first, failing)], ["handed out", "waits"])
    taken: list[Request] = []
    outbox.erp.poll_outbox(taken.append, 3)
    same([request.reference for request in taken], behind)
    outbox.let_claims_lapse()
    outbox.erp.poll_outbox(taken.append, 10)
    same([request.reference for request in taken], [*behind, failing])


def the_erp_sees_how_each_request_ended(outbox: OutboxHarness) -> None:
    """Also if it ended while its taker was busy, and if the end is reported twice."""
    words = {"done": "r-1", "refused": "razão", "dead": "razão", "obsolete": "razão"}
    references = {outcome: outbox.put(f"{outcome}-01") for outcome in words}

    def take(request: Request) -> None:
        if request.reference == references["done"]:
            outbox.erp.report(_ended("done", request.reference))

    outbox.erp.poll_outbox(take, 10)
    for _ in range(2):
        for outcome, reference in references.items():
            outbox.erp.report(_ended(outcome, reference))
    found = {outcome: outbox.seen(reference) for outcome, reference in references.items()}
    same(found, {outcome: (outcome, word) for outcome, word in words.items()})


def what_is_asked_again_is_handed_out_and_an_old_outcome_leaves_it_alone(
    outbox: OutboxHarness,
) -> None:
    """The first end is reported late and often. The second end counts."""
    reference = outbox.put("refused-01")
    taken: list[Request] = []
    outbox.erp.poll_outbox(taken.append, 1)
    old = _ended("refused", reference)
    outbox.erp.report(old)
    outbox.ask_again(reference)
    outbox.erp.report(old)
    same(outbox.seen(reference)[0], "waits")
    same(outbox.erp.poll_outbox(taken.append, 1), 1)
    outbox.erp.report(old)
    same(outbox.seen(reference)[0], "handed out")
    outbox.erp.report(replace(old, key="again", outcome="done", receipt="r-2", reason=None))
    same(outbox.seen(reference), ("done", "r-2"))


def an_ending_that_a_person_brought_about_later_counts(outbox: OutboxHarness) -> None:
    """A dead request that an operator retried without the ERP."""
    reference = outbox.put("dead-01")
    outbox.erp.poll_outbox(lambda _: None, 1)
    dead = _ended("dead", reference)
    outbox.erp.report(dead)
    outbox.erp.report(replace(dead, key="again", outcome="done", receipt="r-2", reason=None))
    outbox.erp.report(replace(dead, key="late"))
    same(outbox.seen(reference), ("done", "r-2"))


OUTBOX_CHECKS: tuple[Callable[[OutboxHarness], None], ...] = (
    what_waits_is_handed_out_once_oldest_first,
    racing_takers_get_different_requests,
    what_a_taker_fails_on_waits_and_holds_up_nobody,
    the_erp_sees_how_each_request_ended,
    what_is_asked_again_is_handed_out_and_an_old_outcome_leaves_it_alone,
    an_ending_that_a_person_brought_about_later_counts,
)


def _change(order_id: str, kind: str, number: int = 1) -> Event:
    """Return a change with every field of its kind."""
    said = Event(
        "acme", order_id, kind, f"{kind}-{number}", MOMENT, "razão", order_status="handling"
    )
    match kind:
        case "cancel_requested":
            return replace(
                said,
                request_id="85835AB408514B52AA139E4236CE0C33",
                requested_by_user=True,
                decide_by=MOMENT,
            )
        case "replaced":
            return replace(said, new_order_id="v70411223acme-02")
        case "changed":
            return replace(said, order_diff=_amendment(number))
        case _:
            return said


def _amendment(number: int) -> OrderDiff:
    nothing, price = Decimal(0), Decimal("49.90")
    before = Totals(
        Decimal("309.70"), Decimal("-12.99"), Decimal("18.90"), nothing, nothing, Decimal("315.61")
    )
    after = replace(
        before, items=before.items + number * price, total=before.total + number * price
    )
    item = ItemChange(
        "310102",
        "7F3C",
        "REF-310102",
        "Caneca azul",
        1,
        1 + number,
        price,
        price,
        price,
        price * (1 + number),
    )
    gone = replace(item, unique_id=None, quantity=0, unit_price=nothing, total=nothing)
    return OrderDiff((item, gone), before, after)


def _ended(outcome: str, reference: str) -> Event:
    done = outcome == "done"
    return Event(
        "acme",
        f"{outcome}-01",
        "cancellation",
        f"{outcome}-{reference}",
        MOMENT,
        reason=None if done else "razão",
        outcome=outcome,
        reference=reference,
        receipt="r-1" if done else None,
        attempts=3,
    )


def _line(number: int, sku: str, price: Decimal) -> OrderLine:
    return OrderLine(
        line_no=number,
        item_index=0,
        sku_id=sku,
        quantity=1,
        unit_price=price,
        discount=Decimal(0),
        total=price,
        name="Camiseta básica",
    )


def same(actual: object, expected: object) -> None:
    """Raise unless both are equal."""
    if actual != expected:
        raise AssertionError(f"{actual!r} is not {expected!r}")
