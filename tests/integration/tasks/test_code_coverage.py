"""What has no code in the ERP is found in the orders that came in, before one is refused for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from erp.codes import KINDS, CodeMap
from erp.port import ErpRejected
from journal.jobs.dead_letters import DeadLetterFilter
from support.erp.outboxes import SqlOutbox
from support.order_flow import OrderFlow, order_flow
from tasks.base import StoreTask
from tasks.intake.code_coverage import Coverage, cover

WEEK = timedelta(days=7)


@pytest.fixture
def flow(tmp_path: Path) -> Iterator[OrderFlow]:
    with order_flow(f"sqlite:///{tmp_path}/journal.db") as made:
        yield made


def taken_in(flow: OrderFlow, kind: str = "plain") -> str:
    order_id = flow.order(kind, "ready-for-handling")
    flow.intake(order_id)
    flow.work()
    return order_id


def covered(flow: OrderFlow) -> Coverage:
    since = flow.clock() - WEEK
    kept = flow.journal.documents.each("acme", since=since)
    return cover(flow.context, "acme", since, kept)


def found(coverage: Coverage, kind: str) -> dict[str, tuple[int, bool]]:
    return {
        one.need.code: (one.orders, one.missing) for one in coverage.seen if one.need.kind == kind
    }


def test_each_kind_of_code_is_seen_with_its_orders(flow: OrderFlow) -> None:
    ids = {taken_in(flow), taken_in(flow, "company"), taken_in(flow, "marketplace")}

    coverage = covered(flow)

    assert coverage.orders == 3
    assert {one.need.kind for one in coverage.seen} == set(KINDS)
    assert set(found(coverage, "document")) == {"cpf", "cnpj"}
    assert {one.first_order for one in coverage.seen} <= ids
    assert coverage.missing == []


def test_what_the_erp_has_no_code_for_is_missing_and_comes_first(flow: OrderFlow) -> None:
    for _ in range(3):
        taken_in(flow)
    flow.erp.known_codes = {"channel": {"1": "LOJA"}, "payment": {}, "sku": {}}

    coverage = covered(flow)

    assert found(coverage, "channel") == {"1": (3, False)}
    assert next(one for one in coverage.seen if one.need.kind == "channel").erp_code == "LOJA"
    assert {missing for _, missing in found(coverage, "sku").values()} == {True}
    assert {missing for _, missing in found(coverage, "carrier").values()} == {False}
    count = len(coverage.missing)
    assert [one.missing for one in coverage.seen] == [True] * count + [False] * (
        len(coverage.seen) - count
    )


def test_the_parts_of_a_kit_need_their_codes_too(flow: OrderFlow) -> None:
    order_id = taken_in(flow, "kit")
    parts = {
        part["id"] for item in flow.entry(order_id).order["items"] for part in item["components"]
    }

    assert parts
    assert parts <= set(found(covered(flow), "sku"))


def test_orders_of_before_and_of_other_stores_do_not_count(flow: OrderFlow) -> None:
    taken_in(flow)
    flow.clock.pass_by(timedelta(days=8).total_seconds())
    taken_in(flow)

    assert covered(flow).orders == 1
    assert not [*flow.journal.documents.each("outlet", since=flow.clock() - WEEK)]


def test_an_order_that_cannot_be_mapped_is_named_with_its_reason(flow: OrderFlow) -> None:
    order_id = flow.order(status="ready-for-handling")
    flow.entry(order_id).order["clientProfileData"]["lastName"] = "P****"
    flow.intake(order_id)
    flow.work()

    coverage = covered(flow)

    ((reason, ids),) = coverage.unmappable.items()
    assert "clientProfileData.lastName" in reason
    assert ids == [order_id]


def test_the_erp_writes_its_codes_into_a_table(outbox: SqlOutbox) -> None:
    for account, kind, code in (
        ("acme", "PAYMENT", "2"),
        ("acme", "sku", "310045"),
        ("outlet", "sku", "9"),
    ):
        outbox.write(
            "INSERT INTO int_code (store, kind, vtex_code, erp_code) "
            f"VALUES ('{account}', '{kind}', '{code}', 'E-{code}')"
        )

    assert outbox.erp.codes("acme") == {"payment": {"2": "E-2"}, "sku": {"310045": "E-310045"}}
    assert outbox.erp.codes("nobody") == {}


def test_a_kind_that_nobody_knows_is_named(outbox: SqlOutbox) -> None:
    outbox.write(
        "INSERT INTO int_code (store, kind, vtex_code, erp_code) VALUES ('acme', 'skus', '1', 'A')"
    )

    with pytest.raises(ErpRejected, match=r"int_code.kind: skus is none of payment, carrier"):
        outbox.erp.codes("acme")


def test_an_order_without_a_code_is_set_aside_and_goes_in_once_it_has_one(flow: OrderFlow) -> None:
    StoreTask.process_context = replace(flow.context, codes={"acme": CodeMap({"channel": {}})})
    order_id = taken_in(flow)

    (dead,) = flow.journal.dead_letters.find(DeadLetterFilter(order_id=order_id))
    assert "channel '1': [channel] of ERP_CODE_MAP_FILE has no such entry" in (dead.reason or "")
    assert order_id not in {one for _, one in flow.erp.orders}

    StoreTask.process_context = replace(
        flow.context, codes={"acme": CodeMap({"channel": {"1": "LOJA"}})}
    )
    flow.journal.jobs.retry("acme", order_id)
    flow.work()

    assert flow.erp.orders["acme", order_id].code("channel") == "LOJA"
    assert flow.status(order_id) == "start-handling"


def test_the_map_goes_before_the_codes_of_the_erp(flow: OrderFlow) -> None:
    taken_in(flow)
    flow.erp.known_codes = {"channel": {}, "document": {}}
    book = CodeMap({"channel": {"1": "LOJA", "9": "B2B"}})

    context = replace(flow.context, codes={"acme": book})
    kept = flow.journal.documents.each("acme", since=flow.clock() - WEEK)
    coverage = cover(context, "acme", flow.clock() - WEEK, kept)

    assert (coverage.mapped, coverage.judged) == (("channel",), ("channel", "document"))
    assert found(coverage, "channel") == {"1": (1, False), "9": (0, False)}
    assert {one.need.kind for one in coverage.missing} == {"document"}
