"""The journal's tables as of the first release."""

import sqlalchemy as sa
from alembic import op

revision = "0100"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_HAS_REQUEST_BODY = sa.text(
    "request_body IS NOT NULL AND request_sha256 IS NULL AND state || '' IN ('done', 'skipped')"
)


def upgrade() -> None:
    """Create all tables."""
    _create_orders()
    _create_jobs()
    _create_circuits()
    _create_store_states()
    _create_alerts()


def downgrade() -> None:
    """Drop all tables; their rows are lost."""
    for table in (
        "orders", "documents", "events", "jobs", "outcomes", "cancel_requests", "store_pauses",
        "erp_circuits", "feeds", "order_rates", "reconciliations", "heartbeats", "alerts",
    ):  # fmt: skip
        op.drop_table(f"journal_{table}")


def _create_orders() -> None:
    op.create_table(
        "journal_orders",
        sa.Column("store", sa.String(64), primary_key=True),
        sa.Column("order_id", sa.String(64), primary_key=True),
        sa.Column("value_cents", sa.BigInteger),
        sa.Column("created_at", _MOMENT),
        sa.Column("listed_at", _MOMENT, nullable=False),
        sa.Column("erp_reference", sa.String(128)),
    )
    op.create_index("ix_journal_orders_listed", "journal_orders", ["listed_at", "order_id"])
    op.create_table(
        "journal_documents",
        sa.Column("store", sa.String(64), primary_key=True),
        sa.Column("order_id", sa.String(64), primary_key=True),
        sa.Column("order_document", sa.LargeBinary),
        sa.Column("payment_document", sa.LargeBinary),
        sa.Column("stored_at", _MOMENT, nullable=False),
    )
    op.create_index(
        "ix_journal_documents_stored", "journal_documents", ["stored_at", "store", "order_id"]
    )
    op.create_table(
        "journal_events",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("store", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("stage", sa.String(16)),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("detail", sa.Text),
    )
    op.create_index("ix_journal_events_order", "journal_events", ["store", "order_id", "id"])


def _create_jobs() -> None:
    op.create_table(
        "journal_jobs",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("store", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("invoice_number", sa.String(64)),
        sa.Column("invoice_series", sa.String(64)),
        sa.Column("reference", sa.Text),
        sa.Column("request_body", sa.LargeBinary),
        sa.Column("request_sha256", sa.String(64)),
        sa.Column("result", sa.Text),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("unfinished_starts", sa.Integer, nullable=False),
        sa.Column("crash_suspect", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("not_ready", sa.Integer, server_default="0", nullable=False),
        sa.Column("ignores_change", sa.Integer, server_default="0", nullable=False),
        sa.Column("as_handled", sa.Integer, server_default="0", nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("lease_until", _MOMENT),
        sa.Column("last_error", sa.Text),
        sa.Column("error_code", sa.String(8)),
        sa.Column("created_at", _MOMENT),
        sa.Column("retried_at", _MOMENT),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.UniqueConstraint("store", "order_id", "kind", "key", name="uq_journal_jobs"),
    )
    op.create_index(
        "ix_journal_jobs_body",
        "journal_jobs",
        ["updated_at", "id"],
        postgresql_where=_HAS_REQUEST_BODY,
        sqlite_where=_HAS_REQUEST_BODY,
    )
    op.create_index(
        "ix_journal_jobs_leased",
        "journal_jobs",
        ["store", "lease_until"],
        postgresql_where=sa.text("lease_until IS NOT NULL"),
        sqlite_where=sa.text("lease_until IS NOT NULL"),
    )
    op.create_index(
        "ix_journal_jobs_place", "journal_jobs", ["state", "store", "kind", "stage", "due_at", "id"]
    )
    op.create_table(
        "journal_outcomes",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("store", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("job", _NUMBER, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("invoice_number", sa.String(64)),
        sa.Column("invoice_series", sa.String(64)),
        sa.Column("reference", sa.String(128)),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("result", sa.Text),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_journal_outcomes_order", "journal_outcomes", ["store", "order_id", "id"])
    op.create_table(
        "journal_cancel_requests",
        sa.Column("store", sa.String(64), primary_key=True),
        sa.Column("order_id", sa.String(64), primary_key=True),
        sa.Column("request_id", sa.String(64)),
        sa.Column("requested_at", _MOMENT, nullable=False),
        sa.Column("decide_by", _MOMENT, nullable=False),
    )


def _create_circuits() -> None:
    op.create_table(
        "journal_store_pauses",
        sa.Column("store", sa.String(64), primary_key=True),
        sa.Column("until", _MOMENT, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_table(
        "journal_erp_circuits",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("until", _MOMENT, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("tried_job", _NUMBER, nullable=False),
        sa.Column("tried_due_at", _MOMENT, nullable=False),
    )


def _create_store_states() -> None:
    op.create_table(
        "journal_feeds",
        sa.Column("store", sa.String(64), primary_key=True),
        sa.Column("statuses", sa.Text, nullable=False),
        sa.Column("hidden_seconds", sa.Integer, nullable=False),
        sa.Column("kept_seconds", sa.Integer, nullable=False),
        sa.Column("configured_at", _MOMENT, nullable=False),
        sa.Column("checked_at", _MOMENT, nullable=False),
        sa.Column("tried_at", _MOMENT),
        sa.Column("fault", sa.Text),
        sa.Column("restored_at", _MOMENT),
        sa.Column("restored_reason", sa.Text),
        sa.Column("unreadable", sa.Integer, nullable=False),
        sa.Column("listed_at", _MOMENT),
    )
    op.create_table(
        "journal_order_rates",
        sa.Column("store", sa.String(64), primary_key=True),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("hours", sa.Text, nullable=False),
        sa.Column("last_at", _MOMENT, nullable=False),
    )
    op.create_table(
        "journal_reconciliations",
        sa.Column("store", sa.String(64), primary_key=True),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("until", _MOMENT, nullable=False),
        sa.Column("orders", sa.Integer, nullable=False),
        sa.Column("findings", sa.Text, nullable=False),
    )
    op.create_table(
        "journal_heartbeats",
        sa.Column("name", sa.String(24), primary_key=True),
        sa.Column("store", sa.String(64), primary_key=True),
        sa.Column("at", _MOMENT, nullable=False),
    )


def _create_alerts() -> None:
    op.create_table(
        "journal_alerts",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("rule", sa.String(32), nullable=False),
        sa.Column("store", sa.String(64), nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("next_step", sa.Text, nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("order_id", sa.String(64)),
        sa.Column("noticed_at", _MOMENT, nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=False),
        sa.Column("opened_at", _MOMENT),
        sa.Column("resolving_since", _MOMENT),
        sa.Column("closed_at", _MOMENT),
        sa.Column("reopened", sa.Integer, nullable=False),
        sa.Column("notification_no", sa.Integer, nullable=False),
        sa.Column("notified_at", _MOMENT),
        sa.Column("delivered", sa.Text, nullable=False),
        sa.Column("due_at", _MOMENT),
        sa.Column("claimed_until", _MOMENT),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("fault", sa.Text),
    )
    op.create_index("ix_journal_alerts_seen", "journal_alerts", ["seen_at"])
    op.create_index(
        "uq_journal_alerts_open",
        "journal_alerts",
        ["rule", "store", "key"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
        sqlite_where=sa.text("closed_at IS NULL"),
    )
