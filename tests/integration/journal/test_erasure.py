"""One customer's data is erased: nothing in the journal names them any more, nothing is done twice."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from journal.jobs.dead_letters import DeadLetterFilter
from journal.model import STAGES, Kind, State
from journal.storage.tables import metadata
from support.documents.nfe_samples import PERSON, nfe
from support.order_flow import OrderFlow, order_flow


@pytest.fixture
def flow(journal_url: str) -> Iterator[OrderFlow]:
    with order_flow(journal_url) as made:
        yield made


def taken_in(flow: OrderFlow, **client: str) -> str:
    """Return an order that is in the ERP and handled, its client changed as said."""
    order_id = flow.order(status="ready-for-handling")
    flow.entry(order_id).order["clientProfileData"].update(client)
    flow.intake(order_id)
    flow.work()
    return order_id


def written(flow: OrderFlow) -> str:
    """Return all that the journal holds, as text."""
    words = []
    with flow.journal._database.transaction() as db:
        for table in metadata.sorted_tables:
            for row in db.execute(select(table)):
                words += [plain(value) for value in row]
    return "\n".join(words)


def plain(value: Any) -> str:
    return zlib.decompress(value).decode() if isinstance(value, bytes) else str(value)


def test_nothing_names_the_customer_any_more_and_the_timeline_says_so(flow: OrderFlow) -> None:
    name, document = PERSON[0].split()[1], "52998224725"
    invoiced, canceled = (taken_in(flow, lastName=name, document=document) for _ in range(2))
    flow.ask("invoice", invoiced, xml=flow.nota(invoiced))
    flow.ask("cancellation", canceled, reason=f"{name} no longer wants it")
    flow.settle()
    before = written(flow)

    erasures = [flow.journal.erasure.erase("acme", value) for value in (invoiced, canceled)]

    assert name in before
    assert document in before
    assert name not in written(flow)
    assert document not in written(flow)
    assert [
        (erasure.documents, erasure.request_bodies, erasure.waits_for) for erasure in erasures
    ] == [(1, 1, ())] * 2
    last = flow.journal.timeline.events("acme", invoiced)[-1]
    assert (last.event, last.detail) == (
        "erased",
        "order and payment documents, contents of 1 requests",
    )


def test_masked_documents_in_the_reason_of_a_refused_nota_go_too(flow: OrderFlow) -> None:
    order_id = taken_in(flow, document="11144477735")
    flow.ask("invoice", order_id, xml=nfe())
    dead = flow.journal.dead_letters.find(DeadLetterFilter())
    assert list(flow.journal.dead_letters.discard(dead, "not this order")) == [1]
    flow.settle()
    before = written(flow)

    flow.journal.erasure.erase("acme", order_id)

    assert "***.982.247-**" in before
    assert "***" not in written(flow)
    assert "dest is …, and the shopper of the order is …" in written(flow)


def test_others_keep_theirs(flow: OrderFlow) -> None:
    mine, other = taken_in(flow), taken_in(flow)

    flow.journal.erasure.erase("acme", mine)

    assert flow.journal.documents.get("acme", mine) == (None, None)
    assert flow.journal.documents.get("acme", other)[0] is not None
    assert [entry.event for entry in flow.journal.timeline.events("acme", other)] == [
        *STAGES[Kind.INTAKE]
    ]


def test_an_erased_order_is_neither_inserted_nor_invoiced_again(flow: OrderFlow) -> None:
    order_id = taken_in(flow)
    flow.invoice(order_id)
    flow.settle()

    flow.journal.erasure.erase("acme", order_id)
    flow.intake(order_id)
    flow.invoice(order_id)
    flow.settle()

    assert len(flow.packages(order_id)) == 1
    assert [entry.event for entry in flow.journal.timeline.events("acme", order_id)].count(
        "inserted"
    ) == 1
    assert flow.journal.documents.get("acme", order_id) == (None, None)


def test_what_is_open_keeps_all_and_says_what_needs_it(flow: OrderFlow) -> None:
    order_id = taken_in(flow)
    flow.invoice(order_id, "9000")

    waits = flow.journal.erasure.erase("acme", order_id)
    there = flow.journal.documents.get("acme", order_id)[0]
    flow.settle()
    then = flow.journal.erasure.erase("acme", order_id)

    assert waits.waits_for == ("invoice 9000 open",)
    assert there is not None
    assert (then.documents, then.request_bodies) == (1, 1)


def test_erased_twice_or_tried_it_writes_nothing(flow: OrderFlow) -> None:
    order_id = taken_in(flow)

    tried = flow.journal.erasure.erase("acme", order_id, dry_run=True)
    there = flow.journal.documents.get("acme", order_id)[0]
    flow.journal.erasure.erase("acme", order_id)
    again = flow.journal.erasure.erase("acme", order_id)

    assert tried.any
    assert there is not None
    assert not again.any
    assert [entry.event for entry in flow.journal.timeline.events("acme", order_id)].count(
        "erased"
    ) == 1


def test_documents_are_walked_in_every_store_or_in_one(flow: OrderFlow) -> None:
    ids = {taken_in(flow) for _ in range(3)}
    row = flow.journal.orders.get("acme", min(ids))
    assert row is not None
    assert row.state is State.DONE

    walked = {row.order_id for row in flow.journal.documents.each()}

    assert walked == ids
    assert {row.order_id for row in flow.journal.documents.each("acme")} == ids
    assert not [*flow.journal.documents.each("outlet")]
    assert (flow.journal.documents.count(), flow.journal.documents.count("outlet")) == (3, 0)
