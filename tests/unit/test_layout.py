"""The limits of folders and modules (CONTRIBUTING.md)."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAX_MODULES = 18
MAX_LINES = 500
MAX_TEST_LINES = 600


def modules() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    return [Path(name) for name in listed if "/versions/" not in name and (ROOT / name).exists()]


def test_a_folder_has_18_modules_at_most() -> None:
    counts = Counter(path.parent for path in modules() if path.name != "__init__.py")

    assert {str(folder): n for folder, n in counts.items() if n > MAX_MODULES} == {}


def test_a_module_has_500_lines_at_most_and_a_module_of_tests_600() -> None:
    lines = {path: len((ROOT / path).read_text("utf-8").splitlines()) for path in modules()}

    assert {
        str(path): n
        for path, n in lines.items()
        if n > (MAX_TEST_LINES if path.parts[0] == "tests" else MAX_LINES)
    } == {}
