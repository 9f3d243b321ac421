"""The table of alert rules, and the files that are made from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.words import ROOT
from tasks.alerts.generate import generated, prometheus_rules
from tasks.alerts.model import Rule
from tasks.alerts.rules import RULES

FILES = generated(ROOT)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_generated_file_is_as_the_table_of_rules_makes_it(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == FILES[path], "run python -m tasks.alerts.generate"


def test_each_rule_stands_in_the_table_once() -> None:
    assert [rule.name for rule in RULES] == list(Rule)


def test_each_rule_of_prometheus_has_a_name_of_its_own() -> None:
    names = [rule.name for rule in prometheus_rules()]

    assert len(names) == len(set(names))
    assert all(name.startswith("VtexErp") for name in names)


def test_each_setting_of_a_rule_exists() -> None:
    page = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")

    assert [
        name for rule in RULES for name in rule.settings if f"`{name.upper()}`" not in page
    ] == []
