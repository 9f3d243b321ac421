"""The benchmark comes out whole, and every contestant does all of its orders; no speed is asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from support.servers import ROOT

PAGE = "before\n<!-- figures: begin -->\nold\n<!-- figures: end -->\nafter\n"


def test_the_benchmark_compares_contestants_that_did_every_order_exactly_once(
    tmp_path: Path,
) -> None:
    page, kept = tmp_path / "page.md", tmp_path / "bench.json"
    page.write_text(PAGE)

    done = subprocess.run(
        [sys.executable, "bench/compare.py", "--quick", "--json", str(kept), "--page", str(page)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(kept.read_text())
    runs = {run["contestant"]: run for run in found["runs"]}
    assert set(runs) == {
        "ours@postgresql:2",
        "ours@sqlite:1",
        "sequential@postgresql:1",
        "chain@postgresql:2",
    }
    assert all(value["exact"] and not value["repeated_calls"] for value in runs.values())
    # Nothing that it says it measures was left unmeasured.
    for row in runs.values():
        for name in (
            "orders_per_second",
            "cpu_ms",
            "p99_seconds",
            "vtex_calls",
            "statements",
            "counted_transactions",
            "peak_pss_mb",
            "simulator_cpu_ms",
        ):
            assert row[name] > 0, (row["contestant"], name)
    assert found["capacity"]["calls_per_second"] > 0
    rows = [line for line in done.stdout.splitlines() if line.startswith("| our workers ")]
    assert len(rows) == 2
    written = page.read_text()
    assert written.startswith("before\n")
    assert written.endswith("after\n")
    assert "old" not in written
    assert rows[0] in written


def test_what_grows_with_the_journal_is_measured_at_each_size() -> None:
    done = subprocess.run(
        [sys.executable, "bench/growth.py", "--database", "sqlite", "--sizes", "50,100",
         "--stores", "1,2"],
        cwd=ROOT, capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("| | 50 orders | 100 orders |") == 2
    rows = [line for line in done.stdout.splitlines() if line.startswith("| claim and four steps")]
    assert len(rows) == 2
    assert all(row.count(" / ") == 2 for row in rows)
