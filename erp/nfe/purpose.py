"""The purpose of a nota: a sale, a return, or a nota that VTEX must not get."""

from __future__ import annotations

import re

from erp.nfe import cfop
from erp.nfe.cfop import Group
from erp.nfe.rules import NfeRules
from erp.nfe.safe_xml import WHOLE, NfeInvalid, XmlPart
from foundation.messages import nfe as messages

_CFOP = re.compile(r"[1-7][0-9]{3}")
_SALE, _RETURN = "1", "4"
_OTHER_PURPOSES = {
    "2": "a complementary nota",
    "3": "an adjustment nota",
    "5": "a credit nota",
    "6": "a debit nota",
}


def type_of(note: XmlPart, rules: NfeRules) -> str:
    """Return ``Output`` for a sale, ``Input`` for a return.

    VTEX refunds an ``Input`` by itself, so a nota of doubtful purpose is refused.

    Raises:
        NfeInvalid: the nota is neither. The message names its purpose.
    """
    purpose, direction = note.need("ide/finNFe", WHOLE), note.need("ide/tpNF", WHOLE)
    if purpose not in (_SALE, _RETURN):
        name = _OTHER_PURPOSES.get(purpose, "a nota of an unknown purpose")
        raise NfeInvalid(messages.OTHER_PURPOSE(purpose=purpose, name=name))
    if direction not in ("0", "1"):
        raise NfeInvalid(messages.DIRECTION(direction=direction))
    if purpose == _SALE and direction == "0":
        raise NfeInvalid(messages.ENTRY())
    allowed = {Group.RETURN} if purpose == _RETURN else {Group.SALE, Group.BESIDE_A_SALE}
    groups = {_group(line, allowed, direction, rules) for line in note.all("det")}
    if purpose == _SALE and groups == {Group.BESIDE_A_SALE}:
        raise NfeInvalid(messages.GIFTS_ONLY())
    return "Output" if purpose == _SALE else "Input"


def _group(line: XmlPart, allowed: set[Group], direction: str, rules: NfeRules) -> Group | None:
    code = line.need("prod/CFOP", _CFOP)
    if code in rules.cfops:
        return None
    group = cfop.group_of(code)
    digits = cfop.IN if direction == "0" else cfop.OUT
    if group in allowed and code[0] in digits:
        return group
    kind = ("return" if Group.RETURN in allowed else "sale") + f" with ide/tpNF {direction}"
    name = cfop.name_of(code)
    raise NfeInvalid(
        messages.OTHER_CFOP(path=line.path("prod/CFOP"), code=code, name=name, kind=kind)
    )
