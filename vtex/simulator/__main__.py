"""``python -m vtex.simulator``: a simulated VTEX store."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from dataclasses import fields

from vtex.simulator.config import Config

HELP = {
    "account": "account name",
    "app_key": "application key that it accepts",
    "app_token": "application token that it accepts",
    "host": "address to listen on",
    "port": "port to listen on; 0 takes a free one",
    "orders": "paid orders at the start",
    "seed": "the same seed makes the same orders",
    "index_lag": "seconds that the order list lags behind",
    "handling_delay": "seconds from start-handling to handling",
    "latency_ms": "milliseconds of each answer",
    "arrivals_per_minute": "new paid orders a minute",
    "quota": "calls a minute before it answers 429",
    "invoice_delay": "seconds from an invoice to the status that follows it",
    "cancel_delay": "seconds from cancel to canceled",
    "cancel_at_once": "the first request cancels an order in handling, instead of the second",
    "changed_items": "whether a changed order keeps its items: kept or dropped",
    "changes_form": "form of the list of changes: requests, list or bare",
    "refuses_zero_invoice": "refuse an invoice of 0 cents also for an order of 0 cents",
    "conflict_status": "what a conflict of start-handling answers: 409 or 400",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve a simulated store until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="vtex-erp simulator", description=__doc__)
    default = Config(port=8700, orders=30)
    for field in fields(Config):
        value = getattr(default, field.name)
        flag = f"--{field.name.replace('_', '-')}"
        if isinstance(value, bool):
            parser.add_argument(flag, action="store_true", help=HELP[field.name])
            continue
        kind = int if field.name == "quota" else type(value)
        parser.add_argument(
            flag, type=kind, default=value, help=f"{HELP[field.name]} (%(default)s)"
        )
    try:
        config = Config(**vars(parser.parse_args(arguments)))
        asyncio.run(_run(config))
    except ValueError as error:
        name, _, fault = str(error).partition(": ")
        parser.error(f"--{name.replace('_', '-')}: {fault}")
    except OSError as error:
        parser.error(f"cannot listen on {config.host}:{config.port}: {error.strerror}")


async def _run(config: Config) -> None:
    # Here, so that --help needs no server: the options are those of vtex-erp simulator too.
    from vtex.simulator.server import serve

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    await serve(config, lambda url, _: _announce(url), stop)


def _announce(url: str) -> None:
    sys.stdout.write(f"simulator ready on {url}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
