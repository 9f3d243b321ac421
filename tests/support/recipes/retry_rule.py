"""An order that VTEX does not know is tried again, instead of a dead letter at once."""

from __future__ import annotations

from support.recipes.recipe import Recipe

RECIPE = Recipe(
    "Change the retry rule",
    {
        "tasks/retry_policy.py": [
            ("    OrderNotFound: _REFUSE,\n", "    OrderNotFound: _BACK_OFF,\n")
        ]
    },
    """
from support.order_flow import order_flow
from journal.orders import NewOrder

with order_flow("sqlite:///journal.db") as flow:
    flow.journal.orders.record("acme", [NewOrder("1268540501456-01", flow.clock(), 100)])
    flow.work()
    order = flow.journal.orders.get("acme", "1268540501456-01")

assert order.state == "open", order
assert "1268540501456-01" in order.last_error
""",
)
