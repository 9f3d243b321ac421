"""NF-e files of invented companies and persons, sound but for what a test changes."""

from __future__ import annotations

from dataclasses import dataclass

CNPJ = "11222333000181"
CNPJ_WITH_LETTERS = "12ABC34501DE35"
PERSON = ("Ana Prado", "52998224725", "Rua das Laranjeiras")


@dataclass(frozen=True)
class Det:
    code: str = "CAM-P"
    quantity: str = "1.0000"
    total: str = "10.00"
    ean: str = "SEM GTIN"
    unit: str = "UN"
    discount: str | None = None
    order: str | None = None


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


def nfe(
    *dets: Det,
    number: int = 128841,
    value: str = "10.00",
    issued_at: str = "2026-03-10T23:40:00-03:00",
    purpose: int = 1,
    direction: int = 1,
    environment: int = 1,
    status: int = 100,
    cnpj: str = CNPJ,
    carrier: str = "<CNPJ>11444777000161</CNPJ><xNome>Transportadora Rota Nova</xNome>",
    order: str | None = None,
) -> bytes:
    """Return an nfeProc; without lines it has one of R$ 10.00."""
    key = access_key(number, cnpj=cnpj)
    lines = "".join(
        f'<det nItem="{place}"><prod><cProd>{item.code}</cProd><cEAN>{item.ean}</cEAN>'
        f"<xProd>Camiseta</xProd><CFOP>5102</CFOP><uCom>{item.unit}</uCom><qCom>{item.quantity}</qCom>"
        f"<vUnCom>3.3333333333</vUnCom><vProd>{item.total}</vProd>"
        + (f"<vDesc>{item.discount}</vDesc>" if item.discount else "")
        + (f"<xPed>{item.order}</xPed>" if item.order else "")
        + "</prod></det>"
        for place, item in enumerate(dets or (Det(),), 1)
    )
    name, document, street = PERSON
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<nfeProc versao="4.00" xmlns="http://www.portalfiscal.inf.br/nfe"><NFe>'
        f'<infNFe versao="4.00" Id="NFe{key}"><ide><cUF>35</cUF><cNF>87654321</cNF><mod>55</mod>'
        f"<serie>1</serie><nNF>{number}</nNF><dhEmi>{issued_at}</dhEmi><tpNF>{direction}</tpNF>"
        f"<tpEmis>1</tpEmis><tpAmb>{environment}</tpAmb><finNFe>{purpose}</finNFe></ide>"
        f"<emit><CNPJ>{cnpj}</CNPJ><xNome>Loja Exemplo S.A.</xNome></emit>"
        f"<dest><CPF>{document}</CPF><xNome>{name}</xNome><enderDest><xLgr>{street}</xLgr></enderDest></dest>"
        f"{lines}<total><ICMSTot><vFrete>0.00</vFrete><vNF>{value}</vNF></ICMSTot></total>"
        f"<transp><modFrete>0</modFrete><transporta>{carrier}</transporta>"
        "<vol><qVol>2</qVol><pesoB>1.250</pesoB></vol></transp>"
        + (f"<compra><xPed>{order}</xPed></compra>" if order else "")
        + f"</infNFe></NFe><protNFe><infProt><tpAmb>{environment}</tpAmb><chNFe>{key}</chNFe>"
        f"<nProt>135260000000001</nProt><cStat>{status}</cStat></infProt></protNFe></nfeProc>"
    ).encode()


def changed(data: bytes, old: str, new: str, count: int = 1) -> bytes:
    """Return a file with a text replaced that has to be in it."""
    assert old.encode() in data, old
    return data.replace(old.encode(), new.encode(), count)
