"""What a run costs: CPU and memory from the kernel, Redis's work from its own counters."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import redis

TICK = os.sysconf("SC_CLK_TCK")


def with_children(roots: Iterable[int]) -> list[int]:
    """Return these processes and all that descend from them."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (fields := _stat(int(folder.name))):
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    found, open_ = [], list(roots)
    while open_:
        found.append(open_.pop())
        open_ += children.get(found[-1], [])
    return found


def _stat(pid: int) -> list[str]:
    try:
        # The name, in brackets, may hold anything.
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []  # it ended meanwhile


def cpu_seconds(roots: Iterable[int]) -> float:
    """Return user and system time, that of children included, also of those that have ended."""
    stats = [_stat(pid) for pid in with_children(roots)]
    return sum(sum(map(int, stat[11:15])) for stat in stats if stat) / TICK


def busy_seconds() -> float:
    """Return the time that the machine's cores have worked, whoever for."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _idle, _waiting, *interrupts = map(int, fields[:8])
    return (user + nice + system + sum(interrupts)) / TICK


def pss_mb(roots: Iterable[int]) -> float:
    """Return memory; pages that processes share count once."""
    return sum(map(_pss_kb, with_children(roots))) / 1024


def _pss_kb(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next(
        (int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0
    )


def redis_work(connection: redis.Redis) -> tuple[int, int]:
    """Return commands, and bytes in both directions, since Redis was started."""
    stats = connection.info("stats")
    traffic = stats["total_net_input_bytes"] + stats["total_net_output_bytes"]
    return stats["total_commands_processed"], traffic


def part(values: list[float], percent: int) -> float:
    """Return the value that so many percent do not exceed; NaN of nothing."""
    ordered = sorted(values)
    return (
        ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else float("nan")
    )
