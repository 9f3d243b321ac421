"""The time between two listings of a store with intake feed as a setting."""

from __future__ import annotations

from support.recipes.recipe import Recipe

RECIPE = Recipe(
    "Add a setting",
    {
        "workers/configuration/settings.py": [
            (
                "    feed_interval_seconds: float = setting(",
                """    order_list_feed_interval_seconds: float = setting(
        86_400.0, "43200", "Seconds between two listings of a store of intake feed.",
        validate=within(60, 86_400),
    )
    feed_interval_seconds: float = setting(""",
            )
        ],
        "workers/wiring.py": [
            ('"feed": FEED_ALONE_SECONDS', '"feed": settings.order_list_feed_interval_seconds')
        ],
        "docs/configuration.md": [
            (
                "| `FEED_INTERVAL_SECONDS`",
                "| `ORDER_LIST_FEED_INTERVAL_SECONDS` | `86400` | Seconds between two listings of a "
                "store of intake feed. | `43200` |\n| `FEED_INTERVAL_SECONDS`",
            )
        ],
    },
    """
from datetime import timedelta
from pathlib import Path

from support import settings_page
from workers import wiring
from workers.configuration.settings import SettingsError, load

store = {"VTEX_ACCOUNT": "acme", "VTEX_APP_KEY": "key", "VTEX_APP_TOKEN": "token"}
environ = store | {"VTEX_INTAKE": "feed", "ORDER_LIST_FEED_INTERVAL_SECONDS": "3600"}
assert wiring.list_intervals(load(environ)) == {"acme": timedelta(hours=1)}
try:
    load(environ | {"ORDER_LIST_FEED_INTERVAL_SECONDS": "0"})
except SettingsError as error:
    assert "ORDER_LIST_FEED_INTERVAL_SECONDS: '0' must be from 60 to 86400" in error.message
else:
    raise AssertionError("0 is accepted")
settings_page.PAGE = Path("docs/configuration.md")
assert settings_page.tables_of_page() == settings_page.tables()
""",
)
