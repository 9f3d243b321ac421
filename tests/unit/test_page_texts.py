"""The texts that pages quote as symptoms stand in the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from support.servers import ROOT

PACKAGES = ("foundation", "vtex", "erp", "journal", "tasks", "workers")

SAID_BY_A_PERSON = {"where is my order?"}


def quotes_of(page: str) -> Iterator[str]:
    """Yield the constant parts of the texts that the first column of a page's tables quotes."""
    for symptom in re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE):
        for quote in re.findall(r'"([^"]+)"', symptom):
            yield from (part.strip() for part in re.split(r"…|\d+|%", quote))


def texts_of_code() -> str:
    modules = [module for package in PACKAGES for module in (ROOT / package).rglob("*.py")]
    nodes = (node for module in modules for node in ast.walk(ast.parse(module.read_text("utf-8"))))
    return "\n".join(
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


@pytest.mark.parametrize("page", ["README.md", "docs/operations.md"])
def test_a_text_that_a_page_quotes_stands_in_the_code(page: str) -> None:
    code = texts_of_code()

    quotes = set(quotes_of((ROOT / page).read_text(encoding="utf-8"))) - SAID_BY_A_PERSON

    assert quotes
    assert not {quote for quote in quotes if quote not in code}


def test_a_quote_is_read_up_to_its_numbers() -> None:
    page = '| `check`: "schema 9001, newer than … fine" | "not this" |\n'

    assert list(quotes_of(page)) == ["schema", ", newer than", "fine"]
