"""The wheel holds every file of the packages, and requirements.lock names all that they import."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import requests

from support.servers import ROOT, Cluster, eventually, free_port

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
    "celery.bin.celery",
    "celery.bin.worker",
    "celery.apps.worker",
    "celery.apps.beat",
    "celery.concurrency.thread",
    "celery.worker.consumer",
    "kombu.transport.redis",
    "kombu.transport.pyamqp",
    "flower.command",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.mysql.pymysql",
)


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
MODULES = ("celeryconfig.py", "flowerconfig.py")
BUILD = "import setuptools.build_meta, sys; setuptools.build_meta.build_wheel(sys.argv[1])"


def built(folder: Path) -> tuple[Path, set[str]]:
    """Build the wheel; return it, and the files of the packages that it was built from."""
    source = folder / "source"
    for package in PACKAGES:
        unwanted = shutil.ignore_patterns("__pycache__", ".*")
        shutil.copytree(ROOT / package, source / package, ignore=unwanted)
    for name in ("pyproject.toml", "README.md", "LICENSE", *MODULES):
        shutil.copy(ROOT / name, source)
    files = [path for package in PACKAGES for path in (source / package).rglob("*")]
    expected = {path.relative_to(source).as_posix() for path in files if path.is_file()}

    subprocess.run(
        [sys.executable, "-c", BUILD, str(folder)], cwd=source, capture_output=True, check=True
    )

    (wheel,) = folder.glob("*.whl")
    return wheel, expected


def test_the_wheel_holds_every_file_of_the_packages(tmp_path: Path) -> None:
    wheel, expected = built(tmp_path)

    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert shipped == expected | set(MODULES)
    assert {f"{package}/py.typed" for package in PACKAGES} <= shipped


@pytest.mark.parametrize(
    "command", [["workers.cli.main", "flower"], ["celery", "-A", "workers", "flower"]]
)
def test_an_installed_flower_asks_for_a_password_from_any_folder(
    cluster: Cluster, tmp_path: Path, command: list[str]
) -> None:
    wheel, _ = built(tmp_path)
    site, folder, port = tmp_path / "site", tmp_path / "elsewhere", free_port()
    zipfile.ZipFile(wheel).extractall(site)
    folder.mkdir()
    # Flower itself would read this one: everybody gets in, from every network.
    (folder / "flowerconfig.py").write_text("address = '0.0.0.0'")
    env = cluster.env | {"PYTHONPATH": str(site), "FLOWER_BASIC_AUTH": "operator:wrench"}

    flower = subprocess.Popen(
        [sys.executable, "-m", *command, f"--port={port}"],
        cwd=folder,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}/workers"
        eventually(lambda: answers(f"http://127.0.0.1:{port}/healthcheck"), 60)

        assert requests.get(url, timeout=10).status_code == 401
        assert requests.get(url, auth=("operator", "wrench"), timeout=10).status_code == 200
        assert not answers(f"http://127.0.0.2:{port}/healthcheck")
    finally:
        flower.terminate()
        flower.wait(30)


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=10).ok
    except requests.ConnectionError:
        return False
