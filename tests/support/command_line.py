"""Somebody who types commands in one process, without a broker."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import redis
from click.testing import CliRunner

from journal.journal import Journal
from journal.model import STAGES, Kind
from journal.orders import NewOrder
from support.servers import RedisServer
from vtex.simulator.server import Running
from workers.cli.main import main
from workers.configuration.settings import SettingsSchema

PERSON = "ana.prado@example.com"
NOW = datetime.now(UTC)


class Desk:
    """Somebody who types commands: a journal, an ERP and a simulated store, and no broker."""

    def __init__(self, folder: Path, store: Running) -> None:
        self.folder, self.store = folder, store
        names = SettingsSchema().fields
        self.env: dict[str, str | None] = {
            text: None for text in os.environ if text.removesuffix("_FILE") in names
        } | {
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "JOURNAL_URL": f"sqlite:///{folder}/journal.db",
            "ERP_URL": f"sqlite:///{folder}/erp.db",
            "VTEX_ACCOUNT": "acme",
            "VTEX_APP_KEY": store.app_key,
            "VTEX_APP_TOKEN": store.app_token,
            "VTEX_BASE_URL": store.url,
            "VTEX_PAYMENTS_URL": store.url,
            "VTEX_READ_TIMEOUT_SECONDS": "2",
        }
        self.journal = Journal(str(self.env["JOURNAL_URL"]), now=lambda: self.moment)
        self.moment = NOW

    def type(self, *arguments: str, status: int = 0, answer: str = "") -> str:
        """Run a command; return all that it prints."""
        result = CliRunner().invoke(main, arguments, env=self.env, input=answer)
        assert isinstance(result.exception, SystemExit | None), result.exc_info
        assert result.exit_code == status, result.output
        assert "Traceback" not in result.output
        return result.output

    def json(self, *arguments: str, status: int = 0) -> Any:
        return json.loads(self.type(*arguments, "--json", status=status))

    def list(self, *ids: str, store: str = "acme", ago: timedelta = timedelta()) -> None:
        now, self.moment = self.moment, NOW - ago
        self.journal.orders.record(
            store, [NewOrder(order_id, NOW - ago, 123456) for order_id in ids]
        )
        self.moment = now

    def bury(self, order_id: str, reason: str) -> None:
        (ticket,) = self.journal.jobs.dispatch(in_flight=9, store="acme", order_id=order_id)
        self.journal.jobs.bury("acme", order_id, ticket.attempt, reason)

    def paid(self, status: str = "ready-for-handling", **changes: Any) -> str:
        """Return a new order of the store, changed as told."""
        (order_id,) = self.store.store.generate(1, status)
        entry = self.store.store.entry(order_id)
        assert entry is not None
        entry.order.update(changes)
        return order_id

    def serve(self, server: RedisServer) -> redis.Redis:
        self.env["REDIS_URL"] = server.url
        return redis.Redis.from_url(server.url)

    def verdicts(self, *, status: int = 1) -> dict[str, tuple[bool | None, str]]:
        return {
            row["name"]: (row["ok"], row["detail"]) for row in self.json("check", status=status)
        }


def done(desk: Desk, order_id: str, days_ago: float, **client: str) -> None:
    """Let an order have come in, been done, and have its documents, so many days ago."""
    desk.list(order_id, ago=timedelta(days=days_ago))
    desk.moment = NOW - timedelta(days=days_ago)
    (ticket,) = desk.journal.jobs.dispatch(in_flight=9, store="acme", order_id=order_id)
    for stage in STAGES[Kind.INTAKE][1:]:
        with desk.journal.jobs.step("acme", order_id, ticket.attempt, to=stage) as job:
            job.order = {"orderId": order_id} | ({"clientProfileData": client} if client else {})
            job.erp_reference = f"ERP-{order_id}"
    desk.moment = NOW


def table(text: str) -> str:
    """The text of a table without its lines."""
    return " ".join(text.replace("│", " ").split())


def commands(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield each group and command under a group, with the words that name it."""
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
