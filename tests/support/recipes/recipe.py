"""A recipe: the edits that a section of CONTRIBUTING.md describes, and a program that shows their effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
