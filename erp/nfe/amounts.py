"""The amounts of a nota: its value, and the amount of each line with all its terms.

Source: Manual de Orientação do Contribuinte 7.0, validation rule W16-10 (``vNF``), and Technical
Note 2025.002 (``vNFTot``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from erp.nfe.rules import NfeRules
from erp.nfe.safe_xml import NfeInvalid, XmlPart
from foundation.messages import nfe as messages

_HEAD = "total/ICMSTot"

_TAXES = ("vST", "vFCPST", "vICMSMonoReten", "vII", "vIPI", "vIPIDevol")
"""Taxes that the shopper pays beside ``vProd``. Each line has its part."""

_ORDER_COSTS = ("vFrete", "vSeg", "vOutro")
"""Costs of the whole order. VTEX has them beside its items."""

_TAX_PATHS = {
    "vII": "imposto/II/vII",
    "vIPI": "imposto/IPI/IPITrib/vIPI",
    "vIPIDevol": "impostoDevol/IPI/vIPIDevol",
}
_ICMS_NAMES = {"vST": "vICMSST", "vFCPST": "vFCPST", "vICMSMonoReten": "vICMSMonoReten"}
_CONTRIBUTIONS = (
    ("imposto/PISST", "indSomaPISST", "vPIS"),
    ("imposto/COFINSST", "indSomaCOFINSST", "vCOFINS"),
)
_SUFRAMA = "7"
"""``motDesICMS`` of goods for the Free Zone of Manaus, whose exempted ICMS is deducted."""

_DEDUCTIONS = (("flag",), ("flag", "suframa"), ("flag", "suframa", "unclear"))
"""Reasons to deduct exempted ICMS. The first with which lines and head agree counts."""

_BESIDE_THE_PRICE = ("total/ISTot/vIS", "total/IBSCBSTot/gIBS/vIBS", "total/IBSCBSTot/gCBS/vCBS")


@dataclass(frozen=True, slots=True)
class Amounts:
    """The amounts of a nota in cents.

    Attributes:
        value_cents: the amount that the shopper owes.
        lines_cents: amount of each line, without freight, insurance and other costs.
    """

    value_cents: int
    lines_cents: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """The terms of a line in cents, by the name of their sum in ``ICMSTot``.

    Attributes:
        service_cents: amount of a service with ISSQN, which ``vServ`` sums.
        exempted: ``vICMSDeson`` by the reason for which it may be deducted (``_DEDUCTIONS``).
    """

    terms: Mapping[str, int]
    contributions_cents: int
    service_cents: int
    exempted: Mapping[str, int]

    def goods_cents(self, deducted: Collection[str]) -> int:
        """Return the amount without the costs of the whole order."""
        taxes = sum(self.terms[name] for name in _TAXES) + self.contributions_cents
        goods = self.terms["vProd"] + self.service_cents
        return goods - self.terms["vDesc"] - self.exempted_cents(deducted) + taxes

    def exempted_cents(self, deducted: Collection[str]) -> int:
        """Return the exempted ICMS that is deducted for these reasons."""
        return sum(self.exempted[reason] for reason in deducted)


def read_amounts(note: XmlPart, parts: Sequence[XmlPart], issued: date, rules: NfeRules) -> Amounts:
    """Return the amounts of a nota whose lines and head agree to the cent.

    Args:
        parts: the lines.
        issued: day of issue.

    Raises:
        NfeInvalid: lines and head differ. The message shows the difference.
    """
    value = note.cents(f"{_HEAD}/vNF")
    lines = [_line(part) for part in parts]
    totals = {deducted: _sum_of_head(note, lines, deducted) for deducted in _DEDUCTIONS}
    agreeing = (deducted for deducted, total in totals.items() if total == value)
    deducted = next(agreeing, _DEDUCTIONS[0])
    amounts = tuple(line.goods_cents(deducted) for line in lines)
    for part, cents in zip(parts, amounts, strict=True):
        if cents < 0:
            raise NfeInvalid(messages.DISCOUNT_TOO_HIGH(path=part.path("prod/vDesc")))
    if rules.requires("amounts"):
        _require_sums(note, lines)
        _require_equal(f"{_HEAD}/vNF", value, totals[deducted])
    if issued >= rules.vnftot_from and note.text("total/vNFTot"):
        value = _whole_value(note, value, rules)
    return Amounts(value, amounts)


def _sum_of_head(note: XmlPart, lines: Sequence[_Line], deducted: Collection[str]) -> int:
    """Return the value by its terms in the head."""
    added = sum(_head(note, name) for name in ("vProd", *_TAXES, *_ORDER_COSTS))
    services = note.cents("total/ISSQNtot/vServ", absent=0)
    of_lines = sum(line.contributions_cents - line.exempted_cents(deducted) for line in lines)
    return added - _head(note, "vDesc") + services + of_lines


def _require_sums(note: XmlPart, lines: Sequence[_Line]) -> None:
    for name in ("vProd", "vDesc", *_ORDER_COSTS, *_TAXES):
        total = sum(line.terms[name] for line in lines)
        # Some ERPs write a tax in the head alone.
        if total or name not in _TAXES:
            _require_equal(f"{_HEAD}/{name}", _head(note, name), total)


def _require_equal(path: str, head: int, total: int) -> None:
    if head != total:
        raise NfeInvalid(
            messages.AMOUNTS_DIFFER(
                path=path, head=_reais(head), total=_reais(total), difference=_reais(total - head)
            )
        )


def _whole_value(note: XmlPart, value: int, rules: NfeRules) -> int:
    whole = note.cents("total/vNFTot")
    beside = sum(note.cents(path, absent=0) for path in _BESIDE_THE_PRICE)
    # Some notas have these taxes within vNF already.
    if rules.requires("amounts") and whole != value:
        _require_equal("total/vNFTot", whole, value + beside)
    return whole


def _head(note: XmlPart, name: str) -> int:
    return note.cents(f"{_HEAD}/{name}", absent=0)


def _line(part: XmlPart) -> _Line:
    goods = part.cents("prod/vProd")
    is_in_total = part.text("prod/indTot") != "0"
    is_service = part.find("imposto/ISSQN") is not None
    counted = goods if is_in_total else 0
    terms = {name: part.cents(f"prod/{name}", absent=0) for name in ("vDesc", *_ORDER_COSTS)} | {
        name: part.cents(path, absent=0) for name, path in _TAX_PATHS.items()
    }
    groups = tuple(_icms(part))
    for name, path in _ICMS_NAMES.items():
        terms[name] = sum(group.cents(path, absent=0) for group in groups)
    return _Line(
        terms=terms | {"vProd": 0 if is_service else counted},
        contributions_cents=sum(_contributions(part)),
        service_cents=counted if is_service else 0,
        exempted=_exempted(groups),
    )


def _icms(part: XmlPart) -> Iterator[XmlPart]:
    """Yield the group of the line's ICMS, whose name is its tax situation."""
    holder = part.find("imposto/ICMS")
    for element in holder.element if holder else ():
        yield XmlPart(element, f"{part.name}/imposto/ICMS/{element.tag.rpartition('}')[2]}")


def _exempted(groups: Sequence[XmlPart]) -> Mapping[str, int]:
    exempted: Counter[str] = Counter()
    for group in groups:
        flag = group.text("indDeduzDeson")
        is_suframa = group.text("motDesICMS") == _SUFRAMA
        reason = "suframa" if is_suframa else "unclear"
        exempted[{None: reason, "1": "flag"}.get(flag, "none")] += group.cents(
            "vICMSDeson", absent=0
        )
    return exempted


def _contributions(part: XmlPart) -> Iterator[int]:
    for group, flag, name in _CONTRIBUTIONS:
        if part.text(f"{group}/{flag}") == "1":
            yield part.cents(f"{group}/{name}", absent=0)


def _reais(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02}"
