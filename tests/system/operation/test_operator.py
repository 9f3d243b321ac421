"""An operator at three in the morning: thousands of dead jobs, and stores that must pause."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from journal.jobs.dead_letters import DeadLetterFilter
from journal.journal import Journal
from journal.model import Policy
from journal.orders import NewOrder
from support.servers import ROOT, Cluster, eventually
from vtex.simulator.config import Config
from vtex.simulator.server import Running, running

MANY = 10_000


@pytest.fixture(params=["sqlite", "postgresql"])
def buried(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[Cluster]:
    """Ten thousand dead orders of two stores, and nobody at work."""
    if request.param == "postgresql":
        cluster.env["JOURNAL_URL"] = request.getfixturevalue("postgres_database")
    # A lease that has lapsed at once, and no crash that is forgiven: the quick way to die.
    policy = Policy(lease_seconds=-1, max_crashes=0)
    journal = Journal(cluster.env["JOURNAL_URL"], policy=policy)
    journal.migrate()
    for store in ("acme", "outlet"):
        for start in range(0, MANY // 2, 1000):
            names = [f"{store}-{n:05}-01" for n in range(start, start + 1000)]
            journal.orders.record(store, [NewOrder(name, None, 1) for name in names])
    journal.jobs.dispatch(in_flight=MANY)
    journal.jobs.dispatch(in_flight=0)
    assert len(journal.dead_letters.find(DeadLetterFilter())) == MANY
    yield cluster
    journal.close()


def dead(cluster: Cluster, *options: str) -> int:
    return int(
        json.loads(cluster.command("dead-letters", "list", "--json", *options).stdout)["count"]
    )


def test_ten_thousand_dead_jobs_are_shown_retried_and_discarded_through_the_command_line(
    buried: Cluster,
) -> None:
    shown = buried.command("dead-letters", "list", "--limit", "1")
    assert f"and {MANY - 1} more" in shown.stdout
    assert dead(buried, "--since", "1h", "--matching", "its step began … and never ended") == MANY
    assert dead(buried, "--until", "1h") == 0

    retried = buried.command("dead-letters", "retry", "--store", "outlet", "--since", "1h", "--yes")
    again = buried.command("dead-letters", "retry", "--store", "outlet", "--yes")
    given_up = buried.command("dead-letters", "discard", "--all", "--reason", "closed", "--yes")

    assert "5000 jobs retried" in retried.stdout
    assert "no dead letter fits" in again.stdout
    assert "5000 jobs discarded" in given_up.stdout
    assert dead(buried) == 0
    counts = json.loads(buried.command("orders", "list", "--json", "--limit", "1").stdout)["counts"]
    assert counts == {"acme": {"skipped": 5000}, "outlet": {"listed": 5000}}


def test_a_reader_that_has_enough_is_no_fault(buried: Cluster) -> None:
    command = f"{sys.executable} -m workers.cli.main dead-letters list --limit {MANY} | head -1"

    piped = subprocess.run(
        ["bash", "-c", command],
        env=buried.env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert piped.stderr == ""


def test_ctrl_c_at_the_question_changes_nothing_and_says_so(cluster: Cluster) -> None:
    journal = Journal(cluster.env["JOURNAL_URL"])
    journal.orders.record("acme", [NewOrder("a-01", None, 1)])
    (ticket,) = journal.jobs.dispatch(in_flight=1)
    journal.jobs.bury("acme", "a-01", ticket.attempt, "no such SKU")
    near, far = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "workers.cli.main", "dead-letters", "retry", "--all"],
        env=cluster.env,
        cwd=ROOT,
        stdin=far,
        stdout=far,
        stderr=far,
        start_new_session=True,
        # Whoever runs the tests in the background lets them ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # no threads yet
    )
    os.close(far)
    said = bytearray()

    def asked() -> bool:
        said.extend(os.read(near, 1000))
        return b"[y/N]" in said

    eventually(asked, 60)
    child.send_signal(signal.SIGINT)

    assert child.wait(30) == 1
    assert b"nothing was changed" in os.read(near, 1000)
    assert len(journal.dead_letters.find(DeadLetterFilter())) == 1
    os.close(near)
    journal.close()


# --- pauses ---------------------------------------------------------------------------------------


def test_a_pause_by_hand_outlasts_a_429_that_came_into_it(cluster: Cluster) -> None:
    cluster.start_simulator(20, "--latency-ms", "300")
    cluster.steer("faults", kind="throttle", times=None, retry_after=1)
    cluster.start_worker("w1")
    cluster.start_beat()
    eventually(lambda: "acme is paused until 20" in cluster.told("orders", "list"), 60)

    cluster.command("stores", "pause", "--store", "acme", "--reason", "stocktaking")
    cluster.clear_faults()
    calls = cluster.state()["calls"]
    cluster.command(
        "stores", "pause", "--store", "acme", "--minutes", "0.01", "--reason", "shorter"
    )

    text = cluster.command("orders", "list").stdout
    assert "acme is paused until vtex-erp stores resume --store acme: stocktaking" in text
    # What was under way may end; from then on nothing calls, over several listings and sweeps.
    seen: list[object] = [calls]
    eventually(lambda: _still(cluster, seen, looks=60), 60)
    assert "stocktaking" in cluster.command("check").stdout
    assert cluster.command("stores", "resume", "--store", "acme").returncode == 0
    eventually(lambda: cluster.all_done(20), 60)


def _still(cluster: Cluster, seen: list[object], looks: int) -> bool:
    """Whether so many looks in a row show the same number of calls."""
    calls = cluster.state()["calls"]
    seen[:] = [*seen, calls] if seen[-1] == calls else [calls]
    return len(seen) > looks


@pytest.fixture
def stores(cluster: Cluster, tmp_path: Path) -> Iterator[dict[str, Running]]:
    """Twenty stores of one cluster, three orders each."""
    with ExitStack() as stack:
        found = {
            name: stack.enter_context(running(Config(account=name, orders=3, index_lag=0)))
            for name in (f"store{n:02}" for n in range(20))
        }
        text = "".join(
            f'[stores.{name}]\napp_key_env = "KEY"\napp_token_env = "TOKEN"\n'
            f'base_url = "{entry.url}"\npayments_url = "{entry.url}"\n'
            for name, entry in found.items()
        )
        (tmp_path / "stores.toml").write_text(text)
        first = next(iter(found.values()))
        for name in [text for text in cluster.env if text.startswith("VTEX_")]:
            cluster.env.pop(name)
        cluster.env |= {"STORES_FILE": f"{tmp_path}/stores.toml", "KEY": first.app_key}
        cluster.env |= {"TOKEN": first.app_token, "VTEX_READ_TIMEOUT_SECONDS": "3"}
        yield found


def test_of_twenty_stores_one_pauses_and_the_others_are_listed_unhindered(
    cluster: Cluster, stores: dict[str, Running]
) -> None:
    assert (
        cluster.command(
            "stores", "pause", "--store", "store07", "--reason", "stocktaking"
        ).returncode
        == 0
    )
    refused = stores["store13"].store
    refused.permissions.clear()
    cluster.start_worker("w1")
    cluster.start_beat()

    def counts() -> dict[str, dict[str, int]]:
        shown: dict[str, dict[str, int]] = json.loads(
            cluster.command("orders", "list", "--json", "--limit", "1").stdout
        )["counts"]
        return shown

    others = {name: {"done": 3} for name in stores if name not in ("store07", "store13")}
    eventually(lambda: counts() == others, 90)

    shown = json.loads(cluster.command("orders", "list", "--json").stdout)["paused"]
    assert set(shown) == {"store07", "store13"}
    assert stores["store07"].store.calls == {}
    assert cluster.command("stores", "resume", "--store", "store07").returncode == 0
    eventually(lambda: counts() == others | {"store07": {"done": 3}}, 60)
