"""A recipe: the edits that a section of CONTRIBUTING.md describes, and a program that shows their effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType

from support.recipes.edited_copy import Edit


@dataclass(frozen=True, slots=True)
class Recipe:
    """A section of the page, performed.

    Attributes:
        title: the heading of the section.
        edits: edit of each file, in the order of the page.
        program: shows the effect in the copy; it fails by an assertion.
    """

    title: str
    edits: Mapping[str, Edit]
    program: str


def run_tests(module: ModuleType, word: str) -> None:
    """Run the tests of a module whose name holds a word; they must need no fixture."""
    names = [name for name in vars(module) if name.startswith("test_") and word in name]
    assert names, f"{module.__name__} has no test of {word}"
    for name in names:
        getattr(module, name)()
