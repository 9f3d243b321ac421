"""The journal's tables, one definition for SQLite and PostgreSQL."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

from foundation.redaction import storable


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time; SQLite keeps it without a zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time as the database keeps it."""
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        """Return what the database kept, aware."""
        if value is None:
            return None
        aware: datetime = value.replace(tzinfo=UTC) if value.tzinfo is None else value
        return aware.astimezone(UTC)


MAX_TEXT_LENGTH = 10_000


def bounded_text(text: str | None) -> str | None:
    """Return a text that every database stores."""
    if text is None:
        return None
    text = storable(text)
    return text if len(text) <= MAX_TEXT_LENGTH else f"{text[:MAX_TEXT_LENGTH]}…"


class BoundedText(TypeDecorator[str]):
    """A text for people, of bounded length.

    PostgreSQL refuses NUL and half a surrogate pair. A job with such a reason could not become a
    dead letter.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        """Return the text as every database stores it."""
        return bounded_text(value)


CRASHED, RETRIED = 1, 2
"""``crash_suspect`` of a job whose step never ended, before and after its next attempt began."""

metadata = MetaData()
# SQLite numbers rows by itself only in INTEGER columns.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

orders = Table(
    "journal_orders",
    metadata,
    Column("store", String(64), primary_key=True),
    Column("order_id", String(64), primary_key=True),
    Column("value_cents", BigInteger),
    Column("created_at", UtcDateTime, comment="when the shopper placed it"),
    Column("listed_at", UtcDateTime, nullable=False),
    Column("erp_reference", String(128)),
    # The command line shows orders by age.
    Index("ix_journal_orders_listed", "listed_at", "order_id"),
)

documents = Table(
    "journal_documents",
    metadata,
    Column("store", String(64), primary_key=True),
    Column("order_id", String(64), primary_key=True),
    Column("order_document", LargeBinary, comment="zlib-compressed JSON; personal data"),
    Column("payment_document", LargeBinary, comment="zlib-compressed JSON; personal data"),
    Column("stored_at", UtcDateTime, nullable=False),
    # The purge looks for the oldest.
    Index("ix_journal_documents_stored", "stored_at", "store", "order_id"),
)

jobs = Table(
    "journal_jobs",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("store", String(64), nullable=False),
    Column("order_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("key", String(128), nullable=False, comment="unique within its order and kind"),
    Column("invoice_number", String(64), comment="of the invoice that the request concerns"),
    Column("invoice_series", String(64), comment="of the same invoice"),
    Column("reference", Text, comment="the ERP's own names of the request, one a line"),
    Column("request_body", LargeBinary, comment="zlib-compressed JSON of the request"),
    Column("request_sha256", String(64), comment="of the whole body, after its purge"),
    Column("result", Text, comment="JSON from VTEX: receipt, order status"),
    Column("stage", String(16), nullable=False),
    Column("state", String(8), nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column(
        "unfinished_starts", Integer, nullable=False, default=0, comment="steps begun, not ended"
    ),
    Column("crash_suspect", Integer, nullable=False, default=0, comment="a step of it never ended"),
    Column("failures", Integer, nullable=False, default=0, comment="in a row"),
    # The default serves an insert that leaves the column out.
    Column(
        "not_ready",
        Integer,
        nullable=False,
        default=0,
        server_default="0",
        comment="1: it waits for another event",
    ),
    Column(
        "ignores_change",
        Integer,
        nullable=False,
        default=0,
        server_default="0",
        comment="1: the invoice is sent although a change may be under way",
    ),
    Column(
        "as_handled",
        Integer,
        nullable=False,
        default=0,
        server_default="0",
        comment="1: an intake that a person asked for, of an order that was handled elsewhere",
    ),
    Column("due_at", UtcDateTime, nullable=False),
    Column("lease_until", UtcDateTime),
    Column("last_error", BoundedText),
    Column("error_code", String(8), comment="code of last_error in the catalogue, as VE-5021"),
    Column("created_at", UtcDateTime),
    Column("retried_at", UtcDateTime, comment="by hand, or when the ERP repeated the request"),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("store", "order_id", "kind", "key", name="uq_journal_jobs"),
    # Dispatch reads the open jobs of one kind and stage by age. Done jobs, the many, cost it
    # nothing; nor do the jobs that wait at another stage.
    Index("ix_journal_jobs_place", "state", "store", "kind", "stage", "due_at", "id"),
)
# Dispatch finds the leased jobs among those that wait, however many wait.
Index(
    "ix_journal_jobs_leased",
    jobs.c.store,
    jobs.c.lease_until,
    postgresql_where=jobs.c.lease_until.is_not(None),
    sqlite_where=jobs.c.lease_until.is_not(None),
)
# Written with literal values: with a parameter neither database uses a partial index. The state is
# an expression, so that SQLite does not search an index of all jobs for it.
HAS_REQUEST_BODY = text(
    "request_body IS NOT NULL AND request_sha256 IS NULL AND state || '' IN ('done', 'skipped')"
)
"""Whether a request has ended and its whole body is still stored."""
Index(
    "ix_journal_jobs_body",
    jobs.c.updated_at,
    jobs.c.id,
    postgresql_where=HAS_REQUEST_BODY,
    sqlite_where=HAS_REQUEST_BODY,
)

events = Table(
    "journal_events",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("store", String(64), nullable=False),
    Column("order_id", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("stage", String(16)),
    Column("attempt", Integer, nullable=False),
    Column("event", String(64), nullable=False),
    Column("detail", BoundedText),
    Index("ix_journal_events_order", "store", "order_id", "id"),
)

outcomes = Table(
    "journal_outcomes",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("store", String(64), nullable=False),
    Column("order_id", String(64), nullable=False),
    Column("job", _NUMBER, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("invoice_number", String(64)),
    Column("invoice_series", String(64)),
    Column("reference", String(128)),
    Column("outcome", String(16), nullable=False),
    Column("reason", BoundedText),
    Column("result", Text),
    Column("attempt", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("failures", Integer, nullable=False, default=0),
    Column("due_at", UtcDateTime, nullable=False),
    Index("ix_journal_outcomes_order", "store", "order_id", "id"),
    comment="outcomes that were not reported to the ERP yet",
    # A number is used once: the ERP recognizes an outcome by it.
    sqlite_autoincrement=True,
)

store_pauses = Table(
    "journal_store_pauses",
    metadata,
    Column("store", String(64), primary_key=True),
    Column("until", UtcDateTime, nullable=False),
    Column("reason", BoundedText, nullable=False),
)

erp_circuits = Table(
    "journal_erp_circuits",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False, comment="1"),
    Column("since", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, nullable=False, comment="when the next order may try"),
    Column("reason", BoundedText, nullable=False),
    Column("tried_job", _NUMBER, nullable=False, comment="the last that tried, or tries now"),
    Column("tried_due_at", UtcDateTime, nullable=False, comment="due time of that job"),
    comment="one row while the ERP does not respond",
)

reconciliations = Table(
    "journal_reconciliations",
    metadata,
    Column("store", String(64), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Column("orders", Integer, nullable=False, comment="listed by VTEX"),
    Column("findings", Text, nullable=False, comment="JSON: number of findings of each kind"),
    comment="the last one of each store",
)

cancel_requests = Table(
    "journal_cancel_requests",
    metadata,
    Column("store", String(64), primary_key=True),
    Column("order_id", String(64), primary_key=True),
    Column("request_id", String(64), comment="VTEX's"),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("decide_by", UtcDateTime, nullable=False, comment="VTEX cancels by itself then"),
    comment="requests on which the ERP has not decided",
)

feeds = Table(
    "journal_feeds",
    metadata,
    Column("store", String(64), primary_key=True),
    Column("statuses", Text, nullable=False, comment="separated by spaces"),
    Column("hidden_seconds", Integer, nullable=False),
    Column("kept_seconds", Integer, nullable=False),
    Column("configured_at", UtcDateTime, nullable=False),
    Column("checked_at", UtcDateTime, nullable=False, comment="last seen as it was set up"),
    Column("tried_at", UtcDateTime, comment="last retry of a feed that fails"),
    Column("fault", BoundedText, comment="why it fails"),
    Column("restored_at", UtcDateTime),
    Column("restored_reason", BoundedText),
    Column("unreadable", Integer, nullable=False, comment="events without an order id"),
    Column("listed_at", UtcDateTime, comment="when the order list was last read to its end"),
    comment="the feeds that were set up here, one for each store",
)

heartbeats = Table(
    "journal_heartbeats",
    metadata,
    Column("name", String(24), primary_key=True),
    Column("store", String(64), primary_key=True, comment="empty for the cluster"),
    Column("at", UtcDateTime, nullable=False),
    comment="when a process or a task last did its work",
)

order_rates = Table(
    "journal_order_rates",
    metadata,
    Column("store", String(64), primary_key=True),
    Column("since", UtcDateTime, nullable=False, comment="the first hour that is counted"),
    Column("hours", Text, nullable=False, comment="JSON: new orders of each hour from then on"),
    Column("last_at", UtcDateTime, nullable=False, comment="when the last new order came in"),
    comment="new orders of each hour, for the last eight weeks",
)

alerts = Table(
    "journal_alerts",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("rule", String(32), nullable=False),
    Column("store", String(64), nullable=False, comment="empty for the cluster"),
    Column("key", String(128), nullable=False, comment="separates the problems of one rule"),
    Column("message", BoundedText, nullable=False),
    Column("next_step", BoundedText, nullable=False),
    Column("since", UtcDateTime, nullable=False, comment="when the problem began"),
    Column("count", Integer, nullable=False),
    Column("order_id", String(64), comment="the first affected order"),
    Column("noticed_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False, comment="when the problem was last seen"),
    Column("opened_at", UtcDateTime, comment="empty while the alert is pending"),
    Column("resolving_since", UtcDateTime, comment="since when the problem is gone"),
    Column("closed_at", UtcDateTime),
    Column("reopened", Integer, nullable=False, comment="how often it came back soon after"),
    Column("notification_no", Integer, nullable=False, comment="of the next message, or the last"),
    Column("notified_at", UtcDateTime, comment="when that message first reached a receiver"),
    Column("delivered", Text, nullable=False, comment="JSON: receiver to its last message"),
    Column("due_at", UtcDateTime, comment="when a message is to be sent"),
    Column("claimed_until", UtcDateTime, comment="a process sends the message"),
    Column("failures", Integer, nullable=False, comment="of delivery, in a row"),
    Column("fault", BoundedText, comment="why the delivery failed"),
    Index("ix_journal_alerts_seen", "seen_at"),
)
# Two processes that find the same problem at once open one alert.
Index(
    "uq_journal_alerts_open",
    alerts.c.rule,
    alerts.c.store,
    alerts.c.key,
    unique=True,
    postgresql_where=alerts.c.closed_at.is_(None),
    sqlite_where=alerts.c.closed_at.is_(None),
)
