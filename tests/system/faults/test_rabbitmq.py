"""The same cluster with RabbitMQ as what carries its messages, and what breaks on it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from celery import Celery
from kombu import Connection, Queue
from sqlalchemy import create_engine, make_url, text

from journal.journal import Journal
from support.servers import ROOT, Cluster, Process, RabbitServer, deadly, eventually

ISSUED = "2026-03-10T15:04:05-03:00"


@pytest.fixture
def on_rabbit(cluster: Cluster, rabbit_server: RabbitServer) -> Cluster:
    """A cluster whose messages go through RabbitMQ; its locks stay in Redis."""
    cluster.env["BROKER_URL"] = rabbit_server.url
    return cluster


def send(cluster: Cluster, *requests: dict[str, Any]) -> None:
    """Enqueue invoices as a program does that knows our broker and the name of the task."""
    url = cluster.env.get("BROKER_URL", cluster.env["REDIS_URL"])
    with closing(Celery(broker=url, set_as_current=False)) as program:
        for fields in requests:
            program.send_task("invoices.send", queue="invoices", declare=[], kwargs=fields)


def invoices_of(cluster: Cluster) -> dict[str, dict[str, Any]]:
    """All that is left of each order, as one invoice."""
    return {
        row["order_id"]: {
            "store": "acme",
            "order_id": row["order_id"],
            "invoice_number": f"N-{row['order_id']}",
            "issued_at": ISSUED,
            "value_cents": row["value_cents"],
        }
        for row in cluster.orders()
    }


def effects(cluster: Cluster, order_id: str) -> int:
    return int(cluster.state()["orders"][order_id].get("invoice_effects", 0))


def is_invoiced(cluster: Cluster, *order_ids: str) -> bool:
    cluster.keep()
    orders = cluster.state()["orders"]
    return all(orders[order_id]["status"] == "invoiced" for order_id in order_ids)


# --- the whole way --------------------------------------------------------------------------------


@pytest.mark.parametrize("broker", ["redis", "rabbitmq"])
def test_orders_come_in_and_an_invoice_goes_out_on_either_broker(
    cluster: Cluster, broker: str, request: pytest.FixtureRequest
) -> None:
    if broker == "rabbitmq":
        request.getfixturevalue("on_rabbit")
    cluster.start_one_of_each(8)
    eventually(lambda: cluster.all_done(8), 60)
    order_id = min(cluster.state()["orders"])

    send(cluster, invoices_of(cluster)[order_id])

    eventually(lambda: is_invoiced(cluster, order_id), 60)
    cluster.assert_each_order_once(8)
    assert effects(cluster, order_id) == 1
    eventually(lambda: cluster.erp_rows("select outcome from int_result") == [("done",)], 30)


def test_a_message_written_without_celery_is_taken_by_rabbitmq(
    on_rabbit: Cluster, rabbit_server: RabbitServer
) -> None:
    on_rabbit.start_one_of_each(1)
    eventually(lambda: on_rabbit.all_done(1), 60)
    (only,) = on_rabbit.state()["orders"]

    with Connection(rabbit_server.url) as connection:
        connection.Producer().publish(
            json.dumps([[], invoices_of(on_rabbit)[only], {}]),
            exchange="",
            routing_key="invoices",
            content_type="application/json",
            content_encoding="utf-8",
            headers={"id": "any-1", "task": "invoices.send", "lang": "any"},
            delivery_mode=2,
        )

    eventually(lambda: is_invoiced(on_rabbit, only), 60)
    assert effects(on_rabbit, only) == 1


# --- workers that die -----------------------------------------------------------------------------


def test_orders_survive_a_worker_killed_midway_on_rabbitmq(on_rabbit: Cluster) -> None:
    on_rabbit.start_simulator(400)
    first = on_rabbit.start_worker("w1")
    on_rabbit.start_worker("w2")
    on_rabbit.start_beat()

    eventually(lambda: on_rabbit.handled() >= 100, 60)
    first.kill()
    on_rabbit.start_worker("w1")

    eventually(lambda: on_rabbit.all_done(400), 120)
    on_rabbit.assert_each_order_once(400)


@pytest.mark.parametrize(
    "target",
    ["erp.adapters.sql.adapter SqlErp insert after", "vtex.client VtexClient start_handling after"],
)
def test_a_worker_killed_inside_a_step_doubles_nothing_on_rabbitmq(
    on_rabbit: Cluster, tmp_path: Path, target: str
) -> None:
    marker, env = deadly(tmp_path, target)
    on_rabbit.start_simulator(6)
    on_rabbit.start_worker("w1", **env)
    on_rabbit.start_beat()

    eventually(lambda: on_rabbit.all_done_supervised(6), 90)

    assert marker.exists()
    on_rabbit.assert_each_order_once(6)
    assert on_rabbit.start_handling_calls() == [1] * 6


def test_an_order_that_kills_its_worker_is_set_aside_though_rabbitmq_brings_it_back_at_once(
    on_rabbit: Cluster, tmp_path: Path
) -> None:
    on_rabbit.start_simulator(6)
    killer = min(on_rabbit.state()["orders"])
    (tmp_path / "sitecustomize.py").write_text(
        "import os\n"
        "from vtex.client import VtexClient\n"
        "sound = VtexClient.order\n"
        "def deadly(self, order_id):\n"
        f"    if order_id == {killer!r}:\n"
        f"        os.write(os.open({str(tmp_path / 'deaths')!r}, 0o2101), b'x')\n"
        "        os.kill(os.getpid(), 9)\n"
        "    return sound(self, order_id)\n"
        "VtexClient.order = deadly\n"
    )
    on_rabbit.start_worker("w1", PYTHONPATH=f"{tmp_path}:{ROOT}")
    on_rabbit.start_beat()

    def set_aside() -> bool:
        on_rabbit.keep()
        return on_rabbit.order(killer).get("state") == "dead"

    eventually(set_aside, 120)
    eventually(lambda: on_rabbit.all_done_supervised(5), 60)

    assert "may have killed its worker" in on_rabbit.order(killer)["last_error"]
    assert (tmp_path / "deaths").read_text() == "xxx"


def test_a_worker_starts_though_rabbitmq_still_holds_on_to_one_of_its_name(
    on_rabbit: Cluster,
) -> None:
    silent = on_rabbit.start_worker("w1")
    eventually(lambda: "ready." in silent.text(), 60)
    assert silent.child is not None
    # As one whose host lost its network: the connection stands, and nobody is behind it.
    os.kill(silent.child.pid, signal.SIGSTOP)

    again = on_rabbit.start("w1-again", "celery", "-A", "workers", "worker", "-n", "w1@%h")

    eventually(lambda: "ready." in again.text(), 30)
    assert again.child is not None
    assert again.child.poll() is None


# --- RabbitMQ that dies, or hangs -----------------------------------------------------------------


def test_rabbitmq_killed_and_started_again_under_load_costs_no_order(
    on_rabbit: Cluster, rabbit_server: RabbitServer
) -> None:
    on_rabbit.start_simulator(150, "--latency-ms", "60")
    on_rabbit.start_worker("w1")
    on_rabbit.start_worker("w2")
    on_rabbit.start_beat()
    eventually(lambda: on_rabbit.handled() >= 20, 60)

    rabbit_server.kill()
    assert on_rabbit.handled() < 120, "nearly done before RabbitMQ went"
    rabbit_server.start()

    eventually(lambda: on_rabbit.all_done_supervised(150), 120)
    on_rabbit.assert_each_order_once(150)
    assert on_rabbit.start_handling_calls() == [1] * 150


def test_a_step_that_runs_while_its_message_comes_again_is_not_begun_a_second_time(
    on_rabbit: Cluster, rabbit_server: RabbitServer, tmp_path: Path
) -> None:
    on_rabbit.env["LEASE_SECONDS"] = "60"
    on_rabbit.start_simulator(0)
    on_rabbit.steer("orders", count=2, kind="plain")
    slow, other = sorted(on_rabbit.state()["orders"])
    begun, may_go_on = tmp_path / "begun", tmp_path / "may-go-on"
    (tmp_path / "sitecustomize.py").write_text(
        "import os, time\n"
        "from vtex.client import VtexClient\n"
        "sound = VtexClient.send_invoice\n"
        "def slow(self, order_id, body):\n"
        f"    if order_id == {slow!r}:\n"
        f"        os.write(os.open({str(begun)!r}, 0o2101), b'x')\n"
        f"        while not os.path.exists({str(may_go_on)!r}):\n"
        "            time.sleep(0.05)\n"
        "    return sound(self, order_id, body)\n"
        "VtexClient.send_invoice = slow\n"
    )
    on_rabbit.start_worker("w1", PYTHONPATH=f"{tmp_path}:{ROOT}")
    on_rabbit.start_beat()
    eventually(lambda: on_rabbit.all_done(2), 60)
    send(on_rabbit, invoices_of(on_rabbit)[slow])
    eventually(begun.exists, 60)

    rabbit_server.ctl("close_all_connections", "--global", "cut by the test")
    send(on_rabbit, invoices_of(on_rabbit)[other])
    eventually(lambda: is_invoiced(on_rabbit, other), 60)
    may_go_on.touch()

    eventually(lambda: is_invoiced(on_rabbit, slow), 60)
    assert begun.read_text() == "x"
    assert effects(on_rabbit, slow) == 1


def test_a_hung_rabbitmq_holds_no_command_for_ever_and_the_orders_go_on_after(
    on_rabbit: Cluster, rabbit_server: RabbitServer
) -> None:
    on_rabbit.start_one_of_each(10)
    eventually(lambda: on_rabbit.all_done(10), 60)
    # Neither lists the new orders on its own: the command is the first to see them.
    on_rabbit.processes["beat"].kill()
    on_rabbit.processes["w1"].kill()
    on_rabbit.steer("orders", count=5)
    rabbit_server.process.hang()

    answer = on_rabbit.command("orders", "sync")
    check = on_rabbit.command("check")
    rabbit_server.process.go_on()

    assert answer.returncode == 1
    assert "the broker does not answer" in answer.stderr
    assert "does not answer" in check.stdout
    on_rabbit.processes["w1"].start()
    on_rabbit.start_beat()
    eventually(lambda: on_rabbit.all_done_supervised(15), 180)
    on_rabbit.assert_each_order_once(15)


def test_what_is_sent_over_a_standing_connection_to_a_hung_rabbitmq_is_given_up(
    on_rabbit: Cluster, rabbit_server: RabbitServer
) -> None:
    program = (
        "import os, sys\n"
        "from kombu.exceptions import OperationalError\n"
        "from workers.app import app\n"
        "with app.producer_or_acquire() as producer:\n"
        "    send = lambda: app.send_task('journal.dispatch', producer=producer, retry=False)\n"
        "    send()\n"
        "    print('sent', flush=True)\n"
        "    sys.stdin.readline()\n"
        "    try:\n"
        "        send()\n"
        "    except OperationalError:\n"
        "        os._exit(3)\n"  # without taking leave of RabbitMQ, which takes as long again
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env=on_rabbit.env,
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as sender:
        assert sender.stdout is not None
        assert sender.stdout.readline() == "sent\n"

        rabbit_server.process.hang()
        try:
            sender.communicate("go\n", timeout=40)
        finally:
            sender.kill()
            rabbit_server.process.go_on()

    assert sender.returncode == 3


INTERRUPTED = """
import os, signal
from amqp.transport import TCPTransport
read = TCPTransport._read
def interrupted(self, n, *args, **kwargs):
    # After a frame's header, and before the rest of it.
    if n != 7 and os.path.exists({flag!r}):
        os.unlink({flag!r})
        os.kill(os.getpid(), signal.SIGTERM)
    return read(self, n, *args, **kwargs)
