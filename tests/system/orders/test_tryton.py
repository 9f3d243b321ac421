"""The whole cluster with a real Tryton, as a newcomer sees it: make demo ERP=tryton."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.servers import ROOT
from support.tryton.server import MISSING

pytestmark = pytest.mark.skipif(MISSING is not None, reason=MISSING or "")


def test_orders_go_into_tryton_and_what_its_clerk_does_goes_back(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "support.tryton.demo",
        "--once",
        "--orders",
        "8",
        "--folder",
        str(tmp_path / "demo"),
    ]
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}

    done = subprocess.run(
        command,
        cwd=ROOT,
        env=env | {"PYTHONPATH": f"{ROOT}/tests"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    for words in (
        "8 orders are in the ERP",
        "  invoice: 4 at VTEX\n",
        "  tracking: 2 at VTEX\n",
        "  cancellation: 2 at VTEX\n",
        "confirmed: canceled",
        "the order becomes 'invoiced'",
        "nothing is left running",
    ):
        assert words in done.stdout, done.stdout
