"""Run the migrations on the connection that ``Database.migrate`` hands over.

In its transaction where it has one (SQLite), else each revision in one of its own (PostgreSQL):
locks are held for one change, and what was done stays done.
"""

from alembic import context

from journal.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="journal_version",
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
