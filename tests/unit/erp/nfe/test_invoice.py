"""What an NF-e file says, and which files are refused."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp.nfe.invoice import read
from erp.nfe.nota import Volumes
from erp.nfe.rules import NfeRules
from erp.nfe.safe_xml import NfeInvalid, text_of
from support.documents.nfe_samples import CNPJ_WITH_LETTERS, PERSON, Det, access_key, changed, nfe
from vtex.payloads import key_is_sound

NOTAS = Path(__file__).parents[3] / "support/documents/notas"


def refusal(data: bytes, *, production: bool = True) -> str:
    with pytest.raises(NfeInvalid) as caught:
        read(data, NfeRules(production=production))
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
    ("purpose", "direction", "type_"), [(1, 1, "Output"), (4, 0, "Input"), (4, 1, "Input")]
)
def test_sales_go_out_and_returns_come_in(purpose, direction, type_) -> None:
    assert read(nfe(purpose=purpose, direction=direction)).type == type_


def test_an_entry_is_no_return_for_vtex_would_refund_it() -> None:
    assert "the nota is an entry" in refusal(nfe(Det(cfop="3102"), purpose=1, direction=0))


@pytest.mark.parametrize(
    ("purpose", "name"), [(2, "complementary"), (3, "adjustment"), (5, "credit"), (6, "debit")]
)
def test_notas_of_other_purposes_are_refused_by_name(purpose, name) -> None:
    words = refusal(nfe(purpose=purpose))

    assert f"ide/finNFe is {purpose}" in words
    assert name in words


def test_a_nota_authorised_late_counts() -> None:
    assert read(nfe(status=150)).invoice_number == "128841"


@pytest.mark.parametrize("status", [101, 110, 302])
def test_a_nota_that_sefaz_did_not_authorise_is_refused(status) -> None:
    assert f"protNFe/infProt/cStat is {status}" in refusal(nfe(status=status))


def test_a_nota_of_the_test_environment_is_refused_unless_this_is_a_test() -> None:
    data = nfe(environment=2)

    assert "ide/tpAmb" in refusal(data)
    assert read(data, NfeRules(production=False)).invoice_number == "128841"


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
    assert "an NFe before its signature" in refusal(alone)
    signature = '</infNFe><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>'
    assert "protNFe is missing" in refusal(changed(alone, "</infNFe>", signature))


def event_of(kind: str) -> bytes:
    return (
        '<procEventoNFe xmlns="http://www.portalfiscal.inf.br/nfe" versao="1.00"><evento><infEvento>'
        f"<tpEvento>{kind}</tpEvento></infEvento></evento></procEventoNFe>"
    ).encode()


@pytest.mark.parametrize(
    ("kind", "name", "advises_return"),
    [
        ("110111", "a cancellation", True),
        ("110112", "a cancellation by a substitute", True),
        ("110110", "a correction letter", False),
        ("210200", "the recipient's confirmation", False),
        ("999999", "an event of type 999999", False),
    ],
)
def test_an_event_is_named_and_only_a_cancellation_advises_a_return(
    kind, name, advises_return
) -> None:
    words = refusal(event_of(kind))

    assert f"procEventoNFe is an event of a nota ({name}) and not a nota" in words
    assert ("Send a return" in words) is advises_return


@pytest.mark.parametrize(
    ("root", "name"),
    [
        ('<enviNFe xmlns="http://www.portalfiscal.inf.br/nfe"/>', "a batch for SEFAZ"),
        ('<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"/>', "a SOAP message"),
        ('<NFe xmlns="http://www.portalfiscal.inf.br/nfe"/>', "an NFe before its signature"),
        ("<cteProc/>", "a CT-e"),
        ("<html/>", "a page of HTML"),
        ('<resNFe xmlns="http://www.portalfiscal.inf.br/nfe"/>', "SEFAZ's summary of a nota"),
        ('<retDistDFeInt xmlns="http://www.portalfiscal.inf.br/nfe"/>', "SEFAZ's distribution"),
    ],
)
def test_another_kind_of_file_is_named_beside_the_file_to_send(root, name) -> None:
    words = refusal(root.encode())

    assert name in words
    assert "the authorised file, nfeProc" in words


def test_a_file_that_carries_its_own_cancellation_is_refused() -> None:
    event = event_of("110111").decode().replace(' xmlns="http://www.portalfiscal.inf.br/nfe"', "")
    data = changed(nfe(), "</nfeProc>", f"{event}</nfeProc>")

    assert "cancellation of its own nota" in refusal(data)


@pytest.mark.parametrize("blanks", ["\n", "\r\n \t", "\ufeff\n", "\n\ufeff"])
def test_blanks_before_the_declaration_change_nothing(blanks) -> None:
    data = blanks.encode() + nfe()

    assert read(data) == read(nfe())
    assert text_of(data) == nfe().decode()


@pytest.mark.parametrize("name", ["utf8", "UTF8", "Utf-8"])
def test_utf8_is_utf_8(name) -> None:
    data = changed(nfe(Det(code="CAMISÃO")), "UTF-8", name)

    assert read(data).items[0].code == "CAMISÃO"
    assert name in text_of(data)


def test_the_key_of_a_nota_avulsa_has_the_cnpj_of_sefaz() -> None:
    made = read((NOTAS / "12-nota-avulsa.xml").read_bytes())

    assert (made.invoice_series, made.issuer) == ("890", "52998224725")


def test_the_key_of_a_nota_avulsa_may_have_the_cnpj_of_its_issuer() -> None:
    own = changed(nfe(), access_key(), access_key(series=890), count=2)

    assert read(changed(own, "<serie>1<", "<serie>890<")).invoice_series == "890"


# --- purpose by CFOP --------------------------------------------------------------------------


@pytest.mark.parametrize("cfop", ["5102", "6108", "5405", "6110", "7102", "5922", "5929"])
def test_a_sale_is_told_by_its_cfop(cfop) -> None:
    assert read(nfe(Det(cfop=cfop))).type == "Output"


@pytest.mark.parametrize(
    ("cfop", "name"),
    [
        ("5152", "a transfer"),
        ("5409", "a transfer"),
        ("5915", "goods for repair"),
        ("5912", "goods for demonstration"),
        ("6949", "an operation without a CFOP of its own"),
        ("5202", "a return"),
        ("1102", "a purchase or sale"),
    ],
)
def test_another_operation_is_refused_by_name_and_setting(cfop, name) -> None:
    words = refusal(nfe(Det(), Det(code="B", cfop=cfop)))

    assert words.startswith(f"det[2]/prod/CFOP is {cfop} ({name}), which is not a sale")
    assert "NFE_CFOPS" in words
    assert read(nfe(Det(cfop=cfop)), NfeRules(cfops=(cfop,))).type == "Output"


def test_a_gift_goes_with_a_sale_and_alone_it_is_none() -> None:
    gift = Det(code="BRINDE", cfop="5910")

    assert len(read(nfe(Det(), gift)).items) == 2
    assert "every det/prod/CFOP is a gift" in refusal(nfe(gift))
    assert read(nfe(gift), NfeRules(cfops=("5910",))).type == "Output"


@pytest.mark.parametrize(
    ("cfop", "direction"), [("5202", 0), ("1202", 1), ("1102", 0), ("1152", 0)]
)
def test_a_return_has_the_cfop_of_a_return(cfop, direction) -> None:
    words = refusal(nfe(Det(cfop=cfop), purpose=4, direction=direction))

    assert "which is not a return" in words


# --- amounts ----------------------------------------------------------------------------------

DESON = "<ICMS><ICMS40><vICMSDeson>{cents}</vICMSDeson>{flag}</ICMS40></ICMS>"
DEDUCTED = "<indDeduzDeson>1</indDeduzDeson>"


def test_exempted_icms_is_deducted_where_the_nota_says_so() -> None:
    taxes = DESON.format(cents="0.70", flag=DEDUCTED)
    made = read(changed(nfe(Det(taxes=taxes)), "<vNF>10.00", "<vNF>9.30"))

    assert (made.value_cents, made.items[0].total_cents) == (930, 930)


@pytest.mark.parametrize(("value", "total"), [("9.30", 930), ("10.00", 1000)])
def test_the_head_decides_about_exempted_icms_without_a_flag(value, total) -> None:
    taxes = DESON.format(cents="0.70", flag="<motDesICMS>7</motDesICMS>")
    made = read(changed(nfe(Det(taxes=taxes)), "<vNF>10.00", f"<vNF>{value}"))

    assert (made.value_cents, made.items[0].total_cents) == (total, total)


def test_a_line_that_is_not_in_the_total_has_the_price_0() -> None:
    made = read(
        nfe(Det(), Det(code="BRINDE", total="5.00", cfop="5910", more="<indTot>0</indTot>"))
    )

    assert made.value_cents == 1000
    assert [line.total_cents for line in made.items] == [1000, 0]


def test_taxes_beside_the_price_belong_to_their_line() -> None:
    taxes = (
        "<ICMS><ICMS10><vICMSST>1.20</vICMSST><vFCPST>0.10</vFCPST></ICMS10></ICMS>"
        "<IPI><IPITrib><vIPI>0.80</vIPI></IPITrib></IPI>"
    )
    head = "<vST>1.20</vST><vFCPST>0.10</vFCPST><vIPI>0.80</vIPI>"
    made = read(changed(nfe(Det(taxes=taxes), head=head), "<vNF>10.00", "<vNF>12.10"))

    assert (made.value_cents, made.items[0].total_cents) == (1210, 1210)


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("<vNF>10.00", "<vNF>10.01", "ICMSTot/vNF is 10.01, and its terms make 10.00 (difference -0.01)"),
        ("</vProd><vFrete>", "</vProd><vOutro>0.50</vOutro><vFrete>", "ICMSTot/vOutro is 0.50"),
        ("<vDesc>0.00", "<vDesc>1.00", "ICMSTot/vDesc is 1.00, and its terms make 0.00"),
    ],
)  # fmt: skip
def test_lines_and_head_agree_to_the_cent_or_the_difference_is_shown(old, new, difference) -> None:
    data = changed(nfe(), old, new)
    words = refusal(data)

    assert difference in words
    assert "NFE_SKIPPED_CHECKS=amounts" in words
    assert read(data, NfeRules(skipped_checks=("amounts",))).invoice_number == "128841"


BESIDE = (
    "<IBSCBSTot><gIBS><vIBS>0.10</vIBS></gIBS><gCBS><vCBS>0.90</vCBS></gCBS></IBSCBSTot>"
    "<vNFTot>{total}</vNFTot>"
)


@pytest.mark.parametrize(
    ("issued", "from_", "cents"),
    [
        ("2026-12-31", date(2027, 1, 1), 1000),
        ("2027-01-01", date(2027, 1, 1), 1100),
        ("2026-11-30", date(2026, 11, 30), 1100),
        ("2027-01-01", date(2028, 1, 1), 1000),
    ],
)
def test_vnftot_is_the_value_from_2027_or_the_day_of_the_setting(issued, from_, cents) -> None:
    data = nfe(issued_at=f"{issued}T10:00:00-03:00", beside=BESIDE.format(total="11.00"))

    assert read(data, NfeRules(vnftot_from=from_)).value_cents == cents


def test_a_vnftot_that_its_terms_do_not_make_is_refused_once_it_counts() -> None:
    data = nfe(issued_at="2027-01-01T10:00:00-03:00", beside=BESIDE.format(total="12.00"))

    assert "total/vNFTot is 12.00, and its terms make 11.00" in refusal(data)


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


def test_the_order_is_hinted_by_the_head_and_by_every_line() -> None:
    made = read(nfe(Det(order="88"), Det(order="89"), Det(order="88"), Det(), order="90"))

    assert (made.order_hint, made.line_hints) == ("90", ("88", "89"))


def test_a_nota_of_value_0_is_read_for_an_order_of_value_0() -> None:
    made = read(nfe(Det(discount="10.00")))

    assert (made.value_cents, made.items[0].price_cents) == (0, 0)


def test_a_cfop_of_the_other_direction_is_refused_with_the_direction() -> None:
    words = refusal(nfe(Det(cfop="2202"), purpose=4, direction=1))

    assert "is 2202 (a return), which is not a return with ide/tpNF 1" in words


def test_an_adjustment_nota_of_value_0_is_refused_by_its_purpose() -> None:
    assert refusal(nfe(Det(discount="10.00"), purpose=3)).startswith("ide/finNFe is 3")


@pytest.mark.parametrize(
    ("value", "prices"),
    [("29.00", (1000, 900, 1000)), ("27.00", (1000, 900, 800)), ("30.00", (1000, 1000, 1000))],
)
def test_the_head_decides_which_exempted_icms_without_a_flag_is_deducted(value, prices) -> None:
    exempted = (
        "<ICMS><ICMS40><vICMSDeson>{}</vICMSDeson><motDesICMS>{}</motDesICMS></ICMS40></ICMS>"
    )
    data = nfe(Det(), Det(taxes=exempted.format("1.00", 7)), Det(taxes=exempted.format("2.00", 9)))

    made = read(changed(data, "<vNF>30.00", f"<vNF>{value}"))

    assert tuple(item.price_cents for item in made.items) == prices


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


@pytest.mark.parametrize("root", ["<xProc/>", "<nfeProc/>", '<nfeProc xmlns="urn:x"/>', "<a/>"])
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
