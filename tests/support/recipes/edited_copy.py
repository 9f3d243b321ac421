"""A copy of the packages with edits, as a change of the code would leave them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from support.servers import ROOT

PACKAGES = ("foundation", "vtex", "erp", "journal", "tasks", "workers")

Edit = str | Sequence[tuple[str, str]]
"""The text of a new file, or replacements. The replaced text ``""`` is the end of the file."""


def copy_packages(home: Path) -> Path:
    """Copy the packages, the pages and the tests of pages into a folder; return it."""
    ignored = shutil.ignore_patterns("images")
    for folder in (*PACKAGES, "docs", "tests/unit"):
        shutil.copytree(ROOT / folder, home / folder, ignore=ignored)
    shutil.copy(ROOT / "celeryconfig.py", home)
    return home


def apply(home: Path, edits: Mapping[str, Edit]) -> None:
    """Edit files of a copy. A file that the copy lacks is copied from this checkout first."""
    for name, edit in edits.items():
        file = home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(edit, str):
            assert not (ROOT / name).exists(), f"{name} exists already"
            file.write_text(edit, encoding="utf-8")
            continue
        if not file.exists():
            shutil.copy(ROOT / name, file)
        file.write_text(_edited(name, file.read_text(encoding="utf-8"), edit), encoding="utf-8")


def _edited(name: str, text: str, edit: Sequence[tuple[str, str]]) -> str:
    for old, new in edit:
        if not old:
            text += new
            continue
        assert old in text, f"{name} has no {old!r} any more: let this change follow"
        text = text.replace(old, new)
    return text


def run(home: Path, program: str, **environ: str) -> str:
    """Run a program of Python on a copy; return its output.

    Raises:
        AssertionError: it failed; with its error.
    """
    path = os.pathsep.join(map(str, (home, ROOT / "tests", ROOT / "examples" / "toy_erp")))
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=home,
        env={**os.environ, "PYTHONPATH": path} | environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr or done.stdout
    return done.stdout
