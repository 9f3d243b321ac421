"""NF-e files with their elements dropped, doubled, renamed, moved: read, or refused in a bounded time."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from erp.nfe import invoice as reader
from erp.nfe.safe_xml import NfeError
from support.documents import hostile
from support.documents.nfe_samples import PERSON, Det, nfe
from tasks.errors import RequestInvalid
from tasks.outbound import request_schemas
from vtex import schemas
from vtex.documents import Order
from vtex.errors import DocumentInvalid
from vtex.payloads import key_is_sound

NAMESPACE = "http://www.portalfiscal.inf.br/nfe"
SECONDS = 5

SOUND = [
    nfe(Det(discount="1.00", ean="7891000100103"), Det(code="B"), order="1"),
    nfe(purpose=4, direction=0),
    nfe(Det(code="CX-12", unit="CX", quantity="0.3333")),
]
TEXTS = st.sampled_from(
    ["", " ", "0", "-1", "1E+999", "NaN", "9" * 400, "١", "x" * 100_000, "\u202e", "\ufeff", "<", "]]>",
     "2026-02-30T00:00:00-03:00", "0000-00-00T00:00:00+99:99"]
) | st.text(max_size=12)  # fmt: skip


TAGS = st.sampled_from(["x", f"{{{NAMESPACE}}}det", f"{{{NAMESPACE}}}NFe", "{urn:x}infNFe"])
MOST = 1536 * 1024


def _double(draw: st.DrawFn, holder: ET.Element, child: ET.Element) -> None:
    count = min(draw(st.sampled_from([1, 1000, 5000])), MOST // len(ET.tostring(child)))
    # Copies of their own: one element in many places would be multiplied by the next change.
    holder.extend(copy.deepcopy(child) for _ in range(count))


def _move(draw: st.DrawFn, holder: ET.Element, child: ET.Element) -> None:
    holder.remove(child)
    draw(st.sampled_from(list(holder.iter()))).append(child)


def _deepen(draw: st.DrawFn, _holder: ET.Element, child: ET.Element) -> None:
    for _ in range(draw(st.sampled_from([5, 60]))):
        child = ET.SubElement(child, "a")


CHANGES: list[Callable[[st.DrawFn, ET.Element, ET.Element], None]] = [
    lambda draw, holder, child: holder.remove(child),
    lambda draw, holder, child: setattr(child, "tag", draw(TAGS)),
    lambda draw, holder, child: setattr(child, "text", draw(TEXTS)),
    lambda draw, holder, child: child.set(
        draw(st.sampled_from(["Id", "versao", "x"])), draw(TEXTS)
    ),
    _double,
    _move,
    _deepen,
]


@st.composite
def rearranged(draw: st.DrawFn) -> bytes:
    """A file that is XML, and whose elements are not what or where they were."""
    root = ET.fromstring(draw(st.sampled_from(SOUND)))
    for _ in range(draw(st.integers(1, 4))):
        holder = draw(st.sampled_from([value for value in root.iter() if len(value)] or [root]))
        if len(holder):
            draw(st.sampled_from(CHANGES))(draw, holder, draw(st.sampled_from(list(holder))))
    # What XML has no character for is put in as it is.
    return ET.tostring(root, encoding="unicode").encode(errors="surrogatepass")[:MOST]


BOMB = "".join(f"<!ENTITY a{n + 1} '{f'&a{n};' * 10}'>" for n in range(9))
PROLOGUES = [
    f"<!DOCTYPE x [{BOMB}]>",
    "<!DOCTYPE x SYSTEM 'file:///etc/passwd'>",
    f"<?x {'y' * 100_000}?>",
    f"<!--{'-' * 100_000}",
]
PATCHES = [
    b"<a>",
    b"<!--",
    b"<![CDATA[",
    b"&#0;",
    b"&a;",
    b"&#xD800;",
    b"\xff",
    b"\x00",
    b"<a " + b"b='' " * 50,
]
ENCODINGS = ["utf-16", "utf-32", "utf-7", "latin-1", "cp500", "utf-8-sig", "shift_jis"]


@st.composite
def patched(draw: st.DrawFn) -> bytes:
    """A file with some of its bytes cut out, and others in their place."""
    data = draw(st.sampled_from(SOUND))
    at = draw(st.integers(0, len(data)))
    patch = draw(st.sampled_from(PATCHES) | st.binary(max_size=8))
    return data[:at] + patch + data[at + draw(st.integers(0, 9) | st.just(len(data))) :]


@st.composite
def disguised(draw: st.DrawFn) -> bytes:
    """A file in another encoding than it says, or with something before its root."""
    name = draw(st.sampled_from(ENCODINGS))
    said = draw(st.sampled_from(["UTF-8", name, "x" * 300, ""]))
    prologue = draw(st.sampled_from(["", *PROLOGUES]))
    text = draw(st.sampled_from(SOUND)).decode().replace("UTF-8", said, 1)
    text = text.replace("<nfeProc", f"{prologue}<nfeProc", 1)
    return text.encode(name, "replace") if draw(st.booleans()) else text.encode()


@given(rearranged() | patched() | disguised() | st.binary(max_size=200))
def test_a_file_is_read_or_refused_in_words_that_name_no_buyer(data: bytes) -> None:
    began = time.process_time()
    words = ""
    try:
        made = reader.read(data)
    except NfeError as error:
        words = str(error)

    assert time.process_time() - began < SECONDS
    assert words.isprintable()
    assert len(words) < 500
    assert not [value for value in PERSON if value in words]
    if not words:
        assert key_is_sound(made.invoice_key)
        assert 0 < made.value_cents < 10**15
        assert 0 < len(made.items) <= reader.MOST_LINES


QUANTITIES = st.sampled_from(["1.0000", "0.3333", "99999999999", "0.0001"])


@st.composite
def lines_of(draw: st.DrawFn, order: Order) -> list[Det]:
    """Lines of a nota that name the goods of an order."""
    named = [item.sku_id for item in order.items] + [item.ref_id for item in order.items]
    codes = st.sampled_from([entry for entry in named if entry and entry.isalnum()] or ["x"])
    return draw(st.lists(st.builds(Det, code=codes, quantity=QUANTITIES), min_size=1, max_size=5))


@given(st.data())
def test_a_nota_of_any_order_makes_a_request_or_is_refused(data: st.DataObject) -> None:
    raw = data.draw(
        st.sampled_from([entry.order for entry in hostile.MADE]).flatmap(hostile.mutated)
    )
    words = ""
    try:
        order = schemas.read_order(raw)
        note = reader.read(nfe(*data.draw(lines_of(order))))
        request_schemas.read("invoice", reader.request(note, order))
    except (DocumentInvalid, NfeError, RequestInvalid) as error:
        words = str(error)

    assert len(words) < 50_000
    assert not [value for value in hostile.PEOPLE[1:] if value in words]
