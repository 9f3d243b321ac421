"""Published clients of VTEX, unmodified, each in a process of its own.

Their packages are named ``vtex``, as ours, so they cannot share our environment.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.servers import ROOT
from vtex.simulator.server import Running

FOLDER = ROOT / ".vtex-clients"


def missing(name: str) -> str | None:
    """Return why a client cannot run."""
    if (FOLDER / name / "vtex").is_dir():
        return None
    return f"the client {name} is not installed: run make .vtex-clients/.installed"


class RealClient:
    """A client that calls the simulator, and believes that it calls VTEX."""

    def __init__(self, name: str, store: Running) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).parent / "child.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.called: set[str] = set()
        options = {
            "folder": str(FOLDER / name),
            "url": store.url,
            "account": store.account,
            "app_key": store.app_key,
            "app_token": store.app_token,
        }
        self.methods: set[str] = set(self._send(options))

    def call(self, method: str, *args: Any, **options: Any) -> tuple[int, Any]:
        """Call a method, as in ``orders.get_order``. Return status and JSON of the answer."""
        self.called.add(method)
        status, body = self._send({"method": method, "args": args, "options": options})
        return status, body

    def _send(self, message: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the client ended: its error is above"
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=10)
