"""The demo, as a newcomer runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.servers import ROOT, Process, eventually
from workers.cli.demo.cluster import Child


def command(folder: Path, *more: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "workers.cli.main",
        "demo",
        "--orders",
        "8",
        "--folder",
        str(folder),
        *more,
    ]


def environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(one) for one in text.split()]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_once_it_ends_with_a_summary_and_touches_no_real_store(tmp_path: Path) -> None:
    real = {
        "VTEX_ACCOUNT": "realstore",
        "VTEX_APP_KEY": "k",
        "VTEX_APP_TOKEN": "real-token",
        "BROKER_URL": "amqp://127.0.0.1:1/real",
    }

    done = subprocess.run(
        command(tmp_path / "demo", "--once"),
        cwd=ROOT,
        env=environment() | real,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    for words in (
        "8 orders are in the ERP",
        "invoice:",
        "cancellation:",
        "Flower",
        "user demo, password",
        "nothing is left running",
    ):
        assert words in done.stdout, done.stdout
    example = done.stdout.split("for example: vtex-erp orders show ")[1].split(";")[0]
    followed = subprocess.run(
        f". {tmp_path}/demo/env; {sys.executable} -m workers.cli.main orders show {example}",
        shell=True,
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "invoice 9000 done" in followed.stdout
    assert "does not touch realstore" in done.stdout
    assert "real-token" not in (tmp_path / "demo" / "env").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_live_it_keeps_its_processes_up_and_stops_without_a_trace(
    tmp_path: Path, number: signal.Signals
) -> None:
    demo = Process(command(tmp_path / "demo"), environment(), tmp_path / "out")
    demo.start()
    assert demo.child is not None
    eventually(lambda: "Ctrl-C stops everything" in demo.text(), 120)
    before = children(demo.child.pid)
    started = len(before)

    os.kill(before[2], signal.SIGKILL)

    def back_again() -> bool:
        now = children(demo.child.pid)
        return before[2] not in now and len(now) == started and all(map(is_alive, now))

    eventually(back_again, 30)
    everybody = children(demo.child.pid)
    os.kill(demo.child.pid, number)

    assert demo.child.wait(60) == 0
    assert not [pid for pid in everybody if is_alive(pid)]
    assert "nothing is left running" in demo.text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_amid_the_start_of_a_process_leaves_none_behind(
    tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            started.append(self.pid)
            os.kill(os.getpid(), number)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    child = Child("sleeper", ["sleep", "60"], os.environ, tmp_path / "out")
    before = signal.signal(number, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            child.start()
        child.stop()
    finally:
        signal.signal(number, before)

    assert started
    assert not [pid for pid in started if is_alive(pid)]
