"""The REST adapter on each of its fakes, for the conformance checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from erp.adapters.rest.adapter import RestErp
from erp.conformance import NotOffered
from erp.port import Erp
from support.erp.outboxes import SqlOutbox
from support.fakes.base import Fake
from support.fakes.bling import Bling
from support.fakes.omie import Omie
from support.fakes.tiny import Tiny

FAKES: dict[str, type[Fake]] = {"bling": Bling, "omie": Omie, "tiny": Tiny}

SETTINGS = {
    "bling": """
[secrets]
client_id = "bling-id"
client_secret = "bling-secret"
refresh_token = "refresh-1"

[codes.store]
acme = 205511
outlet = 205512
""",
    "omie": """
[secrets]
app_key = "omie-key"
app_secret = "omie-secret"

[values]
current_account = 4711
""",
    "tiny": """
[secrets]
token = "tiny-token"
""",
}


def settings(folder: Path, profile: str, url: str, state: str, more: str = "") -> Path:
    """Write an operator's settings for a fake."""
    path = folder / "erp.toml"
    path.write_text(
        f'profile = "{profile}"\nbase_url = "{url}"\nstate = "{state}"\n'
        f"timeout_seconds = 2\nsettle_seconds = 1\n{more or LIMITLESS}\n{SETTINGS[profile]}"
        "\n[codes.payment]\ndefault = 15\n"
    )
    return path


LIMITLESS = """
[rate]
per_second = 0
per_day = 0
[changes]
every_seconds = 0
"""


class RestHarness:
    """A profile, its fake, and the tables of both sides' outbox."""

    def __init__(self, folder: Path, profile: str, state: str = "") -> None:
        self.fake = FAKES[profile]()
        state = state or f"sqlite:///{folder}/state.db"
        self.path = settings(folder, profile, self.fake.url, state, LIMITLESS)
        self.url = f"rest://{self.path}"
        self.tables = SqlOutbox(state)
        self.tables.moment = datetime.now(UTC)
        self.erp = RestErp(self.url, now=lambda: self.tables.moment)
        self.put, self.seen = self.tables.put, self.tables.seen
        self.ask_again, self.let_claims_lapse = self.tables.ask_again, self.tables.let_claims_lapse

    def orders(self, order_id: str) -> int:
        held = self.fake.orders.values()
        return sum(self.fake.ours(value) in (order_id, f"acme/{order_id}") for value in held)

    def number(self, order_id: str) -> int:
        reference = self.erp.find("acme", order_id)
        assert reference is not None
        return int(reference)

    @contextmanager
    def failing(self, trouble: str) -> Iterator[Erp]:
        self.fake.over.clear()
        self.fake.trouble = trouble
        try:
            yield self.erp
        finally:
            self.fake.trouble = None
            self.fake.over.set()

    @contextmanager
    def losing_answers(self) -> Iterator[Erp]:
        with self.failing("lost") as erp:
            yield erp

    @contextmanager
    def holding_answers_back(self) -> Iterator[str]:
        with self.failing("held"):
            yield self.url

    def confirm(self, order_id: str) -> None:
        self.fake.confirm(self.number(order_id))

    def sees_canceled(self, order_id: str) -> bool:
        told = self.tables.rows(
            "SELECT event_key FROM int_order_event WHERE order_id = :order", order=order_id
        )
        return told == [("canceled",)]

    def invoice(
        self, order_id: str, number: str, value: Decimal, skus: Sequence[str], at: datetime
    ) -> None:
        if number == "1002":
            raise NotOffered("an order has one invoice here")
        self.fake.invoice(self.number(order_id), number, value, skus, at)

    def track(self, order_id: str, number: str, tracking_number: str) -> None:
        self.fake.track(self.number(order_id), tracking_number)

    def cancel(self, order_id: str) -> None:
        self.fake.cancel(self.number(order_id))

    @contextmanager
    def clock_off_by(self, apart: timedelta) -> Iterator[None]:
        self.fake.ahead = apart
        yield
        self.fake.ahead = timedelta()

    def close(self) -> None:
        self.erp.close()
        self.tables.close()
        self.fake.close()
