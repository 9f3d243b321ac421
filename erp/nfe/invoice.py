"""Turns an authorised NF-e (nfeProc 4.00) into a request for an invoice (docs/nfe.md).

The signature is not verified, since the ERP that signed the file sends it. Messages name elements
and codes of goods. They leave out people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from erp.nfe.amounts import read_amounts
from erp.nfe.belonging import OrderRecord, require_same_order
from erp.nfe.digest import is_altered
from erp.nfe.file_kinds import require_authorised_nfe
from erp.nfe.item_matching import half_up, matched
from erp.nfe.nota import Nfe, Volumes
from erp.nfe.nota_lines import NfeItem
from erp.nfe.purpose import type_of
from erp.nfe.rules import NfeRules
from erp.nfe.safe_xml import WHOLE, NfeInvalid, XmlPart, parsed, text_of
from foundation.foreign_values import moment
from foundation.messages import nfe as messages
from vtex.documents import Order
from vtex.payloads import KEY, key_is_sound

_STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{2}:[0-9]{2}")
_QUANTITY = re.compile(r"[0-9]{1,11}(\.[0-9]{1,4})?")
_WEIGHT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,3})?")
_CPF = re.compile(r"[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}-?[0-9]{2}")
_EAN = re.compile(r"[0-9]{8,14}")

_KEY_PARTS = (
    ("ide/cUF", 0, 2),
    ("ide/mod", 20, 22),
    ("ide/serie", 22, 25),
    ("ide/nNF", 25, 34),
    ("ide/tpEmis", 34, 35),
    ("ide/cNF", 35, 43),
)
"""Elements that the access key repeats, with their place in the key: from, to."""

MOST_LINES = 990

_AVULSA = range(890, 900)
"""Series of notas that SEFAZ issues for others. Their keys may have SEFAZ's CNPJ."""

RULES, NO_RECORD = NfeRules(), OrderRecord()


def read(data: bytes, rules: NfeRules = RULES) -> Nfe:
    """Read an authorised NF-e.

    Raises:
        NfeInvalid: the XML is hostile or broken, or it is another document. Or the nota lacks
            authorisation, contradicts itself, or is not a sale or a return.
    """
    text = text_of(data)
    proc = XmlPart(parsed(text), "")
    require_authorised_nfe(proc.element)
    note = proc.one("NFe").one("infNFe").renamed("")
    key = _authorised_key(proc, note, production=rules.production)
    issued_at = _issued_at(note)
    _require_accord(key, note, issued_at)
    type_ = type_of(note, rules)
    lines = _lines(note)
    amounts = read_amounts(note, lines, date.fromisoformat(issued_at[:10]), rules)
    return Nfe(
        invoice_number=note.need("ide/nNF", WHOLE).lstrip("0") or "0",
        invoice_series=note.need("ide/serie", WHOLE).lstrip("0") or "0",
        invoice_key=key,
        type=type_,
        leaves_issuer=note.need("ide/tpNF", WHOLE) == "1",
        issued_at=issued_at,
        value_cents=amounts.value_cents,
        issuer=note.text("emit/CNPJ") or note.need("emit/CPF"),
        recipient=_recipient(note),
        references=tuple(_references(note)),
        order_hint=note.text("compra/xPed"),
        line_hints=_line_hints(lines),
        courier=_courier(note),
        volumes=tuple(map(_volumes, note.all("transp/vol"))),
        items=tuple(
            _item(line, place, cents)
            for place, (line, cents) in enumerate(zip(lines, amounts.lines_cents, strict=True), 1)
        ),
        is_altered=is_altered(text, proc),
    )


def request(
    nfe: Nfe, order: Order, rules: NfeRules = RULES, record: OrderRecord = NO_RECORD
) -> dict[str, Any]:
    """Return the keyword arguments of ``invoices.send`` for a nota of that order.

    Raises:
        NfeOfAnotherOrder: the nota belongs to another order.
        NfeMismatch: a line does not match an item, or is not a whole number of it.
    """
    require_same_order(nfe, order, record, rules)
    return {
        "invoice_number": nfe.invoice_number,
        "invoice_series": nfe.invoice_series,
        "type": nfe.type,
        "value_cents": nfe.value_cents,
        "issued_at": nfe.issued_at,
        "items": matched(
            nfe.items, order, rules.match, rules.product_map, rules.weight_tolerance_percent
        ),
        "invoice_key": nfe.invoice_key,
        "courier": nfe.courier,
    }


# --- the gates --------------------------------------------------------------------------------


