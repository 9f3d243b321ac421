"""What the REST adapter does besides the suite: pace, tokens, words, changes, settings."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from erp.adapters.rest.adapter import RestErp
from erp.conformance import sample
from erp.port import ErpRejected, ErpUnavailable, Event, Request
from erp.sales_order import SalesOrder
from support.documents.nfe_samples import access_key
from support.erp.rest_harness import RestHarness, settings
from support.servers import ROOT

MOMENT = datetime(2026, 3, 11, 12, tzinfo=UTC)


@pytest.fixture
def bling(tmp_path: Path) -> Iterator[RestHarness]:
    made = RestHarness(tmp_path, "bling")
    made.erp.migrate()
    yield made
    made.close()


def with_sku(sku: str) -> SalesOrder:
    order = sample()
    return replace(order, lines=(replace(order.lines[0], sku_id=sku),))


def taken(erp: RestErp) -> list[Request]:
    found: list[Request] = []
    erp.poll_outbox(found.append, 100)
    return found


CHILD = """
import sys
from erp.adapters.rest.adapter import RestErp
from erp.conformance import sample
erp = RestErp(sys.argv[1])
for _ in range(3):
    erp.insert(sample())
"""


def test_processes_together_keep_to_the_calls_of_a_second(bling: RestHarness) -> None:
    settings(
        bling.path.parent, "bling", bling.fake.url, bling.tables.url, "[rate]\nper_second = 20"
    )
    bling.fake.most = 24  # each of three may be late by one call
    env = {**os.environ, "PYTHONPATH": str(ROOT)}

    children = [
        subprocess.Popen([sys.executable, "-c", CHILD, bling.url], env=env) for _ in range(3)
    ]

    assert [one.wait(120) for one in children] == [0, 0, 0]
    assert (len(bling.fake.orders), bling.fake.refused) == (9, 0)
    assert len(bling.fake.calls) > 20


def test_a_day_has_no_more_calls_than_the_erp_takes(bling: RestHarness) -> None:
    settings(bling.path.parent, "bling", bling.fake.url, bling.tables.url, "[rate]\nper_day = 6")
    erp = RestErp(bling.url)
    erp.insert(sample())

    with pytest.raises(ErpUnavailable, match="calls that the ERP allows are used up"):
        for _ in range(3):
            erp.insert(sample())

    assert erp.calls <= 6
    erp.close()


def test_after_a_429_nobody_calls_for_as_long_as_the_erp_says(bling: RestHarness) -> None:
    bling.erp.insert(sample())
    with bling.failing("full"), pytest.raises(ErpUnavailable, match="HTTP 429"):
        bling.erp.insert(sample())
    before, began = len(bling.fake.calls), time.monotonic()

    settings(
        bling.path.parent, "bling", bling.fake.url, bling.tables.url, "[rate]\nper_second = 99"
    )
    other = RestErp(bling.url)
    other.find("acme", "nobody-01")

    assert len(bling.fake.calls) == before + 1
    assert bling.fake.calls[-1] > began
    other.close()


def test_a_token_that_is_good_for_once_is_exchanged_once_by_all(bling: RestHarness) -> None:
    others = [RestErp(bling.url) for _ in range(4)]

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda number: others[number % 4].insert(sample()), range(12)))

    assert bling.fake.exchanges == 1
    assert len(bling.fake.orders) == 12
    for one in others:
        one.close()


def test_a_token_that_the_erp_takes_no_longer_is_exchanged(bling: RestHarness) -> None:
    bling.erp.insert(sample())
    bling.fake.access = "another one"

    bling.erp.insert(sample())

    assert bling.fake.exchanges == 2
    assert len(bling.fake.orders) == 2


def test_a_refresh_token_that_is_lost_is_told_and_a_new_one_counts_at_once(
    bling: RestHarness,
) -> None:
    bling.erp.insert(sample())
    bling.fake.access, bling.fake.refresh = "", "authorised anew"

    with pytest.raises(ErpUnavailable, match=r"refresh_token.*Authorise again"):
        bling.erp.insert(sample())
    bling.path.write_text(bling.path.read_text().replace("refresh-1", "authorised anew"))
    again = RestErp(bling.url)
    again.insert(sample())

    assert len(bling.fake.orders) == 2
    again.close()


def test_the_words_of_a_refusal_name_nobody(bling: RestHarness) -> None:
    order = with_sku("unknown")

    with pytest.raises(ErpRejected) as caught:
        bling.erp.insert(order)

    assert str(caught.value) == (
        "Bling answered HTTP 400: Não foi possível salvar a venda; O produto de …, …, não existe"
    )


def test_an_order_that_was_refused_is_taken_once_it_is_mended(bling: RestHarness) -> None:
    order = with_sku("unknown")
    with pytest.raises(ErpRejected):
        bling.erp.insert(order)

    bling.erp.insert(replace(order, lines=sample().lines))

    assert bling.orders(order.order_id) == 1


def test_a_payment_without_a_code_refuses_the_order_and_names_the_table(bling: RestHarness) -> None:
    bling.path.write_text(bling.path.read_text().replace("default = 15", '"2" = 15'))
    erp = RestErp(bling.url)
    voucher = replace(sample().payments[0], system="201", system_name="Vale", group="custom")
    strange = replace(sample(), payments=(voucher,))

    with pytest.raises(ErpRejected, match=r"\[codes\.payment\] of the ERP's settings lacks '201'"):
        erp.insert(strange)

    assert not bling.fake.orders
    erp.close()


def test_coverage_hears_of_codes_unless_there_is_one_for_all_others(bling: RestHarness) -> None:
    assert bling.erp.codes("acme") == {}

    bling.path.write_text(bling.path.read_text().replace("default = 15", '"2" = 15'))
    erp = RestErp(bling.url)

    assert erp.codes("acme") == {"payment": {"2": "15"}}
    erp.close()


def test_a_customer_is_made_once_found_by_document_and_never_changed(bling: RestHarness) -> None:
    first = sample()
    renamed = replace(sample(), customer=replace(first.customer, name="Outro Nome"))
    other = replace(sample(), customer=replace(first.customer, document="52911111111"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(bling.erp.insert, (first, renamed, sample(), other)))

    names = {one["numeroDocumento"]: one["nome"] for one in bling.fake.customers.values()}
    assert len(bling.fake.customers) == 2
    assert set(names) == {"52998224725", "52911111111"}


def test_a_customer_that_was_deleted_in_the_erp_is_made_anew_on_a_retry(bling: RestHarness) -> None:
    bling.erp.insert(sample())
    bling.fake.customers.clear()
    order = sample()

    with pytest.raises(ErpRejected, match="O contato ou os itens não existem"):
        bling.erp.insert(order)
    bling.erp.insert(order)

    assert bling.orders(order.order_id) == 1


def test_the_state_names_no_customer(bling: RestHarness) -> None:
    bling.erp.insert(sample())

    rows = [
        *bling.tables.rows("SELECT * FROM rest_once"),
        *bling.tables.rows("SELECT * FROM rest_shared"),
    ]
    assert not [one for one in ("52998224725", "Conceição") if one in repr(rows)]


def test_what_an_order_becomes_at_the_erp(bling: RestHarness) -> None:
    order = sample()

    number = int(bling.erp.insert(order))

    sent = bling.fake.orders[number]["sent"]
    assert (sent["numeroLoja"], sent["loja"], sent["data"]) == (
        order.order_id,
        {"id": 205511},
        "2026-03-10",
    )
    assert sent["itens"][0] == {
        "codigo": "310045",
        "descricao": "Camiseta básica",
        "unidade": "UN",
        "quantidade": 1,
        "valor": 123.4,
    }
    assert sent["parcelas"] == [
        {"dataVencimento": "2026-03-10", "valor": 315.61, "formaPagamento": {"id": 15}}
    ]
    assert sent["transporte"]["frete"] == 18.9


def test_an_order_that_bling_shows_too_late_is_not_made_twice(bling: RestHarness) -> None:
    order = sample()
    with bling.losing_answers() as erp, pytest.raises(ErpUnavailable):
        erp.insert(order)
    found, began = bling.fake.found, time.monotonic()
    bling.fake.found = lambda query: found(query) if time.monotonic() > began + 0.5 else []

    bling.erp.insert(order)

    assert bling.orders(order.order_id) == 1


def test_a_cancellation_at_vtex_cancels_in_the_erp_unless_it_went_on(bling: RestHarness) -> None:
    early, late = sample(), sample()
    for one in (early, late):
        bling.erp.insert(one)
    bling.confirm(late.order_id)

    for one in (early, late):
        bling.erp.report(Event("acme", one.order_id, "canceled", "canceled", MOMENT, "razão"))

    canceled = [bling.fake.is_canceled(bling.number(one.order_id)) for one in (early, late)]
    assert canceled == [True, False]
    assert bling.sees_canceled(late.order_id)


def test_an_invoice_becomes_one_request_with_its_items_where_it_is_a_part(
    bling: RestHarness,
) -> None:
    whole, part = sample(), sample()
    for one in (whole, part):
        bling.erp.insert(one)
    bling.invoice(whole.order_id, "77", whole.total, ["310045"], MOMENT)
    bling.invoice(part.order_id, "78", Decimal("50.00"), ["310045"], MOMENT)
    bling.fake.change(bling.number(whole.order_id))
    bling.fake.change(bling.number(part.order_id))

    told = {one.fields["invoice_number"]: one for one in taken(bling.erp)}

    assert taken(bling.erp) == []
    assert "items" not in told["77"].fields
    assert told["77"].fields["issued_at"] == "2026-03-11T09:00:00-03:00"
    assert told["77"].fields["url"] == "https://bling.example/danfe"
    assert told["78"].fields["items"] == [{"sku_id": "310045", "quantity": 1, "price_cents": 100}]


def test_two_series_of_one_number_are_two_invoices_with_their_own_tracking(
    bling: RestHarness,
) -> None:
    orders = [sample(), sample()]
    for series, one in enumerate(orders, start=1):
        bling.erp.insert(one)
        bling.invoice(one.order_id, "128841", one.total, ["310045"], MOMENT)
        nota = list(bling.fake.notas.values())[-1]
        nota["chaveAcesso"] = access_key(series=series)
        bling.track(one.order_id, "128841", f"BR{series}")
        bling.fake.change(bling.number(one.order_id))

    asked = {(one.kind, one.fields["invoice_series"]) for one in taken(bling.erp)}

    assert asked == {(kind, series) for kind in ("invoice", "tracking") for series in ("1", "2")}


def test_an_invoice_of_zero_is_a_request(bling: RestHarness) -> None:
    order = sample()
    bling.erp.insert(order)
    bling.invoice(order.order_id, "84", Decimal(0), ["310045"], MOMENT)
    bling.fake.change(bling.number(order.order_id))

    assert [one.fields["value_cents"] for one in taken(bling.erp)] == [0]


def test_orders_of_others_and_invoices_that_are_not_authorised_are_left_alone(
    bling: RestHarness,
) -> None:
    order = sample()
    bling.erp.insert(order)
    bling.invoice(order.order_id, "79", order.total, ["310045"], MOMENT)
    bling.fake.change(bling.number(order.order_id))
    for nota in bling.fake.notas.values():
        nota["situacao"] = 4
    stranger = dict(bling.fake.orders[bling.number(order.order_id)], situation=12)
    bling.fake.orders[4711] = stranger

    assert taken(bling.erp) == []


def test_more_changes_than_a_page_holds_are_all_read(bling: RestHarness) -> None:
    orders = [sample() for _ in range(7)]
    bling.path.write_text(bling.path.read_text().replace("[changes]", "[changes]\npage_size = 3"))
    erp = RestErp(bling.url)
    for one in orders:
        erp.insert(one)
        bling.cancel(one.order_id)

    told = taken(erp)

    assert {one.fields["order_id"] for one in told} == {one.order_id for one in orders}
    erp.close()


def test_an_invoice_that_cannot_be_read_holds_up_no_other(
    bling: RestHarness, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = sample(), sample()
    for number, one in (("80", bad), ("81", good)):
        bling.erp.insert(one)
        bling.invoice(one.order_id, number, one.total, ["310045"], MOMENT)
        bling.fake.change(bling.number(one.order_id))
    next(iter(bling.fake.notas.values()))["dataEmissao"] = "ontem"

    assert [one.fields["invoice_number"] for one in taken(bling.erp)] == ["81"]
    assert "a change of an order in the ERP cannot be read" in caplog.text


def test_a_clock_that_is_set_back_loses_no_change(bling: RestHarness) -> None:
    order = sample()
    with bling.clock_off_by(timedelta(hours=2)):
        bling.erp.insert(order)
        taken(bling.erp)
    bling.invoice(order.order_id, "82", order.total, ["310045"], datetime.now(UTC))

    assert [one.fields["invoice_number"] for one in taken(bling.erp)] == ["82"]


def test_what_was_read_is_handed_out_while_the_erp_is_down(bling: RestHarness) -> None:
    bling.put("o-1-01")
    with bling.failing("down"):
        assert len(taken(bling.erp)) == 1
        with pytest.raises(ErpUnavailable):
            taken(bling.erp)


def test_one_process_reads_the_changes_at_a_time(bling: RestHarness) -> None:
    order = sample()
    bling.erp.insert(order)
    bling.cancel(order.order_id)
    others = [RestErp(bling.url) for _ in range(4)]
    found: list[Request] = []
    gate = threading.Barrier(4)

    def work(erp: RestErp) -> None:
        gate.wait()
        erp.poll_outbox(found.append, 10)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, others))
    found += taken(bling.erp)

    assert [one.kind for one in found] == ["cancellation"]
    for one in others:
        one.close()


def test_check_says_what_answers_and_shows_no_secret(bling: RestHarness) -> None:
    said = bling.erp.check()

    assert said.startswith(f"Bling at {bling.fake.url}, state in sqlite")
    for secret in ("bling-secret", "refresh-1", "access-1"):
        assert secret not in said + repr(vars(bling.erp)) + repr(bling.erp._parts().profile)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "profile must name one of bling"),
        ('profile = "sap"', "profile 'sap' must be one of bling"),
        ('profile = "bling"\ntoken = "x"', r"token is unknown \(known: base_url"),
        ('profile = "bling"\nbase_url = "ftp://x"', "base_url must begin with https"),
        ('profile = "bling"\n[secrets]\nclient_id_env = "NOT_SET_ANYWHERE"', "which is not set"),
        ("profile = ", "cannot be read"),
        ('profile = "bling"\ntimeout_seconds = 300', "timeout_seconds is 300: must be 1 to 30"),
    ],
)
def test_settings_that_are_wrong_say_what_to_mend_and_refuse_no_order(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "erp.toml"
    path.write_text(text)
    erp = RestErp(f"rest://{path}")

    with pytest.raises(ErpRejected, match=words):
        erp.check()
    with pytest.raises(ErpUnavailable, match=words):
        erp.insert(sample())


def test_a_profile_of_ones_own_that_lacks_something_says_what(bling: RestHarness) -> None:
    own = (ROOT / "erp" / "profiles" / "bling.toml").read_text(encoding="utf-8")
    (bling.path.parent / "mine.toml").write_text(
        own.replace('path = "/contatos"\nquery', 'pfad = "/contatos"\nquery')
    )
    bling.path.write_text(bling.path.read_text().replace('"bling"', '"mine.toml"'))

    with pytest.raises(ErpRejected, match=r"mine\.toml: customer\.find must have a path and an id"):
        RestErp(bling.url).check()


def test_a_url_that_names_no_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(ErpRejected, match=r"rest:///etc/vtex-erp/erp\.toml"):
        RestErp("rest:").check()


@pytest.fixture
def omie(tmp_path: Path) -> Iterator[RestHarness]:
    made = RestHarness(tmp_path, "omie")
    made.erp.migrate()
    yield made
    made.close()


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[RestHarness]:
    made = RestHarness(tmp_path, "tiny")
    made.erp.migrate()
    yield made
    made.close()


def forget(harness: RestHarness) -> None:
    """Lose what the state knows of orders, as who restores an old copy does."""
    harness.tables.write("DELETE FROM rest_once")


@pytest.mark.parametrize("status", [200, 500])
def test_omies_faults_count_whatever_the_http_status(omie: RestHarness, status: int) -> None:
    omie.fake.fault_status = status
    order = sample()

    reference = omie.erp.insert(order)
    forget(omie)

    assert omie.erp.find("acme", "nobody-01") is None
    assert omie.erp.insert(order) == reference
    with pytest.raises(ErpRejected, match=r"Produto não cadastrado .* \[unknown\]"):
        omie.erp.insert(with_sku("unknown"))


def test_what_omie_refuses_as_redundant_is_asked_again_later(omie: RestHarness) -> None:
    omie.fake.ConsultarPedido = lambda given: omie.fake.fault(
        "Consumo redundante detectado. Aguarde 58 segundos."
    )

    with pytest.raises(ErpUnavailable, match="Omie answered HTTP 200"):
        omie.erp.insert(sample())

    assert not omie.fake.orders


@pytest.mark.parametrize("name", ["omie", "tiny"])
def test_a_number_that_the_erp_has_is_found_where_the_search_was_late(
    request: pytest.FixtureRequest, name: str
) -> None:
    harness = request.getfixturevalue(name)
    order = sample()
    reference = harness.erp.insert(order)
    forget(harness)
    call = {"omie": "ConsultarPedido", "tiny": "found"}[name]
    real, missing = getattr(harness.fake, call), iter([True])

    def late(given: object) -> object:
        if next(missing, False):
            return (
                harness.fake.fault(20, "x")
                if name == "tiny"
                else harness.fake.fault("não cadastrado")
            )
        return real(given)

    setattr(harness.fake, call, late)

    assert harness.erp.insert(order) == reference
    assert harness.orders(order.order_id) == 1


def test_a_record_that_tiny_refuses_is_rejected_and_names_nobody(tiny: RestHarness) -> None:
    with pytest.raises(ErpRejected, match=r"Tiny answered HTTP 200: Produto de … inválido"):
        tiny.erp.insert(with_sku("unknown"))


def test_the_secret_stays_out_of_urls_and_words(tiny: RestHarness) -> None:
    tiny.path.write_text(tiny.path.read_text().replace("tiny-token", "wrong-token"))
    erp = RestErp(tiny.url)

    with pytest.raises(ErpUnavailable) as caught:
        erp.insert(sample())

    assert str(caught.value) == "Tiny answered HTTP 200: token invalido"
    erp.close()


def test_pages_beyond_the_last_are_the_end_and_not_a_fault(tiny: RestHarness) -> None:
    order = sample()
    tiny.erp.insert(order)
    ours = tiny.fake.orders.pop(tiny.number(order.order_id))
    tiny.fake.orders |= {number: dict(ours) for number in range(99)}
    tiny.fake.orders[tiny.number(order.order_id)] = ours
    tiny.cancel(order.order_id)

    assert [one.fields["order_id"] for one in taken(tiny.erp)] == [order.order_id]


@pytest.mark.parametrize("database", ["postgres_database", "mariadb_database"])
def test_processes_share_their_state_in_a_server(
    request: pytest.FixtureRequest, tmp_path: Path, database: str
) -> None:
    harness = RestHarness(tmp_path, "bling", request.getfixturevalue(database))
    others = [RestErp(harness.url) for _ in range(3)]
    for one in others:
        one.migrate()
    order = sample()

    with ThreadPoolExecutor(12) as pool:
        references = set(pool.map(lambda number: others[number % 3].insert(order), range(12)))
    harness.invoice(order.order_id, "90", order.total, ["310045"], MOMENT)
    harness.fake.change(harness.number(order.order_id))

    assert (len(references), harness.orders(order.order_id), harness.fake.exchanges) == (1, 1, 1)
    assert [one.fields["invoice_number"] for one in taken(others[0])] == ["90"]
    assert taken(others[1]) == []
    for one in others:
        one.close()
    harness.close()


def test_a_claim_that_ran_out_creates_nothing(bling: RestHarness) -> None:
    order = sample()
    found = bling.fake.found

    def stolen(query: object) -> list[object]:
        bling.tables.write("UPDATE rest_once SET claimed_until_ms = 1 WHERE scope = 'order:acme'")
        return found(query)

    bling.fake.found = stolen

    with pytest.raises(ErpUnavailable, match=r"another process (calls|continues)"):
        bling.erp.insert(order)

    assert not bling.fake.orders
