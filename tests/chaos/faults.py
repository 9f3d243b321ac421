"""What goes wrong, and how it ends: each fault is a generator that breaks, waits, and mends."""

from __future__ import annotations

import random
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import redis
from sqlalchemy.exc import DBAPIError

from chaos.world import World

Body = Callable[[World, random.Random], Iterator[None]]


@dataclass(frozen=True)
class Fault:
    """A kind of fault.

    Attributes:
        touches: what it breaks; two faults never break the same at a time.
        seconds: from the shortest to the longest that it lasts; None for as long as it needs.
        possible: whether this world can have it.
    """

    name: str
    touches: str
    seconds: Callable[[World], tuple[float, float]]
    possible: Callable[[World], bool]
    body: Body


FAULTS: list[Fault] = []


def _fault(
    name: str,
    touches: str,
    least: float = 0.0,
    most: float = 0.0,
    *,
    leases: float = 0.0,
    possible: Callable[[World], bool] = lambda _: True,
) -> Callable[[Body], Body]:
    """Register a fault that lasts so many seconds, beside so many leases."""

    def take(body: Body) -> Body:
        def seconds(world: World) -> tuple[float, float]:
            more = leases * world.lease_seconds
            return least + more, most + more

        FAULTS.append(Fault(name, touches, seconds, possible, body))
        return body

    return take


def _has_postgres(world: World) -> bool:
    return world.postgres is not None


def _has_rabbit(world: World) -> bool:
    return world.rabbit is not None


def _is_isolated(world: World) -> bool:
    return world.is_isolated


# --- processes --------------------------------------------------------------------------------


@_fault("worker killed (SIGKILL)", "worker")
def _kill_worker(world: World, rng: random.Random) -> Iterator[None]:
    world.signal(rng.choice(world.workers), signal.SIGKILL)
    yield


@_fault("all workers killed (SIGKILL)", "worker")
def _kill_workers(world: World, _: random.Random) -> Iterator[None]:
    for name in world.workers:
        world.signal(name, signal.SIGKILL)
    yield


@_fault("worker told to stop (SIGTERM)", "worker")
def _stop_worker(world: World, rng: random.Random) -> Iterator[None]:
    world.signal(rng.choice(world.workers), signal.SIGTERM)
    yield


@_fault("worker frozen past its lease, then awake", "worker", 2, 6, leases=1)
def _freeze_worker(world: World, rng: random.Random) -> Iterator[None]:
    name = rng.choice(world.workers)
    world.signal(name, signal.SIGSTOP)
    yield
    world.signal(name, signal.SIGCONT)


@_fault("beat killed (SIGKILL)", "beat")
def _kill_beat(world: World, rng: random.Random) -> Iterator[None]:
    world.signal(rng.choice(world.beats), signal.SIGKILL)
    yield


@_fault("beat told to stop (SIGTERM)", "beat")
def _stop_beat(world: World, rng: random.Random) -> Iterator[None]:
    world.signal(rng.choice(world.beats), signal.SIGTERM)
    yield


@_fault("beat frozen past its lock, then awake", "beat", 16, 20)
def _freeze_beat(world: World, rng: random.Random) -> Iterator[None]:
    name = rng.choice(world.beats)
    world.signal(name, signal.SIGSTOP)
    yield
    world.signal(name, signal.SIGCONT)


# --- Redis ------------------------------------------------------------------------------------


@_fault("Redis killed and started again", "redis", 0, 6)
def _restart_redis(world: World, _: random.Random) -> Iterator[None]:
    world.redis.process.kill()
    yield
    world.redis.start()


@_fault("Redis emptied", "redis")
def _empty_redis(world: World, _: random.Random) -> Iterator[None]:
    with world.redis_client() as connection:
        connection.flushall()
    yield


@_fault("Redis gone, and back without its data", "redis", 1, 4)
def _lose_redis(world: World, _: random.Random) -> Iterator[None]:
    world.redis.process.kill()
    yield
    world.redis.lose_everything()


@_fault("Redis stands still", "redis", 2, 12)
def _still_redis(world: World, _: random.Random) -> Iterator[None]:
    child = world.redis.process.child
    assert child is not None
    child.send_signal(signal.SIGSTOP)
    yield
    child.send_signal(signal.SIGCONT)


@_fault("Redis' connections killed", "redis")
def _cut_redis(world: World, _: random.Random) -> Iterator[None]:
    with world.redis_client() as connection:
        for kind in ("normal", "pubsub"):
            connection.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
    yield


@_fault("Redis full", "redis", 1, 5)
def _fill_redis(world: World, _: random.Random) -> Iterator[None]:
    with world.redis_client() as connection:
        connection.config_set("maxmemory", 1)
    yield
    with world.redis_client() as connection:
        connection.config_set("maxmemory", 0)


# --- RabbitMQ ---------------------------------------------------------------------------------


@_fault("RabbitMQ killed and started again", "rabbit", 0, 6, possible=_has_rabbit)
def _restart_rabbit(world: World, _: random.Random) -> Iterator[None]:
    assert world.rabbit is not None
    world.rabbit.kill()
    yield
    world.rabbit.start()


