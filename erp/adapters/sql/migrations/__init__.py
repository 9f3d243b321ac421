"""Alembic migrations of the integration tables."""
