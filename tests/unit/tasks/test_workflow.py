"""How claimed jobs become messages."""

from __future__ import annotations

from journal.model import Kind, Lease, Stage
from tasks.workflow import MAX_ORDERS, MIN_MESSAGES, _messages


def intakes(count: int) -> list[Lease]:
    return [Lease("acme", f"o-{n}", 1, Stage.LISTED) for n in range(count)]


def sizes(tickets: list[Lease]) -> list[int]:
    return [count for _, count in _messages(tickets)]


def test_few_orders_go_one_by_one_so_that_several_workers_have_them() -> None:
    assert sizes(intakes(5)) == [1] * 5


def test_many_orders_share_messages_in_as_many_parts_as_workers_may_be() -> None:
    assert len(sizes(intakes(100))) == MIN_MESSAGES


def test_no_message_has_more_orders_than_it_may() -> None:
    assert max(sizes(intakes(1000))) == MAX_ORDERS


def test_a_message_carries_what_names_an_order_and_where_it_stands() -> None:
    ((message, count),) = _messages(intakes(1))

    assert (message.task, count) == ("orders.run", 1)
    assert message.kwargs == {
        "orders": [{"store": "acme", "order_id": "o-0", "attempt": 1, "stage": "listed"}]
    }


def test_what_the_erp_asked_for_goes_by_itself_and_keeps_its_place() -> None:
    invoice = Lease("acme", "o-9", 1, Stage.REQUESTED, Kind.INVOICE, 7)

    names = [(entry.task, count) for entry, count in _messages([invoice, *intakes(9)])]

    assert names[0][1] == 1
    assert sum(count for name, count in names if name == "orders.run") == 9
    assert names[0][0] != "orders.run"
