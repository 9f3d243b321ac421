"""The order flow of the tests of order changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from support.order_flow import OrderFlow, order_flow
from tasks.base import StoreTask
from vtex.documents import FeedConfig
from vtex.statuses import CHANGES, READY


@pytest.fixture
def flow(journal_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[OrderFlow]:
    # There is no broker here: what would be sent is due at once, and worked off at once.
    monkeypatch.setattr(
        "tasks.workflow.send", lambda journal, tickets: journal.jobs.release(tickets)
    )
    with order_flow(journal_url, index_lag=0) as made:
        pace = timedelta(minutes=10)
        made.context = StoreTask.process_context = replace(
            made.context, list_intervals={"acme": pace}
        )
        config = FeedConfig((READY, *CHANGES), 300, 345_600)
        made.client.configure_feed(config)
        made.journal.feeds.set_up(
            "acme", config.statuses or (), hidden_seconds=300, kept_seconds=345_600
        )
        yield made