TCPTransport._read = interrupted
"""


def test_a_beat_that_is_told_to_stop_amid_an_answer_of_rabbitmq_stops(
    on_rabbit: Cluster, tmp_path: Path
) -> None:
    flag = tmp_path / "now"
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTED.format(flag=str(flag)))
    on_rabbit.env["PYTHONPATH"] = f"{tmp_path}:{ROOT}"
    on_rabbit.start_simulator(0)
    worker = on_rabbit.start_worker("w1")  # makes the queues
    eventually(lambda: "ready." in worker.text(), 60)
    worker.kill()
    beat = on_rabbit.start_beat()
    eventually(lambda: "at work" in beat.text(), 60)

    flag.touch()

    assert beat.child is not None
    assert beat.child.wait(30) == 0
    assert "lapses" not in beat.text()


# --- requests while the journal is away -----------------------------------------------------------


class Away:
    """A cluster's journal in PostgreSQL, which can be shut for a while."""

    def __init__(self, cluster: Cluster, url: str) -> None:
        self._name = make_url(url).database
        self._server = create_engine(
            make_url(url).set(drivername="postgresql+psycopg", database="postgres"),
            isolation_level="AUTOCOMMIT",
        )
        cluster.env["JOURNAL_URL"] = url

    def shut(self, worker: Process) -> None:
        """Let a worker that is at work lose it; one that starts without it would wait."""
        eventually(lambda: "ready." in worker.text(), 60)
        self._run(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS false")
        self._run(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self._name}'"
        )

    def open(self) -> None:
        self._run(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS true")

    def close(self) -> None:
        self._server.dispose()

    def _run(self, statement: str) -> None:
        with self._server.connect() as db:
            db.execute(text(statement))


@pytest.fixture
def journal_away(cluster: Cluster, postgres_database: str) -> Iterator[Away]:
    with closing(Journal(postgres_database)) as journal:
        journal.migrate()
    away = Away(cluster, postgres_database)
    yield away
    away.open()
    away.close()


def refusals(cluster: Cluster) -> int:
    return cluster.processes["w1"].text().count("the journal's database failed")


def orders_in_handling(cluster: Cluster, count: int) -> list[str]:
    cluster.start_simulator(0)
    cluster.steer("orders", count=count, kind="plain")
    cluster.start_worker("w0")
    cluster.start_beat()
    eventually(lambda: cluster.all_done(count), 90)
    for name in ("w0", "beat"):
        cluster.processes.pop(name).kill(signal.SIGTERM)
    return sorted(cluster.state()["orders"])


@pytest.mark.parametrize("broker", ["redis", "rabbitmq"])
def test_a_request_waits_for_as_long_as_the_journal_is_away(
    cluster: Cluster, broker: str, journal_away: Away, request: pytest.FixtureRequest
) -> None:
    if broker == "rabbitmq":
        request.getfixturevalue("on_rabbit")
    (only,) = orders_in_handling(cluster, 1)
    asked = invoices_of(cluster)[only]
    worker = cluster.start_worker("w1", RETRY_REQUEST_SECONDS="1")
    journal_away.shut(worker)

    send(cluster, asked)
    eventually(lambda: refusals(cluster) >= 6, 60, "Celery's own number of tries is four")
    journal_away.open()
    cluster.start_beat()

    eventually(lambda: is_invoiced(cluster, only), 60)
    assert effects(cluster, only) == 1


def test_a_request_that_waits_outlives_its_worker_and_rabbitmq(
    on_rabbit: Cluster, rabbit_server: RabbitServer, journal_away: Away
) -> None:
    (only,) = orders_in_handling(on_rabbit, 1)
    asked = invoices_of(on_rabbit)[only]
    worker = on_rabbit.start_worker("w1", RETRY_REQUEST_SECONDS="3")
    journal_away.shut(worker)
    send(on_rabbit, asked)
    eventually(lambda: refusals(on_rabbit) >= 1, 60)

    worker.kill()
    rabbit_server.kill()
    rabbit_server.start()
    journal_away.open()
    worker.start()
    on_rabbit.start_beat()

    eventually(lambda: is_invoiced(on_rabbit, only), 60)
    assert effects(on_rabbit, only) == 1


def test_requests_that_wait_in_rabbitmq_hold_nobody_else_back(
    on_rabbit: Cluster, journal_away: Away
) -> None:
    *waiting, other = orders_in_handling(on_rabbit, 60)
    asked = invoices_of(on_rabbit)
    on_rabbit.env["WORKER_THREADS"] = "2"  # and a window of 8 messages
    journal_away.shut(on_rabbit.start_worker("w1"))
    send(on_rabbit, *(asked[value] for value in waiting))
    eventually(lambda: refusals(on_rabbit) >= len(waiting), 60)
    journal_away.open()
    on_rabbit.start_beat()

    began = monotonic()
    send(on_rabbit, asked[other])
    eventually(lambda: is_invoiced(on_rabbit, other), 60)

    assert monotonic() - began < 12, "it waited behind those that wait"
    eventually(lambda: is_invoiced(on_rabbit, *waiting), 90)
    assert {effects(on_rabbit, value) for value in asked} == {1}


# --- what check tells -----------------------------------------------------------------------------


def shown(cluster: Cluster, status: int) -> str:
    answer = cluster.command("check")
    assert "Traceback" not in answer.stderr
    assert answer.returncode == status, answer.stdout + answer.stderr
    return answer.stdout + answer.stderr


def test_check_tells_of_rabbitmq_and_of_the_redis_beside_it(
    on_rabbit: Cluster, rabbit_server: RabbitServer
) -> None:
    on_rabbit.start_simulator(1)
    before = shown(on_rabbit, status=0)
    on_rabbit.start_worker("w1")
    on_rabbit.start_beat()
    eventually(lambda: on_rabbit.all_done(1), 60)

    after = shown(on_rabbit, status=0)

    assert "RabbitMQ drops messages that are sent before" in before
    assert f"broker: amqp://erp:***@127.0.0.1:{rabbit_server.port}/erp, RabbitMQ 3." in after
    assert "broker queues: all 7 are there" in after
    assert f"redis: {on_rabbit.env['REDIS_URL']}, version" in after
    assert "beat: one is at work" in after
    assert rabbit_server.PASSWORD not in before + after


def test_check_tells_which_queues_no_worker_reads(on_rabbit: Cluster) -> None:
    on_rabbit.start_simulator(1)
    worker = on_rabbit.start_worker("w1")
    eventually(lambda: "ready." in worker.text(), 60)
    assert "no worker reads" not in shown(on_rabbit, status=0)

    worker.kill()
    other = on_rabbit.start_worker("w2", "-Q", "control,orders,invoices,tracking,cancellations")
    eventually(lambda: "ready." in other.text(), 60)

    assert "no worker reads changes, denials." in shown(on_rabbit, status=0)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("amqp://erp:{password}@127.0.0.1:1/erp", "does not answer (ConnectionRefusedError)"),
        ("amqp://erp:no-{password}@127.0.0.1:{port}/erp", "Fix user and password in BROKER_URL"),
        ("amqp://erp:{password}@127.0.0.1:{port}/other", "the virtual host is missing"),
    ],
)
def test_a_rabbitmq_that_cannot_be_used_is_told_with_what_to_do_and_without_the_password(
    on_rabbit: Cluster, rabbit_server: RabbitServer, url: str, words: str
) -> None:
    named = {"password": rabbit_server.PASSWORD, "port": rabbit_server.port}
    on_rabbit.env["BROKER_URL"] = url.format(**named)
    on_rabbit.start_simulator(1)

    text = shown(on_rabbit, status=1)
    sync = on_rabbit.command("orders", "sync")

    assert words in text
    assert (sync.returncode, "Traceback" in sync.stderr) == (1, False)
    assert "broker" in sync.stderr
    assert rabbit_server.PASSWORD not in text + sync.stdout + sync.stderr


def test_queues_that_somebody_else_made_are_told_before_a_worker_fails_on_them(
    on_rabbit: Cluster, rabbit_server: RabbitServer
) -> None:
    on_rabbit.start_simulator(1)
    with Connection(rabbit_server.url) as connection:
        Queue("invoices").bind(connection.default_channel).declare()

    text = shown(on_rabbit, status=1)

    assert "invoices: declared by another program" in text
    assert "tracking" not in text.split("broker queues")[1].splitlines()[0]
