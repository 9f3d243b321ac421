"""The kind of an XML file: an authorised NF-e, or another document."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from erp.nfe.safe_xml import NAMESPACE, NfeInvalid
from foundation.messages import nfe as messages

_EVENTS = frozenset(
    {"procEventoNFe", "retEvento", "evento", "envEvento", "retEnvEvento", "resEvento"}
)

_EVENT_NAMES = {
    "110110": "a correction letter",
    "110111": "a cancellation",
    "110112": "a cancellation by a substitute",
    "110130": "a proof of delivery",
    "110131": "a canceled proof of delivery",
    "110140": "an emission in contingency",
    "110150": "an interested party",
    "110192": "a failed delivery",
    "110193": "a canceled failed delivery",
    "210200": "the recipient's confirmation",
    "210210": "the recipient's awareness",
    "210220": "the recipient's denial of the operation",
    "210240": "an operation that did not take place",
}
"""Types of events (``tpEvento``) in the tables of SEFAZ's technical notes."""

_CANCELLATIONS = frozenset({"110111", "110112"})
_OLD_CANCELLATIONS = frozenset({"cancNFe", "retCancNFe", "procCancNFe"})

_OTHER_KINDS = {
    "enviNFe": "a batch for SEFAZ (enviNFe), without SEFAZ's authorisation",
    "retEnviNFe": "SEFAZ's receipt of a batch",
    "retConsReciNFe": "SEFAZ's answer about a batch, without its notas",
    "retConsSitNFe": "SEFAZ's answer about the state of a nota, without the nota",
    "resNFe": "SEFAZ's summary of a nota (resNFe), without the nota",
    "retDistDFeInt": "SEFAZ's distribution of documents, which holds notas in packed form",
    "protNFe": "SEFAZ's authorisation alone, without its nota",
    "Envelope": "a SOAP message of SEFAZ's web service",
    "inutNFe": "a void range of numbers",
    "procInutNFe": "a void range of numbers",
    "CTe": "a CT-e, the document of a carrier",
    "cteProc": "a CT-e, the document of a carrier",
    "mdfeProc": "an MDF-e, the manifest of a carrier",
    "CFe": "a coupon (CF-e)",
    "NFSe": "an NFS-e of services",
    "CompNfse": "an NFS-e of services",
    "html": "a page of HTML, such as an error of a web server",
}
_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"


def require_authorised_nfe(root: Element) -> None:
    """Refuse another document than an authorised NF-e.

    Raises:
        NfeInvalid: the message names the kind of the file, and the file to send instead.
    """
    name = root.tag.rpartition("}")[2]
    if name in _EVENTS:
        _refuse_event(root, name)
    if root.tag == f"{NAMESPACE}NFe":
        is_signed = root.find(f".//{_SIGNATURE}") is not None
        raise NfeInvalid(messages.NOT_AUTHORISED() if is_signed else messages.UNSIGNED())
    if name in _OTHER_KINDS:
        raise NfeInvalid(messages.OTHER_KIND(kind=_OTHER_KINDS[name]))
    if root.tag != f"{NAMESPACE}nfeProc":
        raise NfeInvalid(messages.OTHER_ROOT())
    if root.get("versao") != "4.00":
        raise NfeInvalid(messages.OTHER_LAYOUT())
    if _is_canceled(root):
        raise NfeInvalid(messages.CARRIES_CANCELLATION())


def _refuse_event(root: Element, name: str) -> None:
    code = next((element.text or "" for element in root.iter(f"{NAMESPACE}tpEvento")), "").strip()
    if code in _CANCELLATIONS:
        raise NfeInvalid(messages.CANCELLATION_EVENT(root=name, name=_EVENT_NAMES[code]))
    raise NfeInvalid(
        messages.EVENT(root=name, name=_EVENT_NAMES.get(code, f"an event of type {code:.6}"))
    )


def _is_canceled(root: Element) -> bool:
    return any(
        (element.text or "").strip() in _CANCELLATIONS
        if element.tag == f"{NAMESPACE}tpEvento"
        else element.tag.rpartition("}")[2] in _OLD_CANCELLATIONS
        for element in root.iter()
    )
