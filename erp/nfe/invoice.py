"""Turns an authorised NF-e (nfeProc 4.00) into a request for an invoice (docs/nfe.md).

The signature is not verified, since the ERP that signed the file sends it. Messages name elements
and codes of goods. They leave out people.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any
from xml.etree.ElementTree import Element

from erp.nfe.item_matching import MATCH, NO_MAP, WEIGHT_TOLERANCE_PERCENT, NfeItem, half_up, matched
from erp.nfe.safe_xml import NAMESPACE, WHOLE, NfeInvalid, XmlPart, parsed, text_of
from foundation.foreign_values import moment
from foundation.messages import nfe as messages
from vtex.documents import Order
from vtex.payloads import key_is_sound

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

_EVENTS = frozenset({"procEventoNFe", "retEvento", "evento", "envEvento"})


@dataclass(frozen=True, slots=True)
class Volumes:
    """Parcels of a kind (``transp/vol``)."""

    quantity: int | None
    weight_grams: int | None


@dataclass(frozen=True, slots=True)
class Nfe:
    """The data of an invoice in an NF-e.

    Attributes:
        invoice_number: unique within its series. The key identifies the nota.
        type: ``Output`` (sale) or ``Input`` (return).
        issued_at: ISO 8601 with its offset, as written.
        value_cents: ``vNF``, with freight and taxes, so it differs from the sum of the items.
        order_hint: ``xPed``. Its 15 characters are too few for a VTEX order id.
        courier: name of the carrier. ``None`` for a person, whose name stays private.
    """

    invoice_number: str
    invoice_series: str
    invoice_key: str
    type: str
    issued_at: str
    value_cents: int
    order_hint: str | None
    courier: str | None
    volumes: tuple[Volumes, ...]
    items: tuple[NfeItem, ...]


def read(data: bytes, *, production: bool = True) -> Nfe:
    """Read an authorised NF-e.

    Args:
        production: refuse notas of SEFAZ's test environment.

    Raises:
        NfeInvalid: the XML is hostile or broken, or it is another document. Or the nota lacks
            authorisation, contradicts its access key, or is not a sale or a return.
    """
    proc = XmlPart(parsed(text_of(data)), "")
    _require_root(proc.element)
    note = proc.one("NFe").one("infNFe").renamed("")
    key = _authorised_key(proc, note, production=production)
    issued_at = _issued_at(note)
    _require_accord(key, note, issued_at)
    return Nfe(
        invoice_number=note.need("ide/nNF", WHOLE).lstrip("0") or "0",
        invoice_series=note.need("ide/serie", WHOLE).lstrip("0") or "0",
        invoice_key=key,
        type=_type(note),
        issued_at=issued_at,
        value_cents=_value_cents(note),
        order_hint=_order_hint(note),
        courier=_courier(note),
        volumes=tuple(map(_volumes, note.all("transp/vol"))),
        items=_items(note),
    )


def request(
    nfe: Nfe,
    order: Order,
    *,
    match: Sequence[str] = MATCH,
    product_map: Mapping[str, tuple[str, Decimal]] = NO_MAP,
    weight_tolerance_percent: float = WEIGHT_TOLERANCE_PERCENT,
) -> dict[str, Any]:
    """Return the keyword arguments of ``invoices.send`` for a nota of that order.

    Args:
        match: keys by which a line finds its item, the first that fits one item alone.
        product_map: ERP code to SKU id and its units in one unit of the ERP, such as a box of
            12. Use 0 for a part of a kit that another part represents.
        weight_tolerance_percent: difference between the real weight of weighed goods and the
            sold one.

    Raises:
        NfeMismatch: a line does not match an item, or is not a whole number of it.
    """
    return {
        "invoice_number": nfe.invoice_number,
        "invoice_series": nfe.invoice_series,
        "type": nfe.type,
        "value_cents": nfe.value_cents,
        "issued_at": nfe.issued_at,
        "items": matched(nfe.items, order, match, product_map, weight_tolerance_percent),
        "invoice_key": nfe.invoice_key,
        "courier": nfe.courier,
    }


# --- the gates --------------------------------------------------------------------------------


def _require_root(root: Element) -> None:
    name = root.tag.removeprefix(NAMESPACE)
    if name in _EVENTS:
        raise NfeInvalid(messages.EVENT(root=name))
    if name == "NFe":
        raise NfeInvalid(messages.NOT_AUTHORISED())
    if root.tag != f"{NAMESPACE}nfeProc":
        raise NfeInvalid(messages.OTHER_ROOT())
    if root.get("versao") != "4.00":
        raise NfeInvalid(messages.OTHER_LAYOUT())


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
    if note.need(issuer).zfill(14) != key[6:20]:
        raise NfeInvalid(messages.OTHER_ISSUER(path=issuer))
    if issued_at[2:4] + issued_at[5:7] != key[2:6]:
        raise NfeInvalid(messages.OTHER_MONTH(expected=key[2:6]))


def _type(note: XmlPart) -> str:
    purpose, direction = note.need("ide/finNFe", WHOLE), note.need("ide/tpNF", WHOLE)
    if purpose not in ("1", "4"):
        raise NfeInvalid(messages.OTHER_PURPOSE(purpose=purpose))
    if direction not in ("0", "1"):
        raise NfeInvalid(messages.DIRECTION(direction=direction))
    return "Output" if (purpose, direction) == ("1", "1") else "Input"


# --- the content ------------------------------------------------------------------------------


def _issued_at(note: XmlPart) -> str:
    text = note.need("ide/dhEmi", _STAMP)
    try:
        moment(text)
    except ValueError:
        raise NfeInvalid(messages.NOT_A_TIME()) from None
    return text


def _value_cents(note: XmlPart) -> int:
    cents = note.cents("total/ICMSTot/vNF")
    if not cents:
        raise NfeInvalid(messages.NO_VALUE())
    return cents


def _order_hint(note: XmlPart) -> str | None:
    of_lines = {line.text("prod/xPed") for line in note.all("det")}
    return note.text("compra/xPed") or (of_lines.pop() if len(of_lines) == 1 else None)


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


def _items(note: XmlPart) -> tuple[NfeItem, ...]:
    parts = tuple(note.all("det"))
    if not parts:
        raise NfeInvalid(messages.NO_LINES())
    if len(parts) > MOST_LINES:
        raise NfeInvalid(messages.TOO_MANY_LINES(count=len(parts), most=MOST_LINES))
    return tuple(_item(part, place) for place, part in enumerate(parts, 1))


def _item(part: XmlPart, place: int) -> NfeItem:
    total = part.cents("prod/vProd") - part.cents("prod/vDesc", absent=0)
    quantity = Decimal(part.need("prod/qCom", _QUANTITY))
    if not quantity:
        raise NfeInvalid(messages.NO_QUANTITY(path=part.path("prod/qCom")))
    if total < 0:
        raise NfeInvalid(messages.DISCOUNT_TOO_HIGH(path=part.path("prod/vDesc")))
    ean = part.text("prod/cEAN")
    return NfeItem(
        line=place,
        code=part.need("prod/cProd"),
        ean=ean if ean and _EAN.fullmatch(ean) else None,
        quantity=quantity,
        unit=part.need("prod/uCom"),
        price_cents=half_up(total / Fraction(quantity)),
        total_cents=total,
    )
