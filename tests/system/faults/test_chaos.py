"""A short run of the chaos suite with fixed seeds; ``make chaos`` runs longer ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.servers import ROOT, RabbitServer


@pytest.mark.parametrize(
    ("seed", "database", "broker"),
    [
        (11, "postgresql", "redis"),
        pytest.param(12, "sqlite", "redis", marks=pytest.mark.nightly),
        (13, "postgresql", "rabbitmq"),
    ],
)
def test_after_a_minute_of_faults_every_order_and_request_had_its_one_effect(
    tmp_path: Path, seed: int, database: str, broker: str
) -> None:
    if broker == "rabbitmq" and RabbitServer.binary() is None:
        pytest.skip("no RabbitMQ: install rabbitmq-server")
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "chaos", "--seed", str(seed), "--minutes", "1",
         "--database", database, "--broker", broker, "--folder", str(tmp_path)],
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}"}, cwd=ROOT,
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip

    assert run.returncode == 0, run.stdout + run.stderr
