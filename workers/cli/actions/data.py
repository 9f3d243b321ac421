"""Run the commands of ``vtex-erp data``: purge old data, erase a customer's data (LGPD)."""

import dataclasses
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import click

from foundation.messages import commands as messages
from journal.journal import Journal
from journal.privacy.erasure import ErasedData
from journal.privacy.retention import PurgeCount, RetentionPolicy
from workers import wiring
from workers.cli.output import progress, show_json, with_progress
from workers.cli.session import confirmed, journal_only, known_order
from workers.configuration.settings import load

_NAMES = ("document", "cpf", "cnpj", "userprofileid")
"""Keys of VTEX's documents, in lower case, whose values name a customer."""

_SHORTEST = 8

# --- purge ----------------------------------------------------------------------------------------


def purge_data(
    *, documents_days: int | None, timeline_days: int | None, dry_run: bool, yes: bool
) -> None:
    """Delete old documents and timelines of closed orders from the journal."""
    settings = load()
    retention = wiring.retention(settings, documents_days, timeline_days)
    with journal_only(settings) as journal:
        old = sum(journal.retention.purge(retention, dry_run=True), PurgeCount())
        _show_old(old, retention)
        if dry_run or not old.any:
            return
        if yes or confirmed("delete them for good?"):
            _purge(journal, retention, old)


def _show_old(old: PurgeCount, retention: RetentionPolicy) -> None:
    documents, timeline = _age(retention.documents), _age(retention.timeline)
    click.echo(f"{old.documents:>9}  orders' documents, closed {documents}")
    click.echo(f"{old.request_bodies:>9}  contents of requests, ended {documents}")
    click.echo(f"{old.events:>9}  lines of timelines, closed {timeline}")
    if old.waits:
        click.echo(
            f"{old.waits:>9}  old documents stay: their orders are open, dead, or closed since; "
            "vtex-erp dead-letters list, vtex-erp orders list --state open"
        )


def _age(age: timedelta | None) -> str:
    return "at any time: kept for ever" if age is None else f"more than {age.days} days ago"


def _purge(journal: Journal, retention: RetentionPolicy, old: PurgeCount) -> None:
    done = PurgeCount()
    rows = old.documents + old.request_bodies + old.events
    try:
        with progress("purged") as show:
            for batch in journal.retention.purge(retention):
                done += batch
                show(done.documents + done.request_bodies + done.events, rows)
    finally:
        # Also after Ctrl-C: the next call takes the rest.
        click.echo(f"purged: {done}")


# --- erase ----------------------------------------------------------------------------------------


def erase_data(  # a parameter per option
    *,
    order_ids: tuple[str, ...],
    customer: bool,
    store: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Erase a customer's or some orders' data from the journal."""
    if customer == bool(order_ids):
        raise click.UsageError(messages.ORDERS_MISSING())
    if as_json and not (yes or dry_run):
        raise click.UsageError(messages.JSON_CANNOT_ASK(options="--yes or --dry-run"))
    with journal_only() as journal:
        if customer:
            orders = _of_customer(journal, store)
        else:
            rows = [known_order(journal, store, order_id) for order_id in order_ids]
            orders = [(row.store, row.order_id) for row in rows]
        erasures = [journal.erasure.erase(*order, dry_run=True) for order in orders]
        if not dry_run and any(erasure.any for erasure in erasures):
            if not yes:
                _show(erasures, "to erase")
                if not confirmed("erase it for good?"):
                    return
            erasures = [journal.erasure.erase(*order) for order in orders]
        _show(erasures, "to erase" if dry_run else "erased", as_json=as_json)
    if any(erasure.waits_for for erasure in erasures):
        raise SystemExit(1)


def _show(erasures: Sequence[ErasedData], word: str, *, as_json: bool = False) -> None:
    """Print which data of a customer's orders was erased, or would be, and which stays."""
    if as_json:
        show_json(
            [
                dataclasses.asdict(erasure) | {"erased": word == "erased" and erasure.any}
                for erasure in erasures
            ]
        )
        return
    for erasure in erasures:
        waits = ", ".join(erasure.waits_for)
        stays = f"stays, it is needed by: {waits}; vtex-erp orders show {erasure.order_id}"
        click.echo(
            f"{erasure.store} {erasure.order_id}: {stays if waits else f'{word}: {erasure}'}"
        )
    if held := [erasure.erp_reference for erasure in erasures if erasure.erp_reference]:
        click.echo(f"the ERP has its own data of them, as {', '.join(held)}: erase it there")
    if not erasures:
        click.echo("the journal has no document of this customer")


def _of_customer(journal: Journal, store: str | None) -> list[tuple[str, str]]:
    """Return the orders whose documents name a customer, for whom it prompts."""
    answer = click.prompt("CPF, CNPJ or userProfileId", err=True)
    wanted = _plain(answer)
    if "@" in answer or len(wanted) < _SHORTEST:
        raise click.UsageError(messages.NOT_A_CUSTOMER())
    length = journal.documents.count(store)
    return [
        (kept.store, kept.order_id)
        for kept in with_progress("documents", journal.documents.each(store), length)
        if wanted in _named(kept.order) or wanted in _named(kept.payment)
    ]


def _named(document: Any, name: str = "") -> Iterator[str]:
    """Yield the values that a document holds under names of a customer."""
    if isinstance(document, dict):
        if isinstance(document.get("name"), str) and isinstance(document.get("value"), str):
            # The gateway's transactions hold their fields as pairs.
            yield from _named(document["value"], document["name"])
        for key, value in document.items():
            yield from _named(value, key)
    elif isinstance(document, list):
        for value in document:
            yield from _named(value, name)
    elif isinstance(document, str | int) and any(part in name.lower() for part in _NAMES):
        yield _plain(str(document))


def _plain(text: str) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", text).upper()
