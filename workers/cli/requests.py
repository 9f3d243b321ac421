"""Declare ``vtex-erp requests``: the ERP's requests, and requests by hand."""

from typing import Any

import click

from journal.model import State
from workers.cli.options import (
    AS_JSON,
    DISCARD_REASON,
    DRY_RUN,
    INPUT,
    JOB,
    NFE,
    OLDER_THAN,
    ONLY_STORE,
    ORDER_ID,
    STORE,
    YES,
    Line,
    Reais,
    limit,
)

_FILE = click.option(
    "--file", type=INPUT, help="Read the fields from a JSON file (docs/messages.md). - is stdin."
)


@click.group()
def requests() -> None:
    """List, send and retry requests of the ERP.

    Requests are invoices, tracking, cancellations, and denials of cancellations.
    """


@requests.command("list")
@ONLY_STORE
@click.option(
    "--state",
    type=click.Choice([state.value for state in State]),
    default=State.OPEN.value,
    show_default=True,
    help="Only requests in this state. An open one waits or runs, a dead one is a dead letter.",
)
@OLDER_THAN
@limit(100)
@AS_JSON
def list_requests(**options: Any) -> None:
    """List requests, the oldest first."""
    from workers.cli.actions import requests as actions

    actions.list_requests(**options)


@requests.command("show")
@JOB
@AS_JSON
def show_request(**options: Any) -> None:
    """Show a request, by job number."""
    from workers.cli.actions import requests as actions

    actions.show_request(**options)


@requests.command("retry")
@JOB
@YES
def retry_request(**options: Any) -> None:
    """Retry a dead request now, by job number."""
    from workers.cli.actions import requests as actions

    actions.retry_request(**options)


@requests.command("discard")
@JOB
@DISCARD_REASON
@YES
def discard_request(**options: Any) -> None:
    """Discard a dead request, by job number.

    The workers never retry it.
    """
    from workers.cli.actions import requests as actions

    actions.discard_request(**options)


@requests.command("invoices")
@ORDER_ID
@STORE
@AS_JSON
def show_invoices(**options: Any) -> None:
    """Show an order's invoiced and open amounts."""
    from workers.cli.actions import requests as actions

    actions.show_invoices(**options)


@requests.command("pending-cancellations")
@ONLY_STORE
@AS_JSON
def list_pending_cancellations(**options: Any) -> None:
    """List cancellations that the ERP must decide on.

    The most urgent stands first.
    """
    from workers.cli.actions import requests as actions

    actions.list_pending_cancellations(**options)


@requests.command("invoice")
@ORDER_ID
@click.option("--invoice-number", help="Number of the nota fiscal.")
@click.option(
    "--invoice-series", help="Series of the nota fiscal. Default: the series in the access key."
)
@click.option("--value", "value_cents", type=Reais(), help="Value with freight and tax.")
@click.option("--issued-at", help="Time with its offset: 2026-03-10T15:04:05-03:00.")
@click.option(
    "--type", type=click.Choice(["Output", "Input"]), help="Output is a sale, Input a return."
)
@click.option(
    "--item",
    "items",
    type=Line(),
    multiple=True,
    help="An invoiced item. You may repeat the option. Default: every open item.",
)
@click.option("--invoice-key", help="NF-e access key, 44 digits or letters.")
@click.option("--url", help="Address of the invoice.")
@click.option("--courier", help="Name of the carrier.")
@click.option("--tracking-number", help="The carrier's number of the parcel.")
@click.option("--tracking-url", help="Address of the parcel's tracking page.")
@_FILE
@click.option(
    "--nfe", type=NFE, help="An authorised NF-e (XML). It supplies the fields that you leave out."
)
@DRY_RUN
@STORE
def send_invoice(**options: Any) -> None:
    """Send an invoice (nota fiscal) to VTEX.

    The invoice may cover the whole order or some items.
    """
    from workers.cli.actions import requests as actions

    actions.send_invoice(**options)


@requests.command("track")
@ORDER_ID
@click.option("--invoice-number", help="Number of the parcel's invoice.")
@click.option("--invoice-series", help="Series of the parcel's invoice.")
@click.option("--tracking-number", help="The carrier's number of the parcel.")
@click.option("--tracking-url", help="Address of the parcel's tracking page.")
@click.option("--courier", help="Name of the carrier.")
@click.option("--dispatched-at", help="Time with its offset: 2026-03-11T09:00:00-03:00.")
@click.option("--delivered-at", help="Time of delivery. Marks the parcel as delivered.")
@_FILE
@DRY_RUN
@STORE
def send_tracking(**options: Any) -> None:
    """Send a parcel's tracking to VTEX.

    Give tracking events by --file.
    """
    from workers.cli.actions import requests as actions

    actions.send_tracking(**options)


@requests.command("cancel")
@ORDER_ID
@click.option("--reason", required=True, help="Reason. The shopper may read it.")
@DRY_RUN
@STORE
def request_cancellation(**options: Any) -> None:
    """Request VTEX to cancel an order.

    This also accepts a cancellation that is pending.
    """
    from workers.cli.actions import requests as actions

    actions.request_cancellation(**options)


@requests.command("deny")
@ORDER_ID
@click.option(
    "--reason", required=True, help="Reason. The marketplace and the shopper may read it."
)
@click.option(
    "--request", "request_id", help="Deny this request. The id is in pending-cancellations."
)
@DRY_RUN
@STORE
def deny_cancellation(**options: Any) -> None:
    """Deny the pending cancellation of an order.

    To accept it, run: requests cancel.
    """
    from workers.cli.actions import requests as actions

    actions.deny_cancellation(**options)
