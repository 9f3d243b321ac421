"""Run the migrations on the connection that ``Database.migrate`` hands over."""

from alembic import context

from journal.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="journal_version",
    transactional_ddl=False,  # the caller owns the transaction
)
context.run_migrations()
