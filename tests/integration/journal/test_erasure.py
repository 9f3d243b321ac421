"""One customer's data is erased: nothing in the journal names them any more, nothing is done twice."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from journal.model import STAGES, Kind, State
from journal.storage.tables import metadata
from support.in_process import Desk, desk
from support.nfe_samples import PERSON


@pytest.fixture
def office(journal_url: str) -> Iterator[Desk]:
    with desk(journal_url) as made:
        yield made


def taken_in(office: Desk, **client: str) -> str:
    """Return an order that is in the ERP and handled, its client changed as said."""
    order_id = office.order(status="ready-for-handling")
    office.entry(order_id).order["clientProfileData"].update(client)
    office.intake(order_id)
    office.work()
    return order_id


def written(office: Desk) -> str:
    """Return all that the journal holds, as text."""
    words = []
    with office.journal._database.transaction() as db:
        for table in metadata.sorted_tables:
            for row in db.execute(select(table)):
                words += [plain(one) for one in row]
    return "\n".join(words)


def plain(value: Any) -> str:
    return zlib.decompress(value).decode() if isinstance(value, bytes) else str(value)


def test_nothing_names_the_customer_any_more_and_the_timeline_says_so(office: Desk) -> None:
    name, document = PERSON[0].split()[1], "52998224725"
    invoiced, canceled = (taken_in(office, lastName=name, document=document) for _ in range(2))
    office.ask("invoice", invoiced, xml=office.nota(invoiced))
    office.ask("cancellation", canceled, reason=f"{name} no longer wants it")
    office.settle()
    before = written(office)

    erasures = [office.journal.erasure.erase("acme", one) for one in (invoiced, canceled)]

    assert name in before
    assert document in before
    assert name not in written(office)
    assert document not in written(office)
    assert [(one.documents, one.contents, one.waits_for) for one in erasures] == [(1, 1, ())] * 2
    last = office.journal.timeline.events("acme", invoiced)[-1]
    assert (last.what, last.detail) == (
        "erased", "order and payment documents, contents of 1 requests"
    )  # fmt: skip


def test_others_keep_theirs(office: Desk) -> None:
    mine, other = taken_in(office), taken_in(office)

    office.journal.erasure.erase("acme", mine)

    assert office.journal.documents.get("acme", mine) == (None, None)
    assert office.journal.documents.get("acme", other)[0] is not None
    assert [one.what for one in office.journal.timeline.events("acme", other)] == [
        *STAGES[Kind.INTAKE]
    ]


def test_an_erased_order_is_neither_inserted_nor_invoiced_again(office: Desk) -> None:
    order_id = taken_in(office)
    office.invoice(order_id)
    office.settle()

    office.journal.erasure.erase("acme", order_id)
    office.intake(order_id)
    office.invoice(order_id)
    office.settle()

    assert len(office.packages(order_id)) == 1
    assert [one.what for one in office.journal.timeline.events("acme", order_id)].count(
        "inserted"
    ) == 1
    assert office.journal.documents.get("acme", order_id) == (None, None)


def test_what_is_open_keeps_all_and_says_what_needs_it(office: Desk) -> None:
    order_id = taken_in(office)
    office.invoice(order_id, "9000")

    waits = office.journal.erasure.erase("acme", order_id)
    there = office.journal.documents.get("acme", order_id)[0]
    office.settle()
    then = office.journal.erasure.erase("acme", order_id)

    assert waits.waits_for == ("invoice 9000 open",)
    assert there is not None
    assert (then.documents, then.contents) == (1, 1)


def test_erased_twice_or_tried_it_writes_nothing(office: Desk) -> None:
    order_id = taken_in(office)

    tried = office.journal.erasure.erase("acme", order_id, dry_run=True)
    there = office.journal.documents.get("acme", order_id)[0]
    office.journal.erasure.erase("acme", order_id)
    again = office.journal.erasure.erase("acme", order_id)

    assert tried.any
    assert there is not None
    assert not again.any
    assert [one.what for one in office.journal.timeline.events("acme", order_id)].count(
        "erased"
    ) == 1


def test_documents_are_walked_in_every_store_or_in_one(office: Desk) -> None:
    ids = {taken_in(office) for _ in range(3)}
    row = office.journal.orders.get("acme", min(ids))
    assert row is not None
    assert row.state is State.DONE

    walked = {one.order_id for one in office.journal.documents.each()}

    assert walked == ids
    assert {one.order_id for one in office.journal.documents.each("acme")} == ids
    assert not [*office.journal.documents.each("outlet")]
    assert (office.journal.documents.count(), office.journal.documents.count("outlet")) == (3, 0)
