"""Run the migrations on the connection that ``SqlErp.migrate`` hands over."""

from alembic import context

from erp.adapters.sql.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=False,  # the caller owns the transaction
)
context.run_migrations()
