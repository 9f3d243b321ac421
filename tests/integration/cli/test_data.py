"""``vtex-erp data``: purging and erasing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from journal.jobs.dead_letters import DeadLetterFilter
from journal.model import Kind, Stage
from journal.requests import RequestDraft
from support.command_line import NOW, Desk, done


def test_a_purge_shows_how_much_it_is_and_asks(desk: Desk) -> None:
    done(desk, "old-01", 400)
    done(desk, "mid-01", 40)
    done(desk, "new-01", 4)

    shown = desk.type("data", "purge", "--dry-run")
    refused = desk.type("data", "purge", answer="n\n")
    nobody = desk.type("data", "purge", status=1)
    there = desk.json("orders", "show", "old-01", "--documents")["documents"]["order"]
    purged = desk.type("data", "purge", "--yes")

    assert "2  orders' documents, closed more than 30 days ago" in shown
    assert "5  lines of timelines, closed more than 365 days ago" in shown
    assert "nothing was changed" in refused
    assert "add --yes; nothing was changed" in nobody
    assert there == {"orderId": "old-01"}
    assert "purged: documents of 2 orders, contents of 0 requests, 5 lines of timelines" in purged
    assert "0  orders' documents" in desk.type("data", "purge", "--yes")


def test_a_purged_order_still_says_where_it_stands(desk: Desk) -> None:
    done(desk, "old-01", 400)
    desk.type("data", "purge", "--yes")

    text = desk.type("orders", "show", "old-01", "--documents")

    assert "old-01: is done" in text
    assert "its timeline was purged" in text
    assert "the journal lacks its documents: never fetched, or purged" in text
    assert "nothing to do, it is done" in desk.type("orders", "retry", "old-01")


def test_a_job_that_was_purged_is_not_tried_again_and_says_what_to_do(desk: Desk) -> None:
    desk.moment = NOW - timedelta(days=40)
    ask = RequestDraft("acme", "old-01", Kind.CANCELLATION, "k", {"reason": "Falta de estoque"})
    desk.journal.requests.refuse(ask, "no such order")
    list(
        desk.journal.dead_letters.discard(
            desk.journal.dead_letters.find(DeadLetterFilter()), "by phone"
        )
    )
    desk.moment = NOW
    desk.type("data", "purge", "--yes")

    text = desk.type("requests", "retry", "1", "--yes")

    assert "job 1: cancellation skipped at requested: discarded: by phone" in text
    assert "was purged, so it cannot be retried: request it again" in text
    assert "no dead letter fits" in text


def test_the_ages_of_a_call_go_before_those_of_the_settings(desk: Desk) -> None:
    done(desk, "mid-01", 40)
    desk.env |= {"RETENTION_DOCUMENTS_DAYS": "0", "RETENTION_TIMELINE_DAYS": "0"}

    for_ever = desk.type("data", "purge", "--dry-run")
    called = desk.type("data", "purge", "--dry-run", "--documents-older-than", "39")
    too_young = desk.type("data", "purge", "--dry-run", "--documents-older-than", "41")

    assert "0  orders' documents, closed at any time: kept for ever" in for_ever
    assert "1  orders' documents, closed more than 39 days ago" in called
    assert "0  orders' documents" in too_young
    for age in ("0", "-1", "36501", "soon"):
        desk.type("data", "purge", "--yes", "--documents-older-than", age, status=2)


def test_what_stays_because_it_is_dead_is_told(desk: Desk) -> None:
    desk.list("dead-01", ago=timedelta(days=90))
    desk.moment = NOW - timedelta(days=90)
    (ticket,) = desk.journal.jobs.dispatch(in_flight=9)
    with desk.journal.jobs.step("acme", "dead-01", ticket.attempt, to=Stage.FETCHED) as job:
        job.order = {"orderId": "dead-01"}
    desk.journal.jobs.bury("acme", "dead-01", ticket.attempt, "the sums differ")
    desk.moment = NOW

    text = desk.type("data", "purge", "--yes")

    assert "1  old documents stay: their orders are open, dead, or closed since" in text
    assert desk.json("orders", "show", "dead-01", "--documents")["documents"]["order"]


def test_erase_finds_a_customer_who_is_named_on_no_command_line(desk: Desk) -> None:
    done(desk, "his-01", 1, document="529.982.247-25", userProfileId="8f0c5d1e-cb1a")
    done(desk, "hers-01", 1, document="11144477735", corporateDocument="12ABC34501DE35")
    done(desk, "other-01", 1, document="39053344705", phone="+5552998224725")

    by_cpf = desk.type("data", "erase", "--customer", "--dry-run", answer="52998224725\n")
    by_profile = desk.type("data", "erase", "--customer", "--dry-run", answer="8F0C5D1E-CB1A\n")
    by_cnpj = desk.type("data", "erase", "--customer", "--yes", answer="12.abc.345/01de-35\n")
    again = desk.type("data", "erase", "--customer", "--yes", answer="12.ABC.345/01DE-35\n")

    for shown in (by_cpf, by_profile):
        assert "acme his-01: to erase: order and payment documents" in shown
    assert "acme hers-01: erased: order and payment documents" in by_cnpj
    assert "the ERP has its own data of them, as ERP-hers-01: erase it there" in by_cnpj
    assert "other-01" not in by_cpf + by_cnpj
    assert "no document of this customer" in again
    assert desk.json("orders", "show", "hers-01", "--documents")["documents"]["order"] is None
    assert "erased" in desk.type("orders", "show", "hers-01")
    assert desk.json("orders", "show", "his-01", "--documents")["documents"]["order"]


def test_erase_asks_and_a_no_changes_nothing(desk: Desk) -> None:
    done(desk, "his-01", 1)

    text = desk.type("data", "erase", "his-01", answer="n\n")

    assert "acme his-01: to erase: order and payment documents" in text
    assert "nothing was changed" in text
    assert desk.json("orders", "show", "his-01", "--documents")["documents"]["order"]


def test_erase_says_what_stays_and_why(desk: Desk) -> None:
    done(desk, "his-01", 1)
    desk.list("dead-01")
    desk.bury("dead-01", "the sums differ")

    text = desk.type("data", "erase", "his-01", "dead-01", "--yes", status=1)
    shown = desk.json("data", "erase", "his-01", "dead-01", "--yes", status=1)

    assert "acme dead-01: stays, it is needed by: intake dead; vtex-erp orders show dead-01" in text
    assert "acme his-01: erased" in text
    assert [(one["order_id"], one["erased"]) for one in shown] == [
        ("his-01", False),
        ("dead-01", False),
    ]


@pytest.mark.parametrize(
    ("words", "answer", "said"),
    [
        ((), "", "give either order ids or --customer"),
        (("o-01", "--customer"), "", "give either order ids or --customer"),
        (("--customer",), "ana.prado@example.com\n", "VTEX's orders hold an alias"),
        (("his-01", "--json"), "", "Add --yes or --dry-run"),
    ],
)
def test_erase_says_what_it_needs(
    desk: Desk, words: tuple[str, ...], answer: str, said: str
) -> None:
    done(desk, "his-01", 1)

    assert said in desk.type("data", "erase", *words, status=2, answer=answer)


def test_erase_of_an_unknown_order_says_so(desk: Desk) -> None:
    assert "the journal lacks the order none-01" in desk.type(
        "data", "erase", "none-01", "--yes", status=1
    )
