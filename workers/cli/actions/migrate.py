"""Run ``vtex-erp migrate``."""

from contextlib import closing

import click

from workers import wiring
from workers.cli.session import journal_only
from workers.configuration.settings import load


def migrate() -> None:
    """Create or update the tables of the journal and of the ERP adapter."""
    settings = load()
    with journal_only(settings) as journal, closing(wiring.erp(settings.erp_url)) as erp:
        journal.migrate()
        click.echo(f"journal: {journal.check()}")
        erp.migrate()
        click.echo(f"ERP: {erp.check()}")
