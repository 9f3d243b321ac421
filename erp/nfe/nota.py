"""The content of an NF-e, as far as an invoice needs it."""

from __future__ import annotations

from dataclasses import dataclass

from erp.nfe.nota_lines import NfeItem


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
        leaves_issuer: ``tpNF`` is 1. A return that leaves its issuer comes from a company that
            bought the goods, or goes to a supplier.
        issued_at: ISO 8601 with its offset, as written.
        value_cents: ``vNF`` or ``vNFTot``, with freight and taxes. It differs from the sum of the
            items.
        issuer, recipient: CNPJ, CPF or ``idEstrangeiro``. Personal data.
        references: access keys of ``NFref/refNFe``.
        order_hint: ``compra/xPed``. Its 15 characters are too few for a VTEX order id.
        line_hints: each ``xPed`` of the lines, once.
        courier: name of the carrier. ``None`` for a person, whose name stays private.
        is_altered: the content does not match the digest of the signature.
    """

    invoice_number: str
    invoice_series: str
    invoice_key: str
    type: str
    leaves_issuer: bool
    issued_at: str
    value_cents: int
    issuer: str
    recipient: str | None
    references: tuple[str, ...]
    order_hint: str | None
    line_hints: tuple[str, ...]
    courier: str | None
    volumes: tuple[Volumes, ...]
    items: tuple[NfeItem, ...]
    is_altered: bool = False
