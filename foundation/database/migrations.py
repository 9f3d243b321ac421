"""Migrations: the revision of the tables, and the way to the newest one."""

from __future__ import annotations

from dataclasses import dataclass

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from foundation.messages import database as messages


class SchemaError(Exception):
    """The tables are missing, old, or from before the first release."""


@dataclass(frozen=True, slots=True)
class Migrations:
    """The revisions of one set of tables.

    Attributes:
        location: package and folder of the revisions, as in ``journal:migrations``.
        version_table: holds the revision of the tables.
        tables: names them in messages, as in ``journal_*``.
    """

    location: str
    version_table: str
    tables: str

    def check(self, db: Connection) -> str:
        """Return the database, its version and the revision of its tables.

        Raises:
            SchemaError: the tables are missing or old.
        """
        version = ".".join(str(part) for part in db.dialect.server_version_info or ())
        current, head, newer = self._revisions(db)
        if newer:
            return (
                f"{db.dialect.name} {version}, schema {current}, newer than {head}, which this "
                "version knows: fine while the new version is rolled out, or after a step back"
            )
        if current != head:
            raise SchemaError(messages.OTHER_REVISION(current=current or "nothing", head=head))
        return f"{db.dialect.name} {version}, schema {current}"

    def upgrade(self, db: Connection) -> None:
        """Bring the tables to the newest revision. Newer tables stay as they are.

        Outside a transaction each revision runs in a transaction of its own.

        Raises:
            SchemaError: the tables were made before the first release.
        """
        outside = db.in_transaction()
        newer = self._revisions(db)[2]
        if not outside:
            db.rollback()  # the reading above began a transaction
        if newer:
            return
        config = self.config()
        config.attributes["connection"] = db
        command.upgrade(config, "head")

    def config(self) -> Config:
        """Return Alembic's configuration."""
        config = Config()
        config.set_main_option("script_location", self.location)
        return config

    def _revisions(self, db: Connection) -> tuple[str | None, str | None, bool]:
        """Return the tables' revision, the newest known one, and whether the tables are newer.

        Revisions are never removed since 0.1.0, so an unknown one is newer.
        """
        scripts = ScriptDirectory.from_config(self.config())
        context = MigrationContext.configure(db, opts={"version_table": self.version_table})
        current = context.get_current_revision()
        known = {script.revision for script in scripts.walk_revisions()}
        if current is not None and current < min(known):
            raise SchemaError(messages.TABLES_TOO_OLD(revision=current, tables=self.tables))
        return current, scripts.get_current_head(), current is not None and current not in known
