"""The calls of ``vtex-erp`` that pages show exist, and so do the texts that they quote."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import click
import pytest

from support.servers import ROOT
from workers.cli.main import main

PAGES = (
    *ROOT.glob("*.md"),
    *(
        ROOT / "docs" / f"{name}.md"
        for name in ("alerts", "architecture", "erp-developers", "operations")
    ),
    ROOT / ".env.example",
    ROOT / "docker-compose.yml",
)

CALL = re.compile(r"(?<![\w-])vtex-erp((?: +[\w-][\w-]*(?:=\S+)?)+)")
"""A call up to the first word that is neither a name nor an option."""

PLANNED = {"console"}
"""Commands that a page announces."""


def calls_of(text: str) -> Iterator[str]:
    """Yield the calls that a page shows as code."""
    in_fence = False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            in_fence = not in_fence
        is_code = in_fence or line.startswith("    ")
        for part in [line] if is_code else re.findall(r"`([^`]+)`", line):
            yield from (call[1].strip() for call in CALL.finditer(part))


def fault_of(call: str) -> str | None:
    """Return the first word of a call that is no command or option; None where all are."""
    command: click.Command = main
    words = call.split()
    while words and isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words[0])
        if found is None:
            return words[0]
        command, words = found, words[1:]
    known = {option for each in command.params for option in each.opts} | {"--help", "--version"}
    options = [word.split("=")[0] for word in words if word.startswith("--")]
    return next((option for option in options if option not in known), None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_names_commands_and_options_that_exist(page) -> None:
    faults = {call: fault_of(call) for call in calls_of(page.read_text(encoding="utf-8"))}

    assert not {call: word for call, word in faults.items() if word and word not in PLANNED}


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        ("orders show 1268540501456-01 --json", None),
        ("orders list --older-than 30", None),
        ("order ID", "order"),
        ("orders list --older 30", "--older"),
        ("check", None),
    ],
)
def test_a_call_is_compared_with_the_command_line(call: str, fault: str | None) -> None:
    assert fault_of(call) == fault


def test_calls_are_found_in_code_alone() -> None:
    page = "vtex-erp worker\n`vtex-erp orders sync ID`\n\n    vtex-erp check   # fault\n```sh\nvtex-erp migrate\n```\n"

    assert list(calls_of(page)) == ["orders sync ID", "check", "migrate"]


def quotes_of(page: str) -> Iterator[str]:
    """Yield the constant parts of the texts that the tables of a page quote as symptoms."""
    for row in re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE):
        for quote in re.findall(r'"([^"]+)"', row):
            yield from (part.strip() for part in re.split(r"…|\d+|%", quote))


def texts_of_code() -> str:
    modules = [
        module for folder in ("foundation", "vtex", "erp", "journal", "tasks", "workers")
        for module in (ROOT / folder).rglob("*.py")
    ]  # fmt: skip
    nodes = (node for module in modules for node in ast.walk(ast.parse(module.read_text("utf-8"))))
    return "\n".join(
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


ASKED = {"where is my order?"}
"""A quote of a person."""


@pytest.mark.parametrize("page", ["README.md", "docs/operations.md"])
def test_a_text_that_a_page_quotes_stands_in_the_code(page: str) -> None:
    code = texts_of_code()

    quotes = set(quotes_of((ROOT / page).read_text(encoding="utf-8"))) - ASKED
    assert quotes
    assert not {quote for quote in quotes if quote not in code}
