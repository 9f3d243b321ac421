"""Migrations beside running workers: short locks, versions apart, and none that waits for ever."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, NullPool, create_engine, make_url, text

from erp.adapters.sql import database as sql_database
from erp.adapters.sql.adapter import SqlErp
from erp.adapters.sql.tables import VERSION_TABLE
from erp.port import ErpRejected
from journal.journal import Journal
from journal.model import JournalError
from journal.orders import NewOrder
from journal.storage import database
from journal.storage.tables import metadata
from support.next_revision import add_revisions
from support.servers import eventually

HEAD = {"journal": "0100", "erp": "0100"}
"""The newest revision of each that ships."""

COLUMN = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "9001", "{head}"

def upgrade():
    op.add_column("{table}", sa.Column("channel", sa.String(16)))
"""
INDEX = """
from journal.migrations.building import create_index

revision, down_revision = "9002", "9001"

def upgrade():
    create_index("ix_next", "journal_jobs", ["channel", "state"])
"""


def raw(url: str) -> Engine:
    driver = "postgresql+psycopg" if url.startswith("postgres") else make_url(url).drivername
    return create_engine(make_url(url).set(drivername=driver), poolclass=NullPool)


def said(url: str, statement: str) -> list[object]:
    engine = raw(url)
    with engine.begin() as db:
        found = db.execute(text(statement))
        return [tuple(value) for value in found] if found.returns_rows else []


