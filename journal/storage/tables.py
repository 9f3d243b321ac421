"""The journal's tables, one definition for SQLite and PostgreSQL."""

from __future__ import annotations

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


def bounded_text(words: str | None) -> str | None:
    """Return a reason as every database keeps it."""
    if words is None:
        return None
    words = storable(words)
    return words if len(words) <= MAX_TEXT_LENGTH else f"{words[:MAX_TEXT_LENGTH]}…"


class BoundedText(TypeDecorator[str]):
    """A reason for a person to read, of bounded length.

    PostgreSQL takes neither NUL nor half a surrogate pair: a job whose reason held one could not
    be set aside.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        """Return the words as every database keeps them."""
        return bounded_text(value)


CRASHED, RETRIED = 1, 2
"""``suspect`` of a job whose step never ended, before and after its next attempt has begun."""

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
    # Orders are shown by age.
    Index("ix_journal_orders_listed", "listed_at", "order_id"),
)

documents = Table(
    "journal_documents",
    metadata,
    Column("store", String(64), primary_key=True),
    Column("order_id", String(64), primary_key=True),
    Column("order_document", LargeBinary, comment="zlib-compressed JSON; personal data"),
    Column("payment_document", LargeBinary, comment="zlib-compressed JSON; personal data"),
    Column("kept_at", UtcDateTime, nullable=False),
    # The oldest are looked for, to be purged.
    Index("ix_journal_documents_kept", "kept_at", "store", "order_id"),
)

jobs = Table(
    "journal_jobs",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("store", String(64), nullable=False),
    Column("order_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("key", String(128), nullable=False, comment="names it within its order and kind"),
    Column("about", String(64), comment="number of the invoice that it concerns"),
    Column("reference", Text, comment="the ERP's own names of the request, one a line"),
    Column("content", LargeBinary, comment="zlib-compressed JSON of what was asked for"),
    Column("digest", String(64), comment="of its content, once most of that was purged"),
    Column("result", Text, comment="JSON of what VTEX gave: receipt, order status"),
    Column("stage", String(16), nullable=False),
    Column("state", String(8), nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column("starts", Integer, nullable=False, default=0, comment="steps begun and not ended"),
    Column("suspect", Integer, nullable=False, default=0, comment="a step of it never ended"),
    Column("failures", Integer, nullable=False, default=0, comment="in a row"),
    Column("waiting", Integer, nullable=False, default=0, comment="1: it is not time for it yet"),
    Column("due_at", UtcDateTime, nullable=False),
    Column("lease_until", UtcDateTime),
    Column("last_error", BoundedText),
    Column("created_at", UtcDateTime),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("store", "order_id", "kind", "key", name="uq_journal_jobs"),
    # Dispatch reads open jobs of one place by age; done ones, the many, cost it nothing, nor do
    # those that wait in another place.
    Index("ix_journal_jobs_place", "state", "store", "kind", "stage", "due_at", "id"),
)
# What is under way is found among what waits, however much that is.
Index(
    "ix_journal_jobs_leased", jobs.c.store, jobs.c.lease_until,
    postgresql_where=jobs.c.lease_until.is_not(None),
    sqlite_where=jobs.c.lease_until.is_not(None),
)  # fmt: skip
# Said with its values: by a parameter neither database finds an index that holds some rows only.
# The state is said so that SQLite does not look for it in an index of all that ever was done.
HAS_REQUEST_BODY = text(
    "content IS NOT NULL AND digest IS NULL AND state || '' IN ('done', 'skipped')"
)
"""Whether a request has ended and what it asked for is still there."""
Index(
    "ix_journal_jobs_content", jobs.c.updated_at, jobs.c.id,
    postgresql_where=HAS_REQUEST_BODY, sqlite_where=HAS_REQUEST_BODY,
)  # fmt: skip

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
    Column("what", String(64), nullable=False),
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
    Column("about", String(64)),
    Column("reference", String(128)),
    Column("outcome", String(16), nullable=False),
    Column("reason", BoundedText),
    Column("result", Text),
    Column("attempt", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("failures", Integer, nullable=False, default=0),
    Column("due_at", UtcDateTime, nullable=False),
    Index("ix_journal_outcomes_order", "store", "order_id", "id"),
    comment="what the ERP has not been told yet",
    # A number is used once: the ERP knows endings by it.
    sqlite_autoincrement=True,
)

pauses = Table(
    "journal_pauses",
    metadata,
    Column("store", String(64), primary_key=True),
    Column("until", UtcDateTime, nullable=False),
    Column("reason", BoundedText, nullable=False),
)

erp_pauses = Table(
    "journal_erp_pauses",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False, comment="1"),
    Column("since", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, nullable=False, comment="when an order may try"),
    Column("reason", BoundedText, nullable=False),
    Column("tried_job", _NUMBER, nullable=False, comment="the last that tried, or tries now"),
    Column("tried_due_at", UtcDateTime, nullable=False, comment="its due time: what is after it"),
    comment="one row while the ERP does not answer",
)

reconciliations = Table(
    "journal_reconciliations",
    metadata,
    Column("store", String(64), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Column("orders", Integer, nullable=False, comment="listed by VTEX"),
    Column("findings", Text, nullable=False, comment="JSON: kind to how many"),
    comment="the last one of each store",
)

cancel_requests = Table(
    "journal_cancel_requests",
    metadata,
    Column("store", String(64), primary_key=True),
    Column("order_id", String(64), primary_key=True),
    Column("request_id", String(64), comment="VTEX's"),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("decide_by", UtcDateTime, nullable=False, comment="VTEX cancels by itself then"),
    comment="what the ERP was told of and has not decided on",
)

feeds = Table(
    "journal_feeds",
    metadata,
    Column("store", String(64), primary_key=True),
    Column("statuses", Text, nullable=False, comment="what it tells of, parted by spaces"),
    Column("hidden_seconds", Integer, nullable=False),
    Column("kept_seconds", Integer, nullable=False),
    Column("configured_at", UtcDateTime, nullable=False),
    Column("looked_at", UtcDateTime, nullable=False, comment="last seen as it was set up"),
    Column("tried_at", UtcDateTime, comment="while it does not work"),
    Column("fault", BoundedText, comment="why it does not work"),
    Column("restored_at", UtcDateTime),
    Column("restored_why", BoundedText),
    Column("unreadable", Integer, nullable=False, comment="events that named no order"),
    Column("listed_at", UtcDateTime, comment="when the list was last read to its end"),
    comment="one row a store whose feed was set up here",
)

signs = Table(
    "journal_signs",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("store", String(64), primary_key=True, comment="empty for the cluster"),
    Column("at", UtcDateTime, nullable=False),
    comment="when something last came to its end as it should",
)

rhythms = Table(
    "journal_rhythms",
    metadata,
    Column("store", String(64), primary_key=True),
    Column("since", UtcDateTime, nullable=False, comment="the first hour that is counted"),
    Column("hours", Text, nullable=False, comment="JSON: new orders of each hour from then on"),
    Column("last_at", UtcDateTime, nullable=False, comment="when the last new order came in"),
    comment="how many orders come in when; of the last eight weeks",
)

alerts = Table(
    "journal_alerts",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("rule", String(32), nullable=False),
    Column("store", String(64), nullable=False, comment="empty for the cluster"),
    Column("key", String(128), nullable=False, comment="tells causes of one rule apart"),
    Column("words", BoundedText, nullable=False),
    Column("todo", BoundedText, nullable=False, comment="the next step"),
    Column("since", UtcDateTime, nullable=False, comment="since when it is so"),
    Column("count", Integer, nullable=False),
    Column("order_id", String(64), comment="the first that is concerned"),
    Column("noticed_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False, comment="when it was last so"),
    Column("opened_at", UtcDateTime, comment="empty while it may pass by itself"),
    Column("calm_since", UtcDateTime, comment="since when it is so no more"),
    Column("closed_at", UtcDateTime),
    Column("relapses", Integer, nullable=False, comment="how often it came back soon after"),
    Column("round", Integer, nullable=False, comment="number of the message that is to be sent"),
    Column("told_at", UtcDateTime, comment="when that message first reached anybody"),
    Column("delivered", Text, nullable=False, comment="JSON: receiver to its last message"),
    Column("due_at", UtcDateTime, comment="when there is something to send"),
    Column("claimed_until", UtcDateTime, comment="somebody is sending it"),
    Column("failures", Integer, nullable=False, comment="to send it, in a row"),
    Column("fault", BoundedText, comment="why it could not be sent"),
    Index("ix_journal_alerts_seen", "seen_at"),
)
# Two that find the same cause at once make one alert of it.
Index(
    "uq_journal_alerts_open", alerts.c.rule, alerts.c.store, alerts.c.key, unique=True,
    postgresql_where=alerts.c.closed_at.is_(None), sqlite_where=alerts.c.closed_at.is_(None),
)  # fmt: skip
