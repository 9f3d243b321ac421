"""The number of configured stores as a command."""

from __future__ import annotations

from support.recipes.recipe import Recipe

RECIPE = Recipe(
    "Add a command",
    {
        "workers/cli/stores.py": [
            (
                '@stores.command("pause")',
                '''@stores.command("count")
@runs_action
def count_stores() -> None:
    """Print the number of configured stores."""


@stores.command("pause")''',
            )
        ],
        "workers/cli/actions/stores.py": [
            (
                "def pause_store(",
                '''def count_stores() -> None:
    """Print the number of configured stores."""
    click.echo(len(load().stores))


def pause_store(''',
            )
        ],
    },
    """
import sys

from click.testing import CliRunner
from workers.cli.main import main

help_text = CliRunner().invoke(main, ["stores", "count", "--help"]).output
assert "Print the number of configured stores." in help_text
assert "workers.cli.actions.stores" not in sys.modules, "help imports the work"
store = {"VTEX_ACCOUNT": "acme", "VTEX_APP_KEY": "key", "VTEX_APP_TOKEN": "token"}
assert CliRunner(env=store).invoke(main, ["stores", "count"]).output == "1\\n"
""",
)
