"""Declare the command line ``vtex-erp``, with its single commands and all groups.

A command imports its function from ``workers.cli.actions`` only when it runs, so that help answers
at once.

Exit status 0: done. Exit status 1: the answer is no, as for a failed check or an unknown order.
Exit status 2: the call or the settings are wrong.
"""

from typing import Any

import click

from workers.cli import (
    alerts,
    codes,
    data,
    dead_letters,
    feed,
    observations,
    orders,
    requests,
    stores,
)
from workers.cli.options import AS_JSON, ONLY_STORE, YES, placed_between, runs_action_in

_PASS_ON: dict[str, Any] = {"ignore_unknown_options": True}


class _Group(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and show an error as one line without a traceback."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except Exception as error:
            from workers.cli.failures import in_a_line

            raise click.ClickException(in_a_line(error)) from error


@click.group(cls=_Group)
@click.version_option(package_name="vtex-erp-workers")
def main() -> None:
    """Move the paid orders of VTEX stores into the ERP, and show where each order stands.

    To try it without any configuration, run: demo. To start with your own store, set the variables
    of .env.example and run: migrate, check, orders sync. To follow an order, run: orders show.
    """


@main.command()
@AS_JSON
@runs_action_in("check")
def check() -> None:
    """Check everything that can stop orders.

    Each line names the fix. Checks settings, broker, clock, beat, journal, ERP, and each permission
    of each store's key. It only reads. Exit status: 0 all is well, 1 a fault, 2 invalid settings.
    """


@main.command()
@ONLY_STORE
@placed_between(required=False)
@click.option(
    "--fix", is_flag=True, help="Fix the findings that are safe to fix, after you confirm."
)
@YES
@AS_JSON
@runs_action_in("reconcile")
def reconcile() -> None:
    """Compare VTEX's orders with the journal and the ERP.

    Compares the last 7 days, or a range of dates. Reads every order of VTEX's list, with calls of
    the lowest priority. Exit status: 0 without findings, 1 findings are left.
    """


@main.command()
@runs_action_in("migrate")
def migrate() -> None:
    """Create or update the tables.

    These are the tables of the journal and those of the ERP adapter.
    """


@main.command("metrics")
@click.option(
    "--port", type=click.IntRange(1, 65_535), help="Port. Default: METRICS_PORT, else 9540."
)
@click.option("--address", help="Address. Default: METRICS_ADDRESS, else 127.0.0.1.")
@runs_action_in("metrics")
def serve_metrics() -> None:
    """Serve the cluster's metrics to Prometheus.

    One such process is enough for a cluster. Flower serves the same metrics (docs/metrics.md).
    """


@main.command("flower", context_settings=_PASS_ON)
@click.option("--port", type=click.IntRange(1, 65_535), help="Port. Default: 5555.")
@click.option("--address", help="Address. Default: FLOWER_ADDRESS, else 127.0.0.1.")
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[FLOWER_OPTIONS]...")
@runs_action_in("flower")
def start_flower() -> None:
    """Start Flower, the dashboard.

    It asks for a password, and listens on this machine only. Set user and password in
    FLOWER_BASIC_AUTH. Without it, Flower makes a password and prints it. You may add any option of
    Flower's own (docs/flower.md).
    """


@main.command()
@click.option(
    "--once", is_flag=True, help="Stop after the first batch of orders. Default: run until Ctrl-C."
)
@click.option(
    "--orders", default=40, show_default=True, help="Number of orders in the first batch."
)
@click.option("--folder", default="var/demo", show_default=True, help="Folder of the demo's files.")
def demo(**options: Any) -> None:
    """Run a whole cluster with a simulated store."""
    from workers.cli.demo import cluster

    raise SystemExit(cluster.run(**options))


@main.command(context_settings=_PASS_ON | {"help_option_names": []})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def simulator(options: tuple[str, ...]) -> None:
    """Serve a simulated VTEX store."""
    from vtex.simulator.__main__ import main as serve

    serve(list(options))


for group in (
    orders.orders,
    requests.requests,
    dead_letters.dead_letters,
    stores.stores,
    observations.observations,
    alerts.alerts,
    feed.feed,
    codes.codes,
    data.data,
):
    main.add_command(group)


if __name__ == "__main__":
    main()
