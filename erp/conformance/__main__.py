"""Check an adapter: ``python -m erp.conformance ERP_URL --harness module:Class``."""

import importlib
import sys
import traceback
from collections.abc import Callable
from contextlib import closing
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click

from erp.conformance import ALL, Harness, NotOffered
from erp.port import Erp

GROUP = "vtex_erp.adapters"


class AdapterOnly:
    """A harness without abilities. It only makes the adapter."""

    def __init__(self, url: str) -> None:
        name = url.partition(":")[0].partition("+")[0]
        installed = {entry.name: entry for entry in entry_points(group=GROUP)}
        if name not in installed:
            known = ", ".join(sorted(installed))
            raise click.UsageError(f"no adapter {name} is installed ({known})")
        make: Callable[[str], Erp] = installed[name].load()
        self.erp, self.url = make(url), url

    def close(self) -> None:
        """Close the connections."""
        self.erp.close()


def _harness_class(named: str | None) -> Callable[[str], Any]:
    if named is None:
        return AdapterOnly
    module, _, name = named.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        made: Callable[[str], Any] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise click.UsageError(f"--harness {named} must be module:Class: {error}") from None
    return made


def _run(check: Callable[[Harness], None], make: Callable[[str], Any], url: str) -> None:
    with closing(make(url)) as harness:
        harness.erp.migrate()
        check(harness)


@click.command(name="python -m erp.conformance")
@click.argument("erp_url")
@click.option("--harness", metavar="MODULE:CLASS", help="The ERP's own side; made with the URL.")
@click.option("--only", default="", metavar="WORDS", help="Checks whose name holds this.")
@click.option("--verbose", is_flag=True, help="Tracebacks of what failed.")
def main(erp_url: str, harness: str | None, only: str, verbose: bool) -> None:
    """Check an adapter against the rules of the port.

    ERP_URL names an ERP for tests: the checks write hundreds of orders to it. Checks that the
    harness cannot run are skipped with a reason. Exits 1 if a check failed, else 0.
    """
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    make = _harness_class(harness)
    for check in ALL:
        if only in check.__name__:
            counts[_outcome(check.__name__, partial(_run, check, make, erp_url), verbose)] += 1
    click.echo(", ".join(f"{count} {word}" for word, count in counts.items()))
    if counts["failed"] or not counts["passed"]:
        raise SystemExit(1)


def _outcome(name: str, run: Callable[[], None], verbose: bool) -> str:
    words = name.replace("_", " ")
    try:
        run()
    except NotOffered as reason:
        click.echo(f"skipped  {words}: {reason}")
        return "skipped"
    except click.UsageError:
        raise
    except Exception as error:
        click.echo(f"FAILED   {words}: {type(error).__name__}: {error}")
        if verbose:
            click.echo(traceback.format_exc())
        return "failed"
    click.echo(f"passed   {words}")
    return "passed"


if __name__ == "__main__":
    main()
