"""What an NF-e file says, and which files are refused."""

from __future__ import annotations

import re
from decimal import Decimal
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp.nfe.invoice import Volumes, read
from erp.nfe.safe_xml import NfeInvalid, text_of
from support.documents.nfe_samples import CNPJ_WITH_LETTERS, PERSON, Det, access_key, changed, nfe
from vtex.payloads import key_is_sound


def refusal(data: bytes, *, production: bool = True) -> str:
    with pytest.raises(NfeInvalid) as caught:
        read(data, production=production)
    return str(caught.value)


def test_a_sale_gives_all_that_vtex_asks_for() -> None:
    made = read(
        nfe(Det(quantity="2.0000", total="10.00", discount="0.50"), value="21.40", order="4711")
    )

    assert (made.invoice_number, made.invoice_series, made.type, made.value_cents) == (
        "128841",
        "1",
        "Output",
        2140,
    )
    assert made.invoice_key == access_key()
    assert (made.courier, made.order_hint) == ("Transportadora Rota Nova", "4711")
    assert made.volumes == (Volumes(2, 1250),)
    [item] = made.items
    assert (item.line, item.code, item.ean, item.quantity, item.unit) == (
        1,
        "CAM-P",
        None,
        Decimal(2),
        "UN",
    )
    assert (item.price_cents, item.total_cents) == (475, 950)


def test_the_issue_date_stays_as_written_though_it_is_the_next_day_in_utc() -> None:
    assert read(nfe(issued_at="2026-03-31T23:40:00-03:00")).issued_at == "2026-03-31T23:40:00-03:00"


@pytest.mark.parametrize(
    ("written", "cents"), [("4.35", 435), ("1.15", 115), ("9999999999999.99", 999999999999999)]
)
def test_amounts_are_exact_where_floats_lose_a_cent(written, cents) -> None:
    assert read(nfe(value=written)).value_cents == cents


def test_a_price_that_does_not_divide_is_rounded_half_up_and_the_total_kept() -> None:
    third, half = read(
        nfe(Det(quantity="3.0000", total="10.00"), Det(quantity="2.0000", total="0.05"))
    ).items

    assert (third.price_cents, third.total_cents) == (333, 1000)
    assert half.price_cents == 3


def test_the_value_is_vnf_and_no_sum_of_items() -> None:
    assert read(nfe(value="52.30")).value_cents == 5230


@pytest.mark.parametrize(
    ("purpose", "direction", "type_"),
    [(1, 1, "Output"), (4, 0, "Input"), (1, 0, "Input"), (4, 1, "Input")],
)
def test_sales_go_out_and_returns_come_in(purpose, direction, type_) -> None:
    assert read(nfe(purpose=purpose, direction=direction)).type == type_


@pytest.mark.parametrize("purpose", [2, 3, 5, 6])
def test_complementary_and_adjustment_notas_are_refused(purpose) -> None:
    assert f"ide/finNFe is {purpose}" in refusal(nfe(purpose=purpose))


def test_a_nota_authorised_late_counts() -> None:
    assert read(nfe(status=150)).invoice_number == "128841"


@pytest.mark.parametrize("status", [101, 110, 302])
def test_a_nota_that_sefaz_did_not_authorise_is_refused(status) -> None:
    assert f"protNFe/infProt/cStat is {status}" in refusal(nfe(status=status))


def test_a_nota_of_the_test_environment_is_refused_unless_this_is_a_test() -> None:
    data = nfe(environment=2)

    assert "ide/tpAmb" in refusal(data)
    assert read(data, production=False).invoice_number == "128841"


def test_a_protocol_of_the_test_environment_authorises_nothing() -> None:
    data = changed(nfe(), "<infProt><tpAmb>1", "<infProt><tpAmb>2")

    assert "protNFe/infProt/tpAmb" in refusal(data)


def test_letters_in_the_cnpj_are_read() -> None:
    made = read(nfe(cnpj=CNPJ_WITH_LETTERS))

    assert CNPJ_WITH_LETTERS in made.invoice_key
    assert key_is_sound(made.invoice_key)


