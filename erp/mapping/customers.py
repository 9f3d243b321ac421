"""The customer of an order, and the check digits of the customer's document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import ModuleType

from stdnum.ar import cuit, dni
from stdnum.br import cnpj, cpf
from stdnum.cl import rut as chilean_rut
from stdnum.co import nit as colombian_nit
from stdnum.ec import ci as ecuadorian_ci
from stdnum.ec import ruc as ecuadorian_ruc
from stdnum.es import nif as spanish_nif
from stdnum.gt import nit as guatemalan_nit
from stdnum.mx import curp, rfc
from stdnum.pe import ruc as peruvian_ruc
from stdnum.pt import nif as portuguese_nif
from stdnum.py import ruc as paraguayan_ruc
from stdnum.ro import cnp, cui
from stdnum.uy import rut as uruguayan_rut

from erp.sales_order import Customer, Flag, FlagName
from foundation.foreign_values import text_at
from foundation.messages import orders as messages
from vtex.documents import Client, Order

BRAZIL = "BRA"
_CHECKED: Mapping[str, Mapping[str, ModuleType]] = {
    "cpf": {"": cpf},
    "cnpj": {"": cnpj},
    "cuit": {"": cuit},
    "cuil": {"": cuit},
    "dni": {"ARG": dni},
    "rut": {"CHL": chilean_rut, "URY": uruguayan_rut},
    "ruc": {"PER": peruvian_ruc, "ECU": ecuadorian_ruc, "PRY": paraguayan_ruc},
    "nit": {"COL": colombian_nit, "GTM": guatemalan_nit},
    "rfc": {"": rfc},
    "curp": {"": curp},
    "ci": {"ECU": ecuadorian_ci},
    "cedulaecu": {"": ecuadorian_ci},
    "nif": {"PRT": portuguese_nif, "ESP": spanish_nif},
    "cnp": {"": cnp},
    "cui": {"ROU": cui},
}
"""Kinds of documents with check digits: country to validator, ``""`` for any country."""

_OF_COMPANIES = {
    BRAZIL: "cnpj", "ARG": "cuit", "CHL": "rut", "COL": "nit", "ECU": "ruc", "ESP": "nif",
    "GTM": "nit", "MEX": "rfc", "PER": "ruc", "PRT": "nif", "PRY": "ruc", "ROU": "cui",
    "URY": "rut",
}  # fmt: skip
"""Kind of a company's document by country. VTEX names the buyer's kind only."""

_NIT_WITHOUT_CHECK_DIGIT = re.compile(r"[89]\d{8}")
"""A Colombian company's nine digits."""

_LONGEST = 32
"""Characters of the longest document. Python refuses to read very long numbers."""

_CPF, _CNPJ = 11, 14


def customer_of(order: Order) -> Customer:
    """Return the customer: the company if one buys, else the person."""
    client = order.client
    is_company = client.is_corporate
    document = _document(order)
    return Customer(
        kind="J" if is_company else "F",
        document=document,
        document_type=_type(order, document),
        name=name_of(client),
        trade_name=client.trade_name if is_company else None,
        state_registration=client.state_inscription if is_company else None,
        email=client.email,
        phone=(client.corporate_phone if is_company else None) or client.phone,
        customer_class=text_at(order.raw, "clientProfileData", "customerClass"),
    )


def _document(order: Order) -> str | None:
    client = order.client
    if not client.is_corporate:
        return _bare(client.document)
    # Outside Brazil a company's document may stand where a person's does.
    return _bare(client.corporate_document or (None if is_brazilian(order) else client.document))


def is_brazilian(order: Order) -> bool:
    """Return whether a Brazilian store sold. Its notas need a company's CNPJ."""
    return (order.country or BRAZIL) == BRAZIL


def name_of(client: Client) -> str:
    """Return the name of the company, else of the person. May be empty."""
    person = " ".join(filter(None, (client.first_name, client.last_name)))
    if client.is_corporate:
        return client.corporate_name or client.trade_name or person
    return person


def document_flags(order: Order, customer: Customer) -> list[Flag]:
    """Return a flag if the document's check digits are wrong, before an ERP refuses the order."""
    kind, number = customer.document_type, customer.document
    if not kind or not number:
        return []
    validators = _CHECKED.get(_key(kind), {})
    validator = validators.get(order.country or BRAZIL) or validators.get("")
    if validator is None or _is_right(validator, number):
        return []
    if _key(kind) == "nit" and _NIT_WITHOUT_CHECK_DIGIT.fullmatch(number):
        return []
    name = "corporateDocument" if _has_companys(order.client) else "document"
    detail = messages.CHECK_DIGIT_WRONG(path=f"clientProfileData.{name}", kind=_key(kind))
    return [Flag(FlagName.DOCUMENT_CHECK_DIGIT, detail)]


def _type(order: Order, document: str | None) -> str | None:
    if not document:
        return None
    client, country = order.client, order.country or BRAZIL
    named = client.document_type
    if _has_companys(client):
        # VTEX names the kind of the buyer's document, which may be the company's as well.
        is_companies = _key(named or "") in {*_OF_COMPANIES.values()} - {"cnpj"}
        named = named if is_companies else _OF_COMPANIES.get(country)
    elif not named and country == BRAZIL:
        named = {_CPF: "cpf", _CNPJ: "cnpj"}.get(len(document))
    return named if named is None or _key(named) not in ("cpf", "cnpj") else _key(named)


def _is_right(validator: ModuleType, number: str) -> bool:
    try:
        return len(number) <= _LONGEST and bool(validator.is_valid(number))
    except (ValueError, LookupError):
        # Some validators fail on letters and digits of other scripts.
        return False


def _has_companys(client: Client) -> bool:
    return client.is_corporate and bool(client.corporate_document)


def _key(kind: str) -> str:
    return re.sub(r"[^a-z]", "", kind.lower())


def _bare(text: str | None) -> str | None:
    # A CNPJ may hold letters since July 2026, and an RFC has Ñ and &. Only punctuation is removed.
    return re.sub(r"[^\w&]|_", "", text).upper() or None if text else None
