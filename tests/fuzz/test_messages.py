"""What the ERP may send, with anything anywhere: taken, or refused and kept."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp.adapters.memory import MemoryErp
from journal.journal import Journal
from journal.model import State
from journal.storage.rows import without_empty
from support.documents import hostile
from tasks.context import Context
from tasks.errors import RequestInvalid, RequestRefused
from tasks.outbound import request_intake, request_schemas

STAMP = "2026-03-10T15:04:05-03:00"
EVENT = {"city": "Campinas", "state": "SP", "description": "Em trânsito", "date": "2026-03-11"}
SOUND: dict[str, dict[str, Any]] = {
    "invoice": {
        "invoice_number": "128841", "value_cents": 5230, "issued_at": STAMP, "type": "Output",
        "items": [{"sku_id": "310102", "quantity": 1, "price_cents": 4990, "description": "Caneca"}],
        "invoice_key": "35260312345678000190550010001288411987654320", "courier": "Transportes Sul",
        "url": "https://nf.example.com/128841", "tracking_number": "BR123456789XX",
        "tracking_url": "https://rastreio.example.com/1", "dispatched_at": STAMP,
    },
    "tracking": {
        "invoice_number": "128841", "tracking_number": "BR123456789XX", "events": [EVENT],
        "delivered_at": STAMP, "courier": "Transportes Sul",
    },
    "cancellation": {"reason": "Falta de estoque", "requested_by_user": True},
}  # fmt: skip
NAMES = {"store": "acme", "order_id": "v70411223acme-01", "reference": "4711"}


@st.composite
def messages(draw: st.DrawFn, names: dict[str, str]) -> tuple[str, dict[str, Any]]:
    kind = draw(st.sampled_from(sorted(SOUND)))
    return kind, draw(hostile.mutated(SOUND[kind] | names))


def assert_words(words: str) -> None:
    """Assert that a reason is one line that has an end."""
    assert words.isprintable()
    assert len(words) < 20_000


@given(messages({}))
def test_a_request_is_read_or_refused_by_its_fields(message: tuple[str, dict[str, Any]]) -> None:
    kind, fields = message
    try:
        made = request_schemas.read(kind, fields)
    except RequestInvalid as error:
        refused = error
    else:
        # What is taken is JSON, is read again as the same, and has an end.
        content = without_empty(asdict(made))
        assert request_schemas.read(kind, json.loads(json.dumps(content))) == made
        assert len(str(made)) < 200_000
        return

    assert 0 < len(refused.faults) <= request_schemas.MAX_FAULTS
    assert_words(str(refused))


def journals(url: str) -> Iterator[Journal]:
    made = Journal(url)
    made.migrate()
    yield made
    made.close()


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    yield from journals(f"sqlite:///{tmp_path_factory.mktemp('journal')}/journal.db")


@pytest.fixture(scope="module")
def on_postgres(fresh_postgres: str) -> Iterator[Journal]:
    yield from journals(fresh_postgres)


def jobs(journal: Journal) -> Counter[str]:
    """Return how many requests there are in each state."""
    counts = journal.requests.counts().values()
    return Counter({State.OPEN: 0}) + sum((Counter(count) for count in counts), Counter())


def keep(journal: Journal, message: tuple[str, dict[str, Any]]) -> None:
    """Take a request, and assert that there is a job more, or that it was known."""
    kind, fields = message
    context = Context(journal, MemoryErp(), {}, in_flight=9, lock=contextlib.nullcontext)
    before = jobs(journal)
    state = State.OPEN
    try:
        request_intake.record(context, kind, fields)
    except RequestRefused as error:
        state = State.DEAD
        assert_words(str(error))

    after = jobs(journal)
    again = before[state] > 0 and after[state] == before[state]
    assert again or after[state] == before[state] + 1


@given(message=messages(NAMES))
def test_sqlite_keeps_a_request_open_or_dead(
    on_sqlite: Journal, message: tuple[str, dict[str, Any]]
) -> None:
    keep(on_sqlite, message)


@settings(settings(), max_examples=max(30, settings().max_examples // 10))
@given(message=messages(NAMES))
def test_postgresql_keeps_a_request_open_or_dead(
    on_postgres: Journal, message: tuple[str, dict[str, Any]]
) -> None:
    keep(on_postgres, message)
