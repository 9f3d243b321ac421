"""Lets this process be of a version with more revisions of the tables than the one that ships."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from alembic.config import Config

from foundation.database.migrations import Migrations


def add_revisions(monkeypatch: pytest.MonkeyPatch, package: str, folder: Path) -> None:
    """Add a folder of made-up revisions to those of a package, such as ``journal``."""
    shipped = Migrations.config

    def widened(migrations: Migrations) -> Config:
        config = shipped(migrations)
        if migrations.location.startswith(package):
            location = config.get_main_option("script_location")
            config.set_main_option("path_separator", "space")
            config.set_main_option("version_locations", f"{location}/versions {folder}")
        return config

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(Migrations, "config", widened)
