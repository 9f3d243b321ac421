"""The tree of commands: light to import, true to its actions, and quoted as it is."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from support.command_line import commands
from support.servers import ROOT
from workers.cli.main import main

HEAVY = ("celery", "sqlalchemy", "requests", "rich", "apprise", "alembic", "marshmallow", "redis")

LIGHT = """
import contextlib, io, sys
from workers.cli.main import main

def render(command, *path):
    with contextlib.redirect_stdout(io.StringIO()):
        main.main([*path, "--help"], standalone_mode=False)
    for name, child in getattr(command, "commands", {}).items():
        render(child, *path, name)

with contextlib.suppress(SystemExit):
    main.main(["simulator", "--help"], standalone_mode=False)
del main.commands["simulator"]  # argparse ends the process
render(main)
sys.stderr.write(",".join(name for name in sys.argv[1].split(",") if name in sys.modules))
"""

LEAVES = [
    (path, command) for path, command in commands(main) if not isinstance(command, click.Group)
]


def test_help_of_every_command_loads_nothing_heavy() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", LIGHT, ",".join(HEAVY)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(("path", "command"), LEAVES)
def test_a_command_has_the_options_that_its_action_takes(
    path: tuple[str, ...], command: click.Command
) -> None:
    declared = inspect.unwrap(command.callback or main)
    source = inspect.getsource(declared)
    if "@runs_action" in source:
        named = re.search(r'@runs_action_in\("(\w+)"\)', source)
        group = declared.__module__.rpartition(".")[2]
        module = f"workers.cli.actions.{named[1] if named else group}"
        action = declared.__name__
    else:
        package, name = re.findall(r"from ([\w.]+) import (\w+)", source)[0]
        if package == "vtex.simulator.__main__":  # it parses its options itself
            return
        module = f"{package}.{name}"
        (action,) = re.findall(r"(?:actions|cluster)\.(\w+)\(", source)
    options = {param.name: None for param in command.params if param.name}

    taken = inspect.signature(getattr(importlib.import_module(module), action))
    taken.bind(**options)


# --- quoted commands ------------------------------------------------------------------------------

QUOTED = re.compile(r"vtex-erp( +\w(?:[^\s`;,()\"#|&<>]|[ \n]+(?!vtex-erp)(?=[^\s`;,()\"#|&<>]))*)")
ENDS = (".md", ".yml", ".json", ".example")
PAGES = [
    ROOT / name
    for name in subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines()
    if name.endswith(ENDS) and name != "CHANGELOG.md" and not name.startswith("tests/")
]
SOURCES = [
    path
    for layer in ("foundation", "vtex", "erp", "journal", "tasks", "workers")
    for path in sorted((ROOT / layer).rglob("*.py"))
]
NO_COMMANDS = {"console", "in", "taken", "worker"}
"""Words that follow the name without being a command: of a later issue, of a sentence, of a unit."""


def texts(path: Path) -> Iterator[str]:
    """Yield a page, or each string of a module without its placeholders."""
    if path.suffix != ".py":
        yield path.read_text(encoding="utf-8")
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "" for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.sub(r"\{\w*\}", "", node.value)  # a template


def unknown(words: list[str]) -> str | None:
    """Return the first word of a quoted command that the command line does not know."""
    command: click.Command = main
    for word in words:
        if isinstance(command, click.Group) and not word.startswith("-"):
            if word.rstrip(".:'") not in command.commands:
                return None if command is main and word in NO_COMMANDS else word
            command = command.commands[word.rstrip(".:'")]
        elif word.startswith("--") and command.name not in ("flower", "simulator"):
            names = {name for param in command.params for name in param.opts} | {"--help"}
            if (option := re.split(r"[^a-z-]", word)[0]) not in names:
                return option
    return None


@pytest.mark.parametrize("path", [*PAGES, *SOURCES], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_is_quoted_exists_with_its_options(path: Path) -> None:
    quoted = [match[1].split() for text in texts(path) for match in QUOTED.finditer(text)]

    assert not {" ".join(words): word for words in quoted if (word := unknown(words))}
