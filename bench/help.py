"""CPU seconds of ``--help`` of every command and of ``--version``: the median of ten.

Exits with 1 where one takes 0.3 s or more: ``make bench-help``.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator

import click

from workers.cli.main import main

LIMIT_SECONDS = 0.3
ROUNDS = 10


def calls(group: click.Group, *path: str) -> Iterator[list[str]]:
    yield [*path, "--help"]
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from calls(command, *path, name)
        else:
            yield [*path, name, "--help"]


def cpu_seconds(call: list[str]) -> float:
    before = os.times()
    subprocess.run(
        [sys.executable, "-m", "workers.cli.main", *call], check=True, stdout=subprocess.DEVNULL
    )
    after = os.times()
    return (
        after.children_user + after.children_system - before.children_user - before.children_system
    )


def run() -> int:
    slow = 0
    for call in [["--version"], *calls(main)]:
        seconds = statistics.median(cpu_seconds(call) for _ in range(ROUNDS))
        slow += seconds >= LIMIT_SECONDS
        print(f"{seconds:.3f} s  vtex-erp {' '.join(call)}")
    print(f"{slow} of them take {LIMIT_SECONDS} s or more")
    return int(slow > 0)


if __name__ == "__main__":
    sys.exit(run())
