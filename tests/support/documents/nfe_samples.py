"""NF-e files of invented companies and persons, sound but for what a test changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

CNPJ = "11222333000181"
CNPJ_WITH_LETTERS = "12ABC34501DE35"
PERSON = ("Ana Prado", "52998224725", "Rua das Laranjeiras")


@dataclass(frozen=True)
class Det:
    """A line of a nota.

    Attributes:
        cfop: by default that of the nota's purpose.
        taxable: ``cEANTrib``, ``uTrib`` and ``qTrib``, if they differ from the commercial ones.
        more: further elements of ``prod``.
        taxes: elements of ``imposto``.
    """

    code: str = "CAM-P"
    quantity: str = "1.0000"
    total: str = "10.00"
    ean: str = "SEM GTIN"
    unit: str = "UN"
    discount: str | None = None
    order: str | None = None
    cfop: str | None = None
    taxable: tuple[str, str, str] | None = None
    more: str = ""
    taxes: str = ""


def access_key(
    number: int = 128841,
    series: int = 1,
    *,
    cnpj: str = CNPJ,
    month: str = "2603",
    model: str = "55",
) -> str:
    bare = f"35{month}{cnpj}{model}{series:03}{number:09}187654321"
    weights = [place % 8 + 2 for place in range(43)]
    total = sum(
        weight * (ord(value) - 48) for weight, value in zip(weights, reversed(bare), strict=True)
    )
    return bare + str((11 - total % 11) % 11 % 10 if total % 11 > 1 else 0)


_CFOPS = {(4, 0): "1202", (4, 1): "5202"}


def nfe(
    *dets: Det,
    number: int = 128841,
    value: str | None = None,
    issued_at: str = "2026-03-10T23:40:00-03:00",
    purpose: int = 1,
    direction: int = 1,
    environment: int = 1,
    status: int = 100,
    cnpj: str = CNPJ,
    recipient: str = f"<CPF>{PERSON[1]}</CPF>",
    references: tuple[str, ...] = (),
    carrier: str = "<CNPJ>11444777000161</CNPJ><xNome>Transportadora Rota Nova</xNome>",
    order: str | None = None,
    head: str = "",
    beside: str = "",
) -> bytes:
    """Return an nfeProc; without lines it has one of R$ 10.00.

    Args:
        value: ``vNF``. Freight or a discount on the first line makes it of the lines.
        head: further elements of ``ICMSTot``, which do not change ``vNF``.
        beside: elements of ``total`` after ``ICMSTot``.
    """
    month = issued_at[2:4] + issued_at[5:7]
    key = access_key(number, cnpj=cnpj, month=month if month.isdecimal() else "2603")
    dets = dets or (Det(),)
    freight = Decimal(0)
    if value is not None:
        freight = Decimal(value) - sum(
            Decimal(det.total) - Decimal(det.discount or 0) for det in dets
        )
        if freight < 0:
            first = Decimal(dets[0].discount or 0) - freight
            dets, freight = (replace(dets[0], discount=f"{first:.2f}"), *dets[1:]), Decimal(0)
    goods = sum(Decimal(det.total) for det in dets if "<indTot>0" not in det.more)
    discount = sum(Decimal(det.discount or 0) for det in dets)
    lines = "".join(
        _line(det, place, _CFOPS.get((purpose, direction), "5102"), freight if place == 1 else None)
        for place, det in enumerate(dets, 1)
    )
    name, _, street = PERSON
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<nfeProc versao="4.00" xmlns="http://www.portalfiscal.inf.br/nfe"><NFe>'
        f'<infNFe versao="4.00" Id="NFe{key}"><ide><cUF>35</cUF><cNF>87654321</cNF><mod>55</mod>'
        f"<serie>1</serie><nNF>{number}</nNF><dhEmi>{issued_at}</dhEmi><tpNF>{direction}</tpNF>"
        f"<tpEmis>1</tpEmis><tpAmb>{environment}</tpAmb><finNFe>{purpose}</finNFe>"
        + "".join(f"<NFref><refNFe>{reference}</refNFe></NFref>" for reference in references)
        + f"</ide><emit><CNPJ>{cnpj}</CNPJ><xNome>Loja Exemplo S.A.</xNome></emit>"
        f"<dest>{recipient}<xNome>{name}</xNome><enderDest><xLgr>{street}</xLgr></enderDest></dest>"
        f"{lines}<total><ICMSTot>{head}<vProd>{goods:.2f}</vProd><vFrete>{freight:.2f}</vFrete>"
        f"<vDesc>{discount:.2f}</vDesc>"
        f"<vNF>{value or f'{goods - discount:.2f}'}</vNF></ICMSTot>{beside}</total>"
        f"<transp><modFrete>0</modFrete><transporta>{carrier}</transporta>"
        "<vol><qVol>2</qVol><pesoB>1.250</pesoB></vol></transp>"
        + (f"<compra><xPed>{order}</xPed></compra>" if order else "")
        + f"</infNFe></NFe><protNFe><infProt><tpAmb>{environment}</tpAmb><chNFe>{key}</chNFe>"
        f"<nProt>135260000000001</nProt><cStat>{status}</cStat></infProt></protNFe></nfeProc>"
    ).encode()


def _line(det: Det, place: int, cfop: str, freight: Decimal | None) -> str:
    ean, unit, quantity = det.taxable or (det.ean, det.unit, det.quantity)
    return (
        f'<det nItem="{place}"><prod><cProd>{det.code}</cProd><cEAN>{det.ean}</cEAN>'
        f"<xProd>Camiseta</xProd><CFOP>{det.cfop or cfop}</CFOP><uCom>{det.unit}</uCom>"
        f"<qCom>{det.quantity}</qCom><vUnCom>3.3333333333</vUnCom><vProd>{det.total}</vProd>"
        f"<cEANTrib>{ean}</cEANTrib><uTrib>{unit}</uTrib><qTrib>{quantity}</qTrib>"
        + (f"<vFrete>{freight:.2f}</vFrete>" if freight else "")
        + (f"<vDesc>{det.discount}</vDesc>" if det.discount else "")
        + det.more
        + (f"<xPed>{det.order}</xPed>" if det.order else "")
        + f"</prod><imposto>{det.taxes}</imposto></det>"
    )


def changed(data: bytes, old: str, new: str, count: int = 1) -> bytes:
    """Return a file with a text replaced that has to be in it."""
    assert old.encode() in data, old
    return data.replace(old.encode(), new.encode(), count)


def recipient_of(document: Mapping[str, Any]) -> str:
    """Return the recipient of an order's nota: its company, else its shopper."""
    client = document["clientProfileData"]
    if client.get("isCorporate") and client.get("corporateDocument"):
        return f"<CNPJ>{client['corporateDocument']}</CNPJ>"
    return f"<CPF>{client['document']}</CPF>"
