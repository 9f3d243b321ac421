"""The host name of an order as a column of `int_order`."""

from __future__ import annotations

from support.recipes.recipe import Recipe

RECIPE = Recipe(
    "Add a field to the ERP tables",
    {
        "vtex/documents.py": [
            (
                "    origin: str | None = None\n",
                "    origin: str | None = None\n    host: str | None = None\n",
            )
        ],
        "vtex/schemas/orders.py": [
            (
                "    origin = TextField()\n",
                '    origin = TextField()\n    host = TextField(data_key="hostname")\n',
            )
        ],
        "erp/sales_order.py": [
            (
                "    origin: str | None = None\n",
                "    origin: str | None = None\n    host: str | None = None\n",
            )
        ],
        "erp/mapping/sales_orders.py": [
            (
                "        origin=order.origin,\n",
                "        origin=order.origin,\n        host=order.host,\n",
            )
        ],
        "erp/adapters/sql/tables.py": [
            (
                '    Column("origin", String(32)),\n',
                '    Column("origin", String(32)),\n    Column("host", String(64)),\n',
            )
        ],
        "erp/adapters/sql/migrations/versions/0101_host.py": '''"""The host name of an order."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0101", "0100"


def upgrade() -> None:
    """Add the column."""
    op.add_column("int_order", sa.Column("host", sa.String(64)))
''',
        "docs/erp-tables.md": [
            (
                "| `order_group` | VARCHAR(64) | equal for all orders of one cart |\n",
                "| `order_group` | VARCHAR(64) | equal for all orders of one cart |\n| `host` | VARCHAR(64) | host name of the shop |\n",
            )
        ],
    },
    """
import json
import sqlite3

from erp.adapters.sql.adapter import SqlErp
from erp.mapping.sales_orders import LENIENT
from tasks.intake.orders import sales_order
from support.recipes.recipe import run_tests
from tests.unit.erp import test_erp_tables
from vtex.schemas import read_order
from vtex.simulator.config import Config
from vtex.simulator.state import Store

store = Store(Config())
(order_id,) = store.generate(1, "ready-for-handling", "plain")
document = json.loads(store.document(store.entry(order_id))) | {"hostname": "loja"}
erp = SqlErp("sqlite:///erp.db")
erp.migrate()
erp.insert(sales_order("acme", read_order(document), None, proof=LENIENT))

assert sqlite3.connect("erp.db").execute("SELECT host FROM int_order").fetchall() == [("loja",)]
run_tests(test_erp_tables, "column")
""",
)
