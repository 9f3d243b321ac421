"""Python processes that start warm: forked from one that has imported the libraries already.

Most of what a system test costs is the start of its processes, and most of a start is the import
of Celery, SQLAlchemy and their like, a second of a core each time. Our own modules are not
imported before: they read the environment, which is each process's own.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

LIBRARIES = (
    "alembic.command", "apprise", "celery.apps.beat", "celery.apps.worker", "celery.bin.celery",
    "celery.concurrency.thread", "celery.fixups.django", "celery.worker.consumer",
    "celery.worker.worker", "click", "defusedxml.ElementTree", "flower.command",
    "kombu.transport.pyamqp", "kombu.transport.redis", "marshmallow", "opentelemetry.sdk.trace",
    "prometheus_client.core", "psycopg", "pymysql", "redis", "requests", "rich.console",
    "rich.table", "sqlalchemy.dialects.mysql.pymysql", "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite", "tomllib",
)  # fmt: skip

_RUN_SECONDS = 300

cold = False
"""Whether all start by themselves, as benchmarks want it: what is measured must share no memory."""


class Child:
    """A warm process, with what is used of ``subprocess.Popen``."""

    def __init__(
        self, arguments: list[str], env: dict[str, str], cwd: Path, out: int, err: int
    ) -> None:
        self.returncode: int | None = None
        self._line = _parent().connect()
        request = json.dumps({"arguments": arguments, "env": env, "cwd": str(cwd)}).encode()
        socket.send_fds(self._line, [len(request).to_bytes(4)], [out, err])
        self._line.sendall(request)
        self.pid = int.from_bytes(_read(self._line, 4))

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            self._line.settimeout(max(timeout, 1e-6) if timeout is not None else None)
            try:
                told = _read(self._line, 4)
            except TimeoutError:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0) from None
            self.returncode = int.from_bytes(told, signed=True)
            self._line.close()
        return self.returncode


def run(arguments: list[str], env: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run ``python -m`` to its end, as ``subprocess.run`` would.

    Raises:
        subprocess.TimeoutExpired: it has not ended after five minutes.
    """
    command = [sys.executable, "-m", *arguments]
    if not fits(command, env):
        return subprocess.run(
            command,
            env=env,
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=_RUN_SECONDS,
            check=False,
        )
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        code = Child(arguments, env, cwd, out.fileno(), err.fileno()).wait(_RUN_SECONDS)
        texts = []
        for entry in (out, err):
            entry.seek(0)
            texts.append(entry.read().decode())
    return subprocess.CompletedProcess(command, code, *texts)


def fits(command: list[str], env: dict[str, str]) -> bool:
    """Whether nothing asks for an interpreter of its own."""
    return not cold and command[:2] == [sys.executable, "-m"] and "LD_PRELOAD" not in env


class _Parent:
    """The process that the others are forked from: one for each that runs tests."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self._line = ours
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())],
            env={k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()

    def connect(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        socket.send_fds(self._line, [b"+"], [theirs.fileno()])
        theirs.close()
        return ours

    def end(self) -> None:
        self._line.close()
        self.process.wait()


@functools.cache
def _parent() -> _Parent:
    made = _Parent()
    atexit.register(made.end)
    return made


def _read(line: socket.socket, size: int) -> bytes:
    read = b""
    while len(read) < size:
        part = line.recv(size - len(read))
        if not part:
            raise ConnectionError("the process that starts others is gone")
        read += part
    return read


def _serve(line: socket.socket) -> dict[str, Any]:
    """Fork for each request; return it in the fork that is to become the process asked for."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that watch
    while True:
        _, lines, *_ = socket.recv_fds(line, 1, 1)
        if not lines:
            os._exit(0)
        (one,) = lines
        if os.fork() == 0:
            line.close()
            return _watch(socket.socket(fileno=one))
        os.close(one)


def _watch(line: socket.socket) -> dict[str, Any]:
    """Fork once more, and tell how that ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, (out, err), *_ = socket.recv_fds(line, 4, 2)
    request: dict[str, Any] = json.loads(_read(line, int.from_bytes(size)))
    pid = os.fork()
    if pid == 0:
        line.close()
        os.setsid()
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.closerange(3, max(out, err) + 1)
        return request
    os.close(out)
    os.close(err)
    line.sendall(pid.to_bytes(4))
    ended = os.pidfd_open(pid)
    ready, *_ = select.select([ended, line.fileno()], [], [])
    if ended not in ready:  # the tests are gone
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    with suppress(OSError):
        line.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, signed=True))
    os._exit(0)


def _become(request: dict[str, Any]) -> None:
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["cwd"])
    module, *arguments = request["arguments"]
    with suppress(OSError):  # for who looks with top
        Path("/proc/self/comm").write_text(" ".join([module, *arguments[-2:]]))
    folders = [part for part in os.environ.get("PYTHONPATH", "").split(":") if part]
    sys.path[:1] = [request["cwd"], *folders]
    for folder in folders:
        if Path(folder, "sitecustomize.py").exists():
            runpy.run_path(f"{folder}/sitecustomize.py")
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    import gc
    import importlib

    for name in LIBRARIES:
        with suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()  # what is here by now is no garbage
    _become(_serve(socket.socket(fileno=int(sys.argv[1]))))
