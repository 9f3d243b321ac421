"""The command that erases one customer's data (LGPD)."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import click

from journal.journal import Journal
from journal.privacy.erasure import ErasedData
from workers import log, wiring
from workers.cli import output as views
from workers.cli.actions.choice import AS_JSON, OrderId, agreed, known
from workers.configuration.settings import load

_NAMES = ("document", "cpf", "cnpj", "userprofileid")
"""What keys of VTEX's documents hold that names a customer, in lower case."""

_SHORTEST = 8


@click.command()
@click.argument("order_ids", nargs=-1, type=OrderId(), metavar="[ORDER_ID]...")
@click.option(
    "--customer",
    is_flag=True,
    help="Look for all orders of a customer; asks for CPF, CNPJ or VTEX's userProfileId, "
    "which do not belong on a command line.",
)
@click.option("--store", metavar="ACCOUNT", help="Without it: in all stores.")
@click.option("--dry-run", is_flag=True, help="Show what there is; erase nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@AS_JSON
def erase(
    order_ids: tuple[str, ...],
    *,
    customer: bool,
    store: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Erase what the journal has of a customer, or of some orders.

    Gone are VTEX's documents and what requests asked for, NF-e included; the timeline says so.
    The orders stay known by their ids, so that nothing is done twice. What is open or dead keeps
    its data until it has ended: the exit status is 1 then. The ERP's tables are not touched.
    """
    if customer == bool(order_ids):
        raise click.UsageError("give order ids, or --customer")
    if as_json and not (yes or dry_run):
        raise click.UsageError("--json asks nobody: add --yes or --dry-run")
    log.set_up("WARNING")
    journal = wiring.journal(load())
    try:
        named = (
            _of_customer(journal, store)
            if customer
            else [
                (one.store, one.order_id) for one in (known(journal, store, o) for o in order_ids)
            ]
        )
        found = [journal.erasure.erase(*one, dry_run=True) for one in named]
        if not dry_run and any(one.any for one in found):
            if not yes:
                _show(found, "to erase")
                if not agreed("erase it for good?"):
                    return
            found = [journal.erasure.erase(*one) for one in named]
        _show(found, "to erase" if dry_run else "erased", as_json=as_json)
    finally:
        journal.close()
    if any(one.waits_for for one in found):
        raise SystemExit(1)


COMMANDS = (erase,)


def _show(found: Sequence[ErasedData], word: str, *, as_json: bool = False) -> None:
    """Print what of a customer's orders was erased, or would be, and what stays."""
    if as_json:
        views.show_json(
            [dataclasses.asdict(one) | {"erased": word == "erased" and one.any} for one in found]
        )
        return
    for one in found:
        waits = ", ".join(one.waits_for)
        stays = f"stays, it is needed by: {waits}; vtex-erp order {one.order_id}"
        click.echo(f"{one.store} {one.order_id}: {stays if waits else f'{word}: {one}'}")
    held = [one.erp_reference for one in found if one.erp_reference]
    if held:
        click.echo(f"the ERP has its own data of them, as {', '.join(held)}: erase it there")
    if not found:
        click.echo("the journal has no document that names them")


def _of_customer(journal: Journal, store: str | None) -> list[tuple[str, str]]:
    """Return the orders whose documents name a customer, who is asked for."""
    answer = click.prompt("CPF, CNPJ or userProfileId", err=True)
    wanted = _plain(answer)
    if "@" in answer or len(wanted) < _SHORTEST:
        raise click.UsageError(
            "that is no CPF, CNPJ or userProfileId; an e-mail finds nobody, since VTEX's orders "
            "hold an alias in its place"
        )
    length = journal.documents.count(store)
    found = []
    with click.progressbar(
        journal.documents.each(store), length=length, label="documents", file=sys.stderr
    ) as all_of_them:
        for one in all_of_them:
            if wanted in _named(one.order) or wanted in _named(one.payment):
                found.append((one.store, one.order_id))
    return found


def _named(document: Any, name: str = "") -> Iterator[str]:
    """Yield what a document holds under names that tell of a customer."""
    if isinstance(document, dict):
        if isinstance(document.get("name"), str) and isinstance(document.get("value"), str):
            # The gateway's transactions hold their fields as pairs.
            yield from _named(document["value"], document["name"])
        for key, value in document.items():
            yield from _named(value, key)
    elif isinstance(document, list):
        for value in document:
            yield from _named(value, name)
    elif isinstance(document, str | int) and any(one in name.lower() for one in _NAMES):
        yield _plain(str(document))


def _plain(text: str) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", text).upper()
