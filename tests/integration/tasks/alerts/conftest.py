"""The scenario of the tests of alerts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.alert_scenario import AlertScenario


@pytest.fixture
def scenario(journal_url: str) -> Iterator[AlertScenario]:
    made = AlertScenario(journal_url)
    yield made
    made.journal.close()
