"""The integration tables from release to release: the first revision, and a made-up next one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from erp import conformance
from erp.adapters.sql import database as sql_database
from erp.adapters.sql.tables import VERSION_TABLE, metadata
from erp.port import ErpRejected
from support.erp.outboxes import SqlOutbox
from support.next_revision import add_revisions
from support.servers import eventually

CHANNELS = "SELECT channel FROM int_order"

NEXT = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "9001", "0100"
NAME, TABLE = "ck_int_outbox_kind", "int_outbox"
KINDS = "'INVOICE', 'TRACKING', 'CANCEL', 'DENY'"


def upgrade():
    for table in ("int_order", "int_order_event"):
        # MariaDB commits each statement: an interrupted migration continues where it was.
        known = {one["name"] for one in sa.inspect(op.get_bind()).get_columns(table)}
        if "channel" not in known:
            op.add_column(table, sa.Column("channel", sa.String(16), server_default="web"))
    allow(f"kind IN ({KINDS}, 'HOLD')")


def downgrade():
    allow(f"kind IN ({KINDS})")
    op.drop_column("int_order_event", "channel")
    op.drop_column("int_order", "channel")


def allow(condition):
    db = op.get_bind()
    if db.dialect.name == "sqlite":
        # SQLite changes no constraint in place.
        kept = {"sqlite_autoincrement": True}
        with op.batch_alter_table(TABLE, recreate="always", table_kwargs=kept) as table:
            table.drop_constraint(NAME, type_="check")
            table.create_check_constraint(NAME, condition)
        return
    if any(one["name"] == NAME for one in sa.inspect(db).get_check_constraints(TABLE)):
        op.drop_constraint(NAME, TABLE, type_="check")
    op.create_check_constraint(NAME, TABLE, condition, postgresql_not_valid=True)
"""


@pytest.fixture
def next_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process be of a version with one more revision of the tables."""
    folder = tmp_path / "next_erp"
    folder.mkdir()
    (folder / "9001_channel.py").write_text(NEXT)
    add_revisions(monkeypatch, "erp", folder)


def test_the_revisions_make_the_tables_that_the_code_names(outbox: SqlOutbox) -> None:
    with outbox._engine.connect() as db:
        context = MigrationContext.configure(
            db, opts={"version_table": VERSION_TABLE, "compare_type": True}
        )

        assert compare_metadata(context, metadata) == []


def test_the_first_revision_continues_where_it_was_interrupted(outbox: SqlOutbox) -> None:
    on = " ON int_outbox" if outbox._engine.dialect.name in ("mysql", "mariadb") else ""
    outbox.write("DROP TABLE int_result", f"DROP INDEX ix_int_outbox_order{on}")
    outbox.write(f"DELETE FROM {VERSION_TABLE}")

    outbox.erp.migrate()

    assert "schema 0100" in outbox.erp.check()
    with outbox._engine.connect() as db:
        context = MigrationContext.configure(db, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []


def test_tables_made_before_the_first_release_are_refused_with_the_way_out(
    outbox: SqlOutbox,
) -> None:
    outbox.write(f"UPDATE {VERSION_TABLE} SET version_num = '0008'")

    for act in (outbox.erp.check, outbox.erp.migrate):
        with pytest.raises(ErpRejected, match=r"made before 0\.1\.0: start anew.*vtex-erp migrate"):
            act()


@pytest.mark.usefixtures("next_release")
def test_a_step_back_and_forth_keeps_what_waits_in_the_outbox(outbox: SqlOutbox) -> None:
    order = conformance.sample()
    outbox.erp.insert(order)
    outbox.erp.migrate()
    outbox.migrate_to("0100")
    outbox.put("o-1-01")
    with pytest.raises(Exception, match=r"(?i)constraint|check"):
        outbox.write("INSERT INTO int_outbox (kind, store, order_id) VALUES ('HOLD', 'a', 'o')")

    outbox.migrate_to("head")

    outbox.write("INSERT INTO int_outbox (kind, store, order_id) VALUES ('HOLD', 'acme', 'o-2')")
    query = "SELECT kind, order_id, status, attempts FROM int_outbox ORDER BY id"
    assert outbox.rows(query) == [("CANCEL", "o-1-01", "PENDING", 0), ("HOLD", "o-2", "PENDING", 0)]
    assert outbox.erp.find(order.store, order.order_id) is not None
    with pytest.raises(Exception, match=r"(?i)constraint|check|unique|duplicate"):
        outbox.write(
            "INSERT INTO int_outbox (kind, store, order_id, status) VALUES ('HOLD', 'a', 'o', 'X')"
        )


@pytest.mark.usefixtures("next_release")
def test_a_migration_that_was_broken_off_between_two_tables_goes_on(outbox: SqlOutbox) -> None:
    outbox.migrate_to("0100")
    outbox.write("ALTER TABLE int_order ADD COLUMN channel VARCHAR(16) DEFAULT 'web'")

    outbox.erp.migrate()

    outbox.erp.insert(conformance.sample())
    assert outbox.rows(CHANNELS) == [("web",)]
    assert outbox.rows("SELECT channel FROM int_order_event") == []


@pytest.mark.usefixtures("next_release")
def test_a_migration_that_waits_for_a_worker_which_waits_for_it_is_tried_again(
    postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = SqlOutbox(postgres_database)
    outbox.erp.migrate()
    outbox.migrate_to("0100")
    monkeypatch.setattr(sql_database, "LOCK_SECONDS", 0.1)
    monkeypatch.setitem(sql_database._SHORT_LOCKS, "postgresql", LONG_LOCKS)
    with outbox._engine.connect() as worker, ThreadPoolExecutor(1) as pool:
        # PostgreSQL breaks off whoever first looks for the knot that it waits in.
        worker.execute(text("SET deadlock_timeout = '60s'"))
        worker.execute(text("DELETE FROM int_order_event"))
        migration = pool.submit(outbox.erp.migrate)
        eventually(lambda: outbox.rows(WAITING), 20)

        worker.execute(text("DELETE FROM int_order"))

        worker.commit()
        migration.result(60)
    assert outbox.rows(CHANNELS) == []
    outbox.close()


LONG_LOCKS = (
    "SELECT set_config('lock_timeout', '60s', true), set_config('deadlock_timeout', '5s', true), :s",
)
WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
