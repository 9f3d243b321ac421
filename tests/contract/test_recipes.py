"""Each recipe of CONTRIBUTING.md, followed in a copy of the tree, has its effect."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.recipes import (
    alert_rule,
    command,
    erp,
    erp_field,
    job_kind,
    retry_rule,
    setting,
    vtex_endpoint,
)
from support.recipes.edited_copy import apply, copy_packages, run
from support.recipes.recipe import Recipe
from support.servers import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

MODULES = (erp, vtex_endpoint, retry_rule, erp_field, command, setting, job_kind, alert_rule)
RECIPES = [module.RECIPE for module in MODULES]

each_recipe = pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.title)


def files_of(title: str) -> list[str]:
    """Return the files that a section of the page lists, in order."""
    section = PAGE.split(f"\n### {title}\n")[1].split("\n## ")[0].split("\n### ")[0]
    return re.findall(r"^\d+\. `([^`]+)`", section, re.MULTILINE)


@each_recipe
def test_the_page_lists_the_files_of_a_recipe(recipe: Recipe) -> None:
    assert files_of(recipe.title) == list(recipe.edits)


@each_recipe
def test_a_recipe_has_its_effect(recipe: Recipe, tmp_path: Path) -> None:
    home = copy_packages(tmp_path / "copy")
    apply(home, recipe.edits)

    run(home, recipe.program)


def test_each_recipe_of_the_page_is_followed() -> None:
    recipes = PAGE.split("\n## Recipes\n")[1].split("\n## ")[0]

    assert re.findall(r"^### (.+)$", recipes, re.MULTILINE) == [each.title for each in RECIPES]