@pytest.mark.parametrize(
    ("old", "new", "element"),
    [
        ("<nNF>128841", "<nNF>128842", "ide/nNF"),
        ("<serie>1", "<serie>2", "ide/serie"),
        ("<mod>55", "<mod>65", "ide/mod"),
        ("<cNF>87654321", "<cNF>87654322", "ide/cNF"),
        ("<emit><CNPJ>11222333000181", "<emit><CNPJ>11222333000262", "emit/CNPJ"),
        ("2026-03-10T23", "2026-04-10T23", "ide/dhEmi"),
        ("2026-03-10T23", "2026-03-10T25", "ide/dhEmi"),
        ("23:40:00-03:00", "23:40:00", "ide/dhEmi"),
        ('Id="NFe3', 'Id="3', "infNFe/@Id"),
        (
            f'Id="NFe{access_key()}',
            f'Id="NFe{access_key()[:-1]}{(int(access_key()[-1]) + 1) % 10}',
            "infNFe/@Id",
        ),
        (f"<chNFe>{access_key()}", f"<chNFe>{access_key(128842)}", "protNFe/infProt/chNFe"),
        ("<vNF>10.00", "<vNF>1E+999999999", "total/ICMSTot/vNF"),
        ("<vNF>10.00", "<vNF>10.005", "total/ICMSTot/vNF"),
        ("<vNF>10.00", "<vNF>-10.00", "total/ICMSTot/vNF"),
        ("<vNF>10.00", "<vNF>0.00", "total/ICMSTot/vNF"),
        ("<vNF>10.00</vNF>", "", "total/ICMSTot/vNF"),
        ("<vNF>10.00", "<vNF>1.00</vNF><vNF>10.00", "total/ICMSTot/vNF"),
        ("<qCom>1.0000", "<qCom>0.0000", "det[1]/prod/qCom"),
        ("<qCom>1.0000", "<qCom>NaN", "det[1]/prod/qCom"),
        ("<qCom>1.0000", "<qCom>١", "det[1]/prod/qCom"),
        ("</vProd>", "</vProd><vDesc>10.01</vDesc>", "det[1]/prod/vDesc"),
        ("<cProd>CAM-P", "<cProd> ", "det[1]/prod/cProd"),
        ("<tpNF>1", "<tpNF>7", "ide/tpNF"),
        ('versao="4.00" xmlns', 'versao="3.10" xmlns', "nfeProc/@versao"),
    ],
)
def test_a_file_at_odds_with_itself_is_refused_by_the_element(old, new, element) -> None:
    assert refusal(changed(nfe(), old, new)).startswith(element)


def test_a_nota_without_lines_is_refused_for_it_would_invoice_all_that_is_open() -> None:
    data = changed(changed(nfe(), "<det nItem", "<other nItem"), "</det>", "</other>")

    assert refusal(data).startswith("det is missing")


def test_an_nfe_without_its_protocol_is_not_authorised() -> None:
    bare = nfe()[: nfe().index(b"<protNFe>")] + b"</nfeProc>"
    alone = bare[bare.index(b"<NFe>") : -len(b"</nfeProc>")].replace(
        b"<NFe>", b'<NFe xmlns="http://www.portalfiscal.inf.br/nfe">'
    )

    assert "protNFe/infProt is missing" in refusal(bare)
    assert "protNFe is missing" in refusal(alone)


def test_the_event_of_a_cancellation_is_no_nota() -> None:
    event = b'<procEventoNFe xmlns="http://www.portalfiscal.inf.br/nfe" versao="1.00"><evento/></procEventoNFe>'

    assert "procEventoNFe is an event" in refusal(event)


@pytest.mark.parametrize(
    "carrier",
    [
        "<CPF>52998224725</CPF><xNome>Ana Prado</xNome>",
        "<CNPJ>11444777000161</CNPJ><xNome>Ana Prado 52998224725</xNome>",
        "",
    ],
)
def test_a_carrier_that_is_a_person_is_not_named(carrier) -> None:
    assert read(nfe(carrier=carrier)).courier is None


def test_the_order_is_hinted_by_the_lines_only_where_they_agree() -> None:
    assert read(nfe(Det(order="88"), Det(order="88"))).order_hint == "88"
    assert read(nfe(Det(order="88"), Det(order="89"))).order_hint is None