def _authorised_key(proc: XmlPart, note: XmlPart, *, production: bool) -> str:
    protocol = proc.one("protNFe/infProt")
    status = protocol.need("cStat", WHOLE)
    if status not in ("100", "150"):
        raise NfeInvalid(messages.STATUS(path=protocol.path("cStat"), status=status))
    if production:
        for part in (note, protocol):
            place = "ide/tpAmb" if part is note else "tpAmb"
            if part.need(place, WHOLE) != "1":
                raise NfeInvalid(messages.TEST_ENVIRONMENT(path=part.path(place)))
    key = (note.element.get("Id") or "").removeprefix("NFe")
    if note.element.get("Id") != f"NFe{key}" or not key_is_sound(key):
        raise NfeInvalid(messages.BAD_KEY())
    if protocol.need("chNFe") != key:
        raise NfeInvalid(messages.OTHER_PROTOCOL(path=protocol.path("chNFe")))
    return key


def _require_accord(key: str, note: XmlPart, issued_at: str) -> None:
    for path, start, end in _KEY_PARTS:
        if note.need(path, WHOLE).zfill(end - start) != key[start:end]:
            raise NfeInvalid(messages.KEY_DIFFERS(path=path, expected=key[start:end]))
    issuer = "emit/CNPJ" if note.find("emit/CNPJ") else "emit/CPF"
    issuers = {note.need(issuer).zfill(14)}
    if int(note.need("ide/serie", WHOLE)) in _AVULSA:
        issuers.add(note.text("avulsa/CNPJ") or "")
    if key[6:20] not in issuers:
        raise NfeInvalid(messages.OTHER_ISSUER(path=issuer))
    if issued_at[2:4] + issued_at[5:7] != key[2:6]:
        raise NfeInvalid(messages.OTHER_MONTH(expected=key[2:6]))


# --- the content ------------------------------------------------------------------------------


def _issued_at(note: XmlPart) -> str:
    text = note.need("ide/dhEmi", _STAMP)
    try:
        moment(text)
    except ValueError:
        raise NfeInvalid(messages.NOT_A_TIME()) from None
    return text


def _recipient(note: XmlPart) -> str | None:
    names = ("CNPJ", "CPF", "idEstrangeiro")
    return next(filter(None, (note.text(f"dest/{name}") for name in names)), None)


def _references(note: XmlPart) -> Iterator[str]:
    for reference in note.all("ide/NFref"):
        if reference.find("refNFe"):
            yield reference.need("refNFe", KEY)


def _line_hints(lines: Iterable[XmlPart]) -> tuple[str, ...]:
    hints = (line.text("prod/xPed") for line in lines)
    return tuple(dict.fromkeys(hint for hint in hints if hint))


def _courier(note: XmlPart) -> str | None:
    name = note.text("transp/transporta/xNome")
    # A carrier with a CPF is a person. So is a one-person company, which has a CPF in its name.
    if not name or not note.find("transp/transporta/CNPJ") or _CPF.search(name):
        return None
    return name


def _volumes(part: XmlPart) -> Volumes:
    quantity = part.need("qVol", WHOLE) if part.text("qVol") else None
    weight = part.need("pesoB", _WEIGHT) if part.text("pesoB") else None
    return Volumes(
        quantity=None if quantity is None else int(quantity),
        weight_grams=None if weight is None else int(Decimal(weight).scaleb(3)),
    )


def _lines(note: XmlPart) -> tuple[XmlPart, ...]:
    lines = tuple(note.all("det"))
    if not lines:
        raise NfeInvalid(messages.NO_LINES())
    if len(lines) > MOST_LINES:
        raise NfeInvalid(messages.TOO_MANY_LINES(count=len(lines), most=MOST_LINES))
    return lines


def _item(part: XmlPart, place: int, total: int) -> NfeItem:
    quantity = _quantity(part, "prod/qCom")
    is_taxed = part.text("prod/qTrib") is not None
    return NfeItem(
        line=place,
        code=part.need("prod/cProd"),
        ean=_ean(part, "prod/cEAN"),
        quantity=quantity,
        unit=part.need("prod/uCom"),
        price_cents=half_up(total / Fraction(quantity)),
        total_cents=total,
        tax_ean=_ean(part, "prod/cEANTrib"),
        tax_quantity=_quantity(part, "prod/qTrib") if is_taxed else None,
        tax_unit=part.text("prod/uTrib"),
    )


def _quantity(part: XmlPart, path: str) -> Decimal:
    quantity = Decimal(part.need(path, _QUANTITY))
    if not quantity:
        raise NfeInvalid(messages.NO_QUANTITY(path=part.path(path)))
    return quantity


def _ean(part: XmlPart, path: str) -> str | None:
    ean = part.text(path)
    return ean if ean and _EAN.fullmatch(ean) else None