@pytest.fixture
def next_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let this process be of a version with more revisions: a column, and perhaps an index."""

    def release(index: str = "", package: str = "journal", table: str = "journal_jobs") -> None:
        folder = tmp_path / f"next_{package}"
        folder.mkdir()
        (folder / "9001_column.py").write_text(COLUMN.format(head=HEAD[package], table=table))
        if index:
            (folder / "9002_index.py").write_text(index)
        add_revisions(monkeypatch, package, folder)

    return release


def test_a_schema_that_is_newer_is_no_fault_and_is_left_as_it_is(
    journal: Journal, journal_url: str
) -> None:
    said(journal_url, "UPDATE journal_version SET version_num = '9001'")

    journal.migrate()

    assert "schema 9001, newer than 0100, which this version knows: fine" in journal.check()
    assert journal.orders.record("acme", [NewOrder("o-1", None, 1)]) == 1


def test_a_schema_that_is_older_says_what_to_run(
    journal: Journal, next_release: Callable[..., None]
) -> None:
    next_release()

    with pytest.raises(
        JournalError, match=r"are at 0100 and must be at 9001\. Run vtex-erp migrate"
    ):
        journal.check()


@pytest.mark.parametrize("revision", ["0001", "0013"])
def test_tables_from_before_the_first_release_say_to_start_anew(
    journal: Journal, journal_url: str, revision: str
) -> None:
    said(journal_url, f"UPDATE journal_version SET version_num = '{revision}'")

    for action in (journal.check, journal.migrate):
        with pytest.raises(
            JournalError, match=r"made before 0\.1\.0: start anew.* vtex-erp migrate"
        ):
            action()


def test_the_migrations_make_the_tables_that_the_code_defines(journal_url: str) -> None:
    journal = Journal(journal_url)
    journal.migrate()
    journal.close()

    with raw(journal_url).connect() as db:
        context = MigrationContext.configure(
            db, opts={"version_table": "journal_version", "compare_server_default": True}
        )
        differences = compare_metadata(context, metadata)

    # The database's own comments are not part of the schema.
    assert [found for found in differences if "comment" not in str(found[0])] == []


def test_a_newer_schema_of_the_erp_adapter_is_no_fault_either(journal_url: str) -> None:
    erp = SqlErp(journal_url)
    erp.migrate()
    said(journal_url, f"UPDATE {VERSION_TABLE} SET version_num = '9001'")

    erp.migrate()

    assert "schema 9001, newer than 0100, which this version knows: fine" in erp.check()
    said(journal_url, f"UPDATE {VERSION_TABLE} SET version_num = '0001'")
    with pytest.raises(ErpRejected, match=r"made before 0\.1\.0: start anew.*vtex-erp migrate"):
        erp.check()
    erp.close()


def test_several_processes_may_migrate_at_once(
    journal: Journal, journal_url: str, next_release: Callable[..., None]
) -> None:
    next_release(INDEX)
    journals = [Journal(journal_url) for _ in range(3)]

    with ThreadPoolExecutor(3) as pool:
        # What fails in a thread is raised here.
        list(pool.map(lambda entry: entry.migrate(), journals))

    assert "schema 9002" in journal.check()
    for resource in journals:
        resource.close()


def test_a_migration_that_waits_for_a_long_transaction_lets_the_workers_through(
    postgres_database: str, next_release: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(postgres_database)
    journal.migrate()
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.2)
    next_release()
    with raw(postgres_database).connect() as long, ThreadPoolExecutor(1) as pool:
        long.execute(text("SELECT count(*) FROM journal_jobs"))
        migration = pool.submit(journal.migrate)
        eventually(lambda: said(postgres_database, WAITING), 20)

        worked = sum(journal.orders.record("acme", [NewOrder(f"o-{n}", None, 1)]) for n in range(5))

        assert (worked, migration.done()) == (5, False)
        long.rollback()
        migration.result(60)
    assert "schema 9001" in journal.check()
    journal.close()


WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"


def test_a_migration_that_gets_no_turn_says_who_is_in_the_way(
    postgres_database: str, next_release: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(postgres_database)
    journal.migrate()
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.05)
    monkeypatch.setattr(database, "LOCK_TRIES", 2)
    next_release()
    with raw(postgres_database).connect() as long:
        long.execute(text("SELECT count(*) FROM journal_jobs"))

        with pytest.raises(JournalError, match="pg_stat_activity"):
            journal.migrate()

    journal.migrate()
    assert "schema 9001" in journal.check()
    journal.close()


def test_an_index_is_built_while_a_transaction_that_wrote_is_open(
    postgres_database: str, next_release: Callable[..., None]
) -> None:
    next_release(INDEX)
    journal = Journal(postgres_database)
    journal.migrate()
    # What a try that was cut off leaves behind.
    said(postgres_database, "UPDATE journal_version SET version_num = '9001'")
    said(postgres_database, "DROP INDEX ix_next")
    said(postgres_database, "CREATE INDEX ix_next ON journal_jobs (state)")
    journal.orders.record("acme", [NewOrder("o-0", None, 1)])
    with raw(postgres_database).connect() as writer, ThreadPoolExecutor(1) as pool:
        writer.execute(text("UPDATE journal_jobs SET unfinished_starts = 0"))
        migration = pool.submit(journal.migrate)

        eventually(lambda: said(postgres_database, WAITING_FOR_IT), 20)
        worked = journal.orders.record("acme", [NewOrder("o-1", None, 1)])

        assert (worked, migration.done()) == (1, False)
        writer.rollback()
        migration.result(60)
    assert said(postgres_database, DEFINED) == [(True, "(channel, state)")]
    journal.close()


WAITING_FOR_IT = (
    "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%CONCURRENTLY%'"
)
DEFINED = (
    "SELECT indisvalid, substring(pg_get_indexdef(indexrelid) from '\\(.*') FROM pg_index "
    "WHERE indexrelid = 'ix_next'::regclass"
)


def test_the_erps_tables_are_migrated_beside_a_long_transaction_as_well(
    postgres_database: str, next_release: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    erp = SqlErp(postgres_database)
    erp.migrate()
    monkeypatch.setattr(sql_database, "LOCK_SECONDS", 0.05)
    monkeypatch.setattr(sql_database, "LOCK_TRIES", 2)
    next_release(package="erp", table="int_order")
    with raw(postgres_database).connect() as long:
        long.execute(text("SELECT count(*) FROM int_order"))

        with pytest.raises(ErpRejected, match="a long transaction"):
            erp.migrate()

    erp.migrate()
    assert "schema 9001" in erp.check()
    erp.close()
