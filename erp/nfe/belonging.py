"""Checks that a nota belongs to its order: persons, dates, numbers and referenced notas."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta, tzinfo

from stdnum.br import cnpj as cnpjs
from stdnum.br import cpf as cpfs

from erp.nfe.nota import Nfe
from erp.nfe.rules import NfeRules
from erp.nfe.safe_xml import NfeError
from foundation.foreign_values import moment
from foundation.local_days import DEFAULT_ZONE
from foundation.messages import nfe as messages
from foundation.messages.message import Text
from vtex.documents import Order
from vtex.payloads import number_of_key, series_of_key

_CPF_LENGTH = 11
_CONSUMER_NOTA = "65"
"""Model of the NFC-e, which may leave out its recipient."""

_CLOCK_SKEW = timedelta(minutes=15)
"""Difference between the clocks of the ERP and VTEX."""

_LEAST_HINT = 12
"""Characters of ``xPed`` from which it may be a part of a VTEX order id, which has 16."""

_SEPARATORS = re.compile(r"[^0-9A-Za-z]")
_WORDS = re.compile(r"^[^0-9]+")
"""Words before an order number, such as ``Pedido`` or the prefix of a marketplace."""


class NfeOfAnotherOrder(NfeError):
    """The nota does not belong to the order. The message shows both values, a CPF masked.

    Logs leave the values out.
    """


@dataclass(frozen=True, slots=True)
class SentInvoice:
    """A sales invoice of an order.

    Attributes:
        number: the plain number.
        series: ``None`` if unknown.
        key: access key, if known.
    """

    number: str
    series: str | None = None
    key: str | None = None

    def is_nota(self, key: str, seller: str) -> bool:
        """Return whether an access key is of this invoice.

        Args:
            seller: CNPJ or CPF. Without the invoice's key, a nota of the same company, number and
                series counts. A branch may issue the return.
        """
        if self.key:
            return self.key == key
        is_sellers = key[6:14] == seller.zfill(14)[:8]
        is_numbered = self.number == number_of_key(key)
        return is_sellers and is_numbered and self.series in (None, series_of_key(key))

    def __str__(self) -> str:
        """Return the name of the invoice for a message."""
        return self.key or self.number + (f" series {self.series}" if self.series else "")


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """The data of an order and its store that VTEX's document lacks.

    Attributes:
        zone: time zone of the store's days.
        cnpjs: the issuers of the store's notas. Without them the issuer is not checked.
        erp_reference: the ERP's number of the order.
        purchase_order: the number by which a company bought.
        invoices: the order's sales invoices.
    """

    zone: tzinfo = DEFAULT_ZONE
    cnpjs: Collection[str] = ()
    erp_reference: str | None = None
    purchase_order: str | None = None
    invoices: tuple[SentInvoice, ...] = ()


def require_same_order(nfe: Nfe, order: Order, record: OrderRecord, rules: NfeRules) -> None:
    """Refuse a nota that differs from its order.

    Raises:
        NfeOfAnotherOrder: it differs in a check that is not skipped, or a return goes to a
            supplier. The message lists every difference.
    """
    shopper = _documents(order)
    if _is_of_buyer(nfe) and not _is_one_of(nfe.issuer, shopper):
        raise NfeOfAnotherOrder(messages.RETURN_TO_SUPPLIER())
    checks = {
        "recipient": _recipient(nfe, shopper),
        "issuer": _issuer(nfe, record),
        "date": _date(nfe, order, record.zone),
        "order": _order(nfe, order, record),
        "reference": _reference(nfe, record),
    }
    differing = {name: text for name, text in checks.items() if text and rules.requires(name)}
    if differing:
        faults, names = "; ".join(differing.values()), ",".join(differing)
        raise NfeOfAnotherOrder(messages.OTHER_ORDER(faults=faults, checks=names))


def _recipient(nfe: Nfe, shopper: frozenset[str]) -> Text | None:
    # The company that bought the goods returns them by a nota of its own.
    buyer = nfe.issuer if _is_of_buyer(nfe) else nfe.recipient
    if not shopper or _is_one_of(buyer or "", shopper):
        return None
    if buyer is None and nfe.invoice_key[20:22] == _CONSUMER_NOTA:
        return None
    theirs = ", ".join(_masked(document) for document in sorted(shopper))
    return messages.OTHER_RECIPIENT(nota=_masked(buyer or ""), order=theirs)


def _issuer(nfe: Nfe, record: OrderRecord) -> Text | None:
    seller = _seller(nfe)
    if not record.cnpjs or _is_one_of(seller, record.cnpjs):
        return None
    listed = ", ".join(_masked(cnpj) for cnpj in sorted(record.cnpjs))
    return messages.STRANGE_ISSUER(nota=_masked(seller), store=listed)


def _date(nfe: Nfe, order: Order, zone: tzinfo) -> Text | None:
    issued = moment(nfe.issued_at).astimezone(zone)
    placed = order.created_at.astimezone(zone).date()
    if (issued + _CLOCK_SKEW).date() >= placed:
        return None
    return messages.OLDER_THAN_ORDER(issued=issued.date(), placed=placed)


def _order(nfe: Nfe, order: Order, record: OrderRecord) -> Text | None:
    numbers = [
        number
        for number in (
            order.order_id,
            order.sequence,
            order.order_group,
            order.marketplace_order_id,
            order.seller_order_id,
            record.erp_reference,
            record.purchase_order,
        )
        if number
    ]
    hints = ((nfe.order_hint,) if nfe.order_hint else (), nfe.line_hints)
    if not any(hints) or any(group and _are_of(group, numbers) for group in hints):
        return None
    shown = ", ".join(_shown(hint) for group in hints for hint in group[:3])
    return messages.OTHER_ORDER_NUMBER(nota=shown, order=", ".join(numbers))


def _are_of(hints: Collection[str], numbers: Collection[str]) -> bool:
    return all(any(_is_named(hint, number) for number in numbers) for hint in hints)


def _is_named(hint: str, number: str) -> bool:
    # xPed is too short for a VTEX order id, so ERPs cut it.
    is_part = any(len(form) >= _LEAST_HINT and form in _bare(number) for form in _forms(hint))
    return is_part or bool(_forms(hint) & _forms(number))


def _forms(number: str) -> set[str]:
    """Return an order number with and without the words before it."""
    return {_bare(number), _bare(_WORDS.sub("", number, count=1))} - {""}


def _shown(hint: str) -> str:
    """Return an ``xPed`` for a person's eyes. Some ERPs write the shopper's CPF into it."""
    return _masked(hint) if cpfs.is_valid(hint) else repr(f"{hint:.20}")


def _reference(nfe: Nfe, record: OrderRecord) -> Text | None:
    if nfe.type == "Output" and not nfe.references:
        return None
    if nfe.references and refers_to(nfe, record.invoices):
        return None
    keys = ", ".join(nfe.references[:3]) or "none"
    return messages.OTHER_REFERENCE(nota=keys, order=", ".join(map(str, record.invoices)) or "none")


def refers_to(nfe: Nfe, invoices: Collection[SentInvoice]) -> bool:
    """Return whether every reference of a nota is one of these invoices."""
    seller = _seller(nfe)
    return all(any(invoice.is_nota(key, seller) for invoice in invoices) for key in nfe.references)


def _seller(nfe: Nfe) -> str:
    return (nfe.recipient or "") if _is_of_buyer(nfe) else nfe.issuer


def _is_of_buyer(nfe: Nfe) -> bool:
    return nfe.type == "Input" and nfe.leaves_issuer


def _documents(order: Order) -> frozenset[str]:
    client = order.client
    return frozenset(filter(None, (client.document, client.corporate_document)))


def _is_one_of(document: str, documents: Collection[str]) -> bool:
    return _bare(document) in {_bare(other) for other in documents}


def _bare(text: str) -> str:
    """Return a document or number without separators, leading zeros and case."""
    return _SEPARATORS.sub("", text).upper().lstrip("0")


def _masked(document: str) -> str:
    """Return a document for a person's eyes. A CNPJ is public, the others are masked."""
    digits = _SEPARATORS.sub("", document).upper()
    if not digits:
        return "none"
    # A passport, and a CPF with zeros before it, are as long as a CNPJ.
    if cnpjs.is_valid(digits):
        return repr(digits)
    if len(digits) == _CPF_LENGTH:
        return repr(f"***.{digits[3:6]}.{digits[6:9]}-**")
    return repr(f"***{digits[-3:]}")
