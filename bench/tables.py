"""The comparison as a table in Markdown, and what is to be said beneath it."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

from contestants import NAMES

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

Rows = list[dict[str, Any]]

COLUMNS: list[tuple[str, str, str]] = [
    ("orders", "orders", "{:.0f}"),
    ("orders/s", "orders_per_second", "{:.1f}"),
    ("CPU ms", "cpu_ms", "{:.1f}"),
    ("p50 s", "p50_seconds", "{:.2f}"),
    ("p95 s", "p95_seconds", "{:.2f}"),
    ("p99 s", "p99_seconds", "{:.2f}"),
    ("VTEX calls", "vtex_calls", "{:.2f}"),
    ("SQL statements", "statements", "{:.1f}"),
    ("transactions", "transactions", "{:.1f}"),
    ("Redis commands", "redis_commands", "{:.1f}"),
    ("Redis kB", "redis_kb", "{:.1f}"),
    ("peak MB", "peak_pss_mb", "{:.0f}"),
    ("simulator CPU ms", "simulator_cpu_ms", "{:.1f}"),
    ("Redis CPU ms", "redis_cpu_ms", "{:.1f}"),
    ("PostgreSQL CPU ms", "database_cpu_ms", "{:.1f}"),
    ("simulator's core", "simulator_share", "{:.0%}"),
    ("machine", "machine_share", "{:.0%}"),
]

QUIET = 0.2
NOISY = ": too much for these figures to be trusted"

LIMIT = 0.8
"""Of one core: a simulator that uses more has no time left to answer at once."""


def by_contestant(runs: Rows) -> dict[str, Rows]:
    """Return the runs of each, in the order of the first round."""
    found: dict[str, Rows] = {}
    for run in runs:
        found.setdefault(run["contestant"], []).append(run)
    return found


def medians(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the median of each figure by contestant; what was counted comes from its own runs."""
    counted = {name: runs[0] for name, runs in by_contestant(found["counted"]).items()}
    result = {}
    for name, runs in by_contestant(found["runs"]).items():
        row = {key: _median([run[key] for run in runs]) for _, key, _ in COLUMNS}
        row["statements"] = counted[name]["statements"]
        if row["transactions"] is None:
            row["transactions"] = counted[name]["counted_transactions"]
        if runs[0]["database"] == "sqlite":
            row["database_cpu_ms"] = None
        if runs[0]["name"] == "sequential":
            # It knows no Redis: what is counted is the benchmark's own look at the counters.
            row |= {"redis_commands": 0.0, "redis_kb": 0.0}
        result[name] = row | {name: runs[0][name] for name in ("name", "database", "processes")}
    return result


def _median(values: list[Any]) -> Any:
    return None if None in values else median(values)


def table(found: dict[str, Any]) -> str:
    """Return the table; costs are an order's."""
    heads = ["", "database", "processes", *(head for head, _, _ in COLUMNS)]
    lines = [heads, ["---", "---", *("---:" for _ in heads[2:])]]
    for row in medians(found).values():
        cells = ["" if row[key] is None else form.format(row[key]) for _, key, form in COLUMNS]
        lines.append([NAMES[row["name"]], row["database"], str(row["processes"]), *cells])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("| " + " | ".join(map(_padded, line, widths)) + " |" for line in lines)


def _padded(cell: str, width: int) -> str:
    if set(cell) <= {"-", ":"} and cell:
        return "-" * (width - 1) + cell[-1]
    return cell.ljust(width)


def foot(found: dict[str, Any]) -> str:
    """Return what the table depends on, and how the contestants compare within a round."""
    machine, options = found["machine"], found["options"]
    rounds = max(run["round"] for run in found["runs"])
    others = [run["others_share"] for run in found["runs"]]
    paragraphs = [
        f"{machine['when']}, {machine['cores']} cores ({machine['processor']}), "
        f"{machine['memory_gb']} GB, {machine['system']}. {', '.join(machine['versions'])}. "
        f"{rounds} round{'s, medians' if rounds > 1 else ''}; "
        f"{options['latency_ms']:.0f} ms a call of VTEX, "
        f"{options['threads']} threads in each of our workers. What else ran, the "
        f"benchmark's own look at it included, took {median(others):.0%} of the machine, at most "
        f"{max(others):.0%}{NOISY if median(others) > QUIET else ''}.",
        _of_simulator(found),
        _exactness(found),
        *_ratios(found["runs"]),
    ]
    if options["quick"]:
        paragraphs.insert(0, "A quick run to see that all works: its figures say little.")
    return "\n\n".join(paragraphs)


def _of_simulator(found: dict[str, Any]) -> str:
    able = found["capacity"]
    rows = medians(found)
    busiest = max(rows, key=lambda value: float(rows[value]["simulator_share"]))
    share = rows[busiest]["simulator_share"]
    verdict = "was the bottleneck there" if share > LIMIT else "was nowhere the bottleneck"
    return (
        f"The simulator alone answered {able['calls_per_second']:.0f} calls a second with "
        f"{able['share']:.0%} of a core, {able['cpu_ms']:.2f} ms of CPU each, so a whole core "
        f"answers {1000 / able['cpu_ms']:.0f}. It {verdict}: at most it used "
        f"{share:.0%} of its core ({busiest})."
    )


def _exactness(found: dict[str, Any]) -> str:
    wrong = {run["contestant"] for run in found["runs"] + found["counted"] if not run["exact"]}
    if wrong:
        return f"NOT every order was done exactly once by {', '.join(sorted(wrong))}."
    return "Every contestant did every order exactly once, at the store and in the ERP."


def _ratios(runs: Rows) -> list[str]:
    """Say how ours compare to each yardstick on the same database; medians of a round's ratio."""
    grouped = by_contestant(runs)
    ours = [text for text in grouped if text.startswith("ours@")]
    lines = []
    for name, others in grouped.items():
        for mine in ours:
            if name in ours or grouped[mine][0]["database"] != others[0]["database"]:
                continue
            faster = _ratio(grouped[mine], others, lambda row: row["orders_per_second"])
            cpu = _ratio(grouped[mine], others, lambda row: row["cpu_ms"])
            memory = _ratio(grouped[mine], others, lambda row: row["peak_pss_mb"])
            lines.append(f"| {mine} | {name} | {faster:.1f} × | {cpu:.2f} × | {memory:.2f} × |")
    head = ["| ours | to | orders/s | CPU | memory |", "| --- | --- | --- | --- | --- |"]
    return ["\n".join(head + lines)] if lines else []


def _ratio(mine: Rows, others: Rows, value: Callable[[dict[str, Any]], float]) -> float:
    theirs = {other["round"]: value(other) for other in others}
    return median(value(row) / theirs[row["round"]] for row in mine if theirs.get(row["round"]))


def written_into(page: str, shown: str) -> str:
    """Return a page with the figures between its two markers.

    Raises:
        ValueError: the page has no markers.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    return f"{before}{BEGIN}\n\n{shown}\n\n{END}{after}"
