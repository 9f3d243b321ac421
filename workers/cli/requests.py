"""Declare ``vtex-erp requests``: the ERP's requests, and requests by hand."""

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
    runs_action,
)

_FILE = click.option(
    "--file", type=INPUT, help="Read the fields from a JSON file (docs/messages.md). - is stdin."
)

_ANYWAY = click.option(
    "--anyway",
    is_flag=True,
    help="Send the invoice although a change of the order is under way. Every other check stays.",
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
@runs_action
def list_requests() -> None:
    """List requests, the oldest first."""


@requests.command("show")
@JOB
@AS_JSON
@runs_action
def show_request() -> None:
    """Show a request, by job number."""


@requests.command("retry")
@JOB
@_ANYWAY
@YES
@runs_action
def retry_request() -> None:
    """Retry a dead request now, by job number."""


@requests.command("discard")
@JOB
@DISCARD_REASON
@YES
@runs_action
def discard_request() -> None:
    """Discard a dead request, by job number.

    The workers never retry it.
    """


@requests.command("invoices")
@ORDER_ID
@STORE
@AS_JSON
@runs_action
def show_invoices() -> None:
    """Show an order's invoiced and open amounts."""


@requests.command("pending-cancellations")
@ONLY_STORE
@AS_JSON
@runs_action
def list_pending_cancellations() -> None:
    """List cancellations that the ERP must decide on.

    The most urgent stands first.
    """


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
@_ANYWAY
@DRY_RUN
@STORE
@runs_action
def send_invoice() -> None:
    """Send an invoice (nota fiscal) to VTEX.

    The invoice may cover the whole order or some items.
    """


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
@runs_action
def send_tracking() -> None:
    """Send a parcel's tracking to VTEX.

    Give tracking events by --file.
    """


@requests.command("cancel")
@ORDER_ID
@click.option("--reason", required=True, help="Reason. The shopper may read it.")
@DRY_RUN
@STORE
@runs_action
def request_cancellation() -> None:
    """Request VTEX to cancel an order.

    This also accepts a cancellation that is pending.
    """


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
@runs_action
def deny_cancellation() -> None:
    """Deny the pending cancellation of an order.

    To accept it, run: requests cancel.
    """
