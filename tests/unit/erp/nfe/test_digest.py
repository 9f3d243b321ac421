"""A flag for a nota whose content differs from the digest in its signature."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from erp.nfe.invoice import read
from erp.nfe.safe_xml import NAMESPACE
from support.documents.nfe_samples import changed, nfe


def signed(data: bytes, *, digest: str | None = None, authorised: str | None = None) -> bytes:
    """Return a nota with the digest of its content, as a signature has it."""
    text = data.decode()
    start, end = text.index("<infNFe"), text.index("</infNFe>") + len("</infNFe>")
    content = text[start:end].replace("<infNFe", f'<infNFe xmlns="{NAMESPACE[1:-1]}"', 1)
    content = re.sub(
        r'<infNFe xmlns="(\S+)" versao="(\S+)" Id="(\w+)">',
        r'<infNFe xmlns="\1" Id="\3" versao="\2">',
        content,
    )
    own = base64.b64encode(hashlib.sha1(content.encode()).digest()).decode()
    signature = (
        '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo><Reference>'
        f"<DigestValue>{digest or own}</DigestValue></Reference></SignedInfo></Signature>"
    )
    return (
        text[:end]
        + signature
        + text[end:].replace("<cStat>", f"<digVal>{authorised or own}</digVal><cStat>")
    ).encode()


def test_a_content_that_does_not_match_its_digest_is_flagged() -> None:
    sound = signed(nfe())

    assert not read(nfe()).is_altered
    assert not read(sound).is_altered
    assert read(changed(sound, "CAM-P", "CAM-Q")).is_altered
    assert read(signed(nfe(), authorised="AAAA")).is_altered


SCHEMAS = (
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
)


def test_the_namespaces_of_the_nota_count_in_its_digest() -> None:
    declared = changed(nfe(), "<NFe>", f"<NFe{SCHEMAS}>")
    text = declared.decode()
    content = text[text.index("<infNFe") : text.index("</infNFe>") + len("</infNFe>")]
    form = re.sub(
        r'<infNFe versao="(\S+)" Id="(\w+)">',
        rf'<infNFe xmlns="{NAMESPACE[1:-1]}"{SCHEMAS} Id="\2" versao="\1">',
        content,
    )
    own = base64.b64encode(hashlib.sha1(form.encode()).digest()).decode()
    sound = signed(declared, digest=own, authorised=own)

    assert not read(sound).is_altered
    assert read(changed(sound, "CAM-P", "CAM-Q")).is_altered


def test_namespaces_that_were_added_around_the_signed_nota_do_not_count() -> None:
    wrapped = changed(signed(nfe()), "<nfeProc", f"<nfeProc{SCHEMAS}")

    assert not read(wrapped).is_altered


def test_a_digest_is_compared_if_the_elements_have_a_prefix() -> None:
    text = re.sub(r"<(/?)(?=[A-Za-z])", r"<\1n:", nfe().decode()).replace("xmlns=", "xmlns:n=")
    content = text[text.index("<n:infNFe") : text.index("</n:infNFe>") + len("</n:infNFe>")]
    form = re.sub(
        r'<n:infNFe versao="(\S+)" Id="(\w+)">',
        rf'<n:infNFe xmlns:n="{NAMESPACE[1:-1]}" Id="\2" versao="\1">',
        content,
    )
    own = base64.b64encode(hashlib.sha1(form.encode()).digest()).decode()
    signature = (
        '</n:infNFe><d:Signature xmlns:d="http://www.w3.org/2000/09/xmldsig#">'
        f"<d:DigestValue>{own}</d:DigestValue></d:Signature>"
    )
    sound = changed(text.encode(), "</n:infNFe>", signature)

    assert not read(sound).is_altered
    assert read(changed(sound, "CAM-P", "CAM-Q")).is_altered


@pytest.mark.parametrize("name", ["<infNFe ", "<a:infNFe ", "<DigestValue  ", "</infNFe "])
def test_a_comment_full_of_starts_does_not_slow_the_comparison(name: str) -> None:
    hostile = f"<!--{name * (800_000 // len(name))}--></nfeProc>"

    assert not read(changed(signed(nfe()), "</nfeProc>", hostile)).is_altered
