"""Alembic migrations of the journal, for SQLite and PostgreSQL alike."""