def test_a_byte_order_mark_is_no_part_of_the_text_to_embed() -> None:
    data = b"\xef\xbb\xbf" + nfe()

    assert read(data).invoice_number == "128841"
    assert text_of(data) == nfe().decode()


# --- hostile files ----------------------------------------------------------------------------

BOMB = '<!DOCTYPE nfeProc [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE nfeProc [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
DTD = '<!DOCTYPE nfeProc SYSTEM "http://127.0.0.1:9/nfe.dtd">'


@pytest.mark.parametrize("prologue", [BOMB, OUTSIDE, DTD, "<!DOCTYPE nfeProc []>"])
def test_dtds_and_entities_are_refused(prologue) -> None:
    data = changed(nfe(), "<nfeProc", f"{prologue}<nfeProc")

    assert "DTD" in refusal(data)
    assert "DTD" in refusal(changed(data, "CAM-P", "&a;"))


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "latin-1"]
)
def test_only_utf_8_is_read_so_that_no_encoding_hides_a_dtd(encoding) -> None:
    text = nfe(Det(code="CAMISÃO")).decode().replace("UTF-8", encoding)

    assert "UTF-8" in refusal(text.encode(encoding))
    assert "UTF-8" in refusal(text.encode())


@pytest.mark.parametrize(
    "data",
    [b"", b"   ", b"%PDF-1.7", b"{}", nfe()[:-200], b"<a>", nfe() + b"<a/>", changed(nfe(), "CAM-P", "&x;"), changed(nfe(), "CAM-P", "\x01")],
)  # fmt: skip
def test_what_is_no_whole_xml_is_refused(data) -> None:
    assert "not XML or was cut off" in refusal(data)


@pytest.mark.parametrize(
    "root", ["<cteProc/>", "<nfeProc/>", '<nfeProc xmlns="urn:x"/>', "<html/>"]
)
def test_another_document_is_refused(root) -> None:
    assert "root element is not nfeProc" in refusal(root.encode())


def test_a_file_over_1_mib_is_refused_before_it_is_parsed_by_its_size_and_the_limit() -> None:
    words = refusal(b"<" * (1024 * 1024 + 1))

    assert "1048577 bytes, and an NF-e has 1048576 at most" in words


def test_a_nota_of_more_lines_than_there_may_be_is_refused() -> None:
    assert len(read(nfe(*[Det()] * 990)).items) == 990
    assert "det stands 991 times" in refusal(nfe(*[Det()] * 991))


def test_deep_and_wide_files_are_refused() -> None:
    assert "too deep" in refusal(b"<a>" * 100_000)
    assert "too many elements" in refusal(b"<a>" + b"<b/>" * 250_000 + b"</a>")


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    data = bytearray(nfe(Det(discount="1.00"), Det(code="B"), order="1"))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 12)))
        tags = st.sampled_from(
            [b"<a>", b"</det>", b"<!--", b"<![CDATA[", b"&#0;", b"&lt;", b"9" * 20, b"E9", b"\xff"]
        )
        data[start:end] = draw(st.one_of(st.binary(max_size=8), tags))
    return bytes(data)


@st.composite
def rewritten_values(draw: st.DrawFn) -> bytes:
    text = nfe(Det(discount="1.00", ean="7891000100103"), order="1").decode()
    old = draw(st.sampled_from(sorted(set(re.findall(r">[^<>]+<", text)))))
    numbers = st.decimals(allow_nan=True, places=5).map(str)
    new = draw(
        st.one_of(
            st.text("0123456789.,-+eE:TZ <&\u00e3\u0663\u2028", max_size=30),
            numbers,
            st.sampled_from(["", "0", "1e9", "９", " 1 ", "Infinity"]),
        )
    )
    return text.replace(old, f">{escape(new)}<", 1).encode()


@settings(max_examples=400, deadline=2000)
@given(st.one_of(mutations(), rewritten_values()))
def test_no_file_does_worse_than_be_refused_and_no_refusal_names_the_buyer(data) -> None:
    words = ""
    try:
        made = read(data)
    except NfeInvalid as error:
        words = str(error)

    assert not any(value in words for value in PERSON)
    assert words or (made.items and key_is_sound(made.invoice_key) and made.value_cents > 0)
