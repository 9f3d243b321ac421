"""The wheel holds every file of the packages, and requirements.lock names all that they import."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support.servers import ROOT

STORE = {"VTEX_ACCOUNT": "acme", "VTEX_APP_KEY": "key", "VTEX_APP_TOKEN": "token"}

BLIND = """
import importlib, pkgutil, sys
from importlib.metadata import packages_distributions

shipped = set(sys.argv[1].split(","))
hidden = {
    name for name, owners in packages_distributions().items()
    if not {one.lower().replace("_", "-") for one in owners} & shipped
}

class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hide())
unwanted = sys.argv[3].split(",")
for name in sys.argv[2].split(","):
    module = importlib.import_module(name)
    if not hasattr(module, "__path__"):
        continue
    for found in pkgutil.walk_packages(module.__path__, f"{name}."):
        if not any(one in found.name for one in unwanted):
            importlib.import_module(found.name)
"""
"""Imports modules where all that the lock does not name is as if it were not installed."""

OURS = ("foundation", "vtex", "erp", "journal", "tasks", "workers", "celeryconfig", "flowerconfig")
THEIRS = (
    "celery.bin.celery", "celery.bin.worker", "celery.apps.worker", "celery.apps.beat",
    "celery.concurrency.thread", "celery.worker.consumer", "kombu.transport.redis",
    "kombu.transport.pyamqp", "flower.command", "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.mysql.pymysql",
)  # fmt: skip


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-otel.lock"])
def test_a_lock_names_all_that_workers_beat_and_flower_import(lock: str) -> None:
    named = re.findall(r"^([a-z0-9._-]+)==", (ROOT / lock).read_text(), re.MULTILINE)
    # What alembic runs alone, and what is only imported where traces are wanted.
    apart = ["__main__", "migrations.", *([] if "otel" in lock else ["workers.monitoring.tracing"])]

    done = subprocess.run(
        [sys.executable, "-c", BLIND, ",".join([*named, "vtex-erp-workers"]),
         ",".join([*THEIRS, *OURS]), ",".join(apart)],
        env=STORE, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip

    assert len(named) > 20
    assert done.returncode == 0, done.stderr[-2000:]


PACKAGES = ("foundation", "vtex", "erp", "journal", "tasks", "workers")
BUILD = "import setuptools.build_meta, sys; setuptools.build_meta.build_wheel(sys.argv[1])"


def test_the_wheel_holds_every_file_of_the_packages(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for package in PACKAGES:
        unwanted = shutil.ignore_patterns("__pycache__", ".*")
        shutil.copytree(ROOT / package, source / package, ignore=unwanted)
    for name in ("pyproject.toml", "README.md", "LICENSE", "celeryconfig.py"):
        shutil.copy(ROOT / name, source)
    files = [path for package in PACKAGES for path in (source / package).rglob("*")]
    expected = {path.relative_to(source).as_posix() for path in files if path.is_file()}

    subprocess.run(
        [sys.executable, "-c", BUILD, str(tmp_path)], cwd=source, capture_output=True, check=True
    )

    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert shipped == expected | {"celeryconfig.py"}
    assert {f"{package}/py.typed" for package in PACKAGES} <= shipped
