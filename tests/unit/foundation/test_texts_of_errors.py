"""Errors for people take their text from the catalogue, and so do log events that need a person."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
from marshmallow import ValidationError

from erp.adapters.rest.profile import ProfileError
from erp.adapters.rest.template import TemplateError
from erp.nfe.safe_xml import NfeError
from erp.port import ErpError
from journal.model import JournalError
from support.words import ROOT
from tasks.errors import ContractNewer, RequestInvalid, RequestRefused
from vtex.errors import VtexError
from workers.monitoring.http_endpoints import PortsTaken

LAYERS = ("vtex", "erp", "journal", "tasks", "workers")
BASES = (
    VtexError, ErpError, NfeError, JournalError, RequestInvalid, RequestRefused, ContractNewer,
    ProfileError, TemplateError, ValidationError, click.ClickException, PortsTaken,
)  # fmt: skip
"""Each error for people is one of these, or of a subclass. Settings raise a ClickException."""

TEXTS = frozenset({"faults.append", "self.fail", "owned.note", "owned.explain"})
"""Other calls that take a text for people."""

FOR_DEVELOPERS = frozenset({"erp/conformance", "vtex/simulator", "migrations", "vtex/schemas"})
"""Parts of paths whose errors no user of the workers sees."""


NAMES = {"Refused": VtexError, "NotYet": ErpError, "click": click}


def modules() -> Iterator[Path]:
    for layer in LAYERS:
        for path in sorted((ROOT / layer).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not any(part in name for part in FOR_DEVELOPERS):
                yield path


def has_literal(node: ast.expr) -> bool:
    """Return whether an argument is text that is written here, outside of a call."""
    if isinstance(node, ast.BinOp):
        return has_literal(node.left) or has_literal(node.right)
    if isinstance(node, ast.IfExp):
        return has_literal(node.body) or has_literal(node.orelse)
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def literal_raises(source: str, names: Mapping[str, Any]) -> list[str]:
    """Return the calls of errors with a text of their own.

    Args:
        names: the names of the module.
    """
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [
        ast.unparse(call)
        for call in calls
        if (ast.unparse(call.func) in TEXTS or is_error(call.func, names))
        and any(has_literal(argument) for argument in call.args)
    ]


def is_error(function: ast.expr, names: Mapping[str, Any]) -> bool:
    """Return whether a call makes an error for people, as in ``click.UsageError(…)``."""
    parts = ast.unparse(function).split(".")
    value = names.get(parts[0])
    for part in parts[1:]:
        if isinstance(value, type):
            break
        value = getattr(value, part, None)
    return isinstance(value, type) and issubclass(value, BASES)


def literal_log_errors(source: str) -> list[str]:
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "log.error"
        and any(has_literal(argument) for argument in node.args)
    ]


def names_of(path: Path) -> Mapping[str, Any]:
    return vars(import_module(".".join(path.relative_to(ROOT).with_suffix("").parts)))


@pytest.mark.parametrize("layer", LAYERS)
def test_an_error_for_people_takes_its_text_from_the_catalogue(layer: str) -> None:
    faults = {
        path.relative_to(ROOT).as_posix(): found
        for path in modules()
        if path.relative_to(ROOT).parts[0] == layer
        and path.name not in ("__main__.py", "env.py")
        and (found := literal_raises(path.read_text(encoding="utf-8"), names_of(path)))
    }

    assert faults == {}


def test_a_log_event_that_needs_a_person_stands_in_the_catalogue() -> None:
    faults = {
        path.relative_to(ROOT).as_posix(): found
        for path in modules()
        if (found := literal_log_errors(path.read_text(encoding="utf-8")))
    }

    assert faults == {}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("raise Refused('no')", 1),
        ("raise Refused(f'no {x}')", 1),
        ("raise NotYet.within(PATIENCE, 'no' + x)", 1),
        ("raise click.UsageError('no')", 1),
        ("faults.append(f'{x}: no')", 1),
        ("raise Refused(messages.NO(reason='x'))", 0),
        ("raise ValueError('no')", 0),
    ],
)
def test_the_check_sees_a_text_of_its_own(written: str, expected: int) -> None:
    assert len(literal_raises(written, NAMES)) == expected
    assert len(literal_log_errors("log.error('x')")) == 1