@_fault("RabbitMQ stands still", "rabbit", 2, 20, possible=_has_rabbit)
def _still_rabbit(world: World, _: random.Random) -> Iterator[None]:
    assert world.rabbit is not None
    world.rabbit.process.hang()
    yield
    world.rabbit.process.go_on()


@_fault("RabbitMQ's connections closed", "rabbit", possible=_has_rabbit)
def _cut_rabbit(world: World, _: random.Random) -> Iterator[None]:
    assert world.rabbit is not None
    world.rabbit.ctl("close_all_connections", "chaos")
    yield


@_fault("RabbitMQ short of memory", "rabbit", 2, 8, possible=_has_rabbit)
def _fill_rabbit(world: World, _: random.Random) -> Iterator[None]:
    assert world.rabbit is not None
    world.rabbit.ctl("set_vm_memory_high_watermark", "0.0001")
    yield
    world.rabbit.ctl("set_vm_memory_high_watermark", "0.4")


# --- PostgreSQL and SQLite --------------------------------------------------------------------


@_fault("PostgreSQL crashed and started again", "postgres", 0, 5, possible=_has_postgres)
def _crash_postgres(world: World, _: random.Random) -> Iterator[None]:
    assert world.postgres is not None
    world.postgres.crash()
    yield
    world.postgres.start()


@_fault("PostgreSQL's connections killed", "postgres", possible=_has_postgres)
def _cut_postgres(world: World, _: random.Random) -> Iterator[None]:
    _end_connections(world, "true")
    yield


@_fault(
    "disk of the SQLite journal full",
    "postgres",
    2,
    8,
    possible=lambda world: world.is_isolated and world.postgres is None,
)
def _fill_disk(world: World, _: random.Random) -> Iterator[None]:
    ballast = world.disk / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file:
            while file.write(bytes(65_536)):
                pass
    except OSError:
        pass
    yield
    ballast.unlink()


def _end_connections(world: World, where: str) -> None:
    assert world.postgres is not None
    world.postgres.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND {where}"
    )


# --- the ERP ----------------------------------------------------------------------------------


@_fault("ERP down", "erp", 4, 12, possible=_has_postgres)
def _erp_down(world: World, _: random.Random) -> Iterator[None]:
    assert world.postgres is not None
    world.postgres.run("ALTER DATABASE erp ALLOW_CONNECTIONS false")
    _end_connections(world, "datname = 'erp'")
    yield
    world.postgres.run("ALTER DATABASE erp ALLOW_CONNECTIONS true")


@_fault("ERP refuses orders", "erp", 2, 5, possible=_has_postgres)
def _erp_refuses(world: World, _: random.Random) -> Iterator[None]:
    assert world.postgres is not None
    rule = "ALTER TABLE int_order ADD CONSTRAINT chaos CHECK (total_cents < 0) NOT VALID"
    world.postgres.run(rule, "erp")
    yield
    world.postgres.run("ALTER TABLE int_order DROP CONSTRAINT chaos", "erp")


# --- network and clock ------------------------------------------------------------------------


@_fault("a worker host cut off", "network", 5, 25, possible=_is_isolated)
def _cut_host(world: World, rng: random.Random) -> Iterator[None]:
    host = rng.choice(world.hosts)
    host.cut()
    yield
    host.mend()


@_fault(
    "a host's clock 10 minutes off",
    "clock",
    10,
    20,
    possible=lambda world: world.clock_file is not None,
)
def _clock_off(world: World, rng: random.Random) -> Iterator[None]:
    assert world.clock_file is not None
    world.clock_file.write_text(rng.choice(("600", "-600")))
    yield
    world.clock_file.write_text("0")


# --- VTEX -------------------------------------------------------------------------------------


def _vtex(name: str, least: float, most: float, probability: float, **fault: object) -> None:
    @_fault(f"VTEX: {name}", f"vtex {fault['kind']}", least, most)
    def _body(world: World, _: random.Random) -> Iterator[None]:
        whole = fault | {"times": None, "probability": probability}
        world.vtex_goes_wrong(**whole)
        yield
        world.vtex_is_well(**whole)


_vtex("429 with Retry-After", 2, 6, 0.2, kind="throttle", retry_after=4)
_vtex("500", 3, 10, 0.6, kind="unavailable")
_vtex("a page of HTML", 3, 10, 0.6, kind="html_error")
_vtex("a page of HTML with status 200", 3, 10, 0.6, kind="html_200")
_vtex("no answer", 3, 10, 0.4, kind="timeout", seconds=8)
_vtex("half a body", 3, 10, 0.6, kind="half_body")
_vtex("answers lost after the effect", 3, 10, 0.5, kind="lose_answer")
_vtex("time-outs after the effect", 3, 10, 0.4, kind="timeout_after", seconds=8)


PASSING = (DBAPIError, redis.RedisError, subprocess.SubprocessError, OSError, AssertionError)
"""What the hand that breaks things may meet, because something else is broken already."""
