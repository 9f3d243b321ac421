"""The example adapter as one that ships."""

from __future__ import annotations

from support.recipes.recipe import Recipe
from support.servers import ROOT

EXAMPLE = ROOT / "examples" / "my_erp"

RECIPE = Recipe(
    "Add an ERP",
    {
        "erp/adapters/my_erp/__init__.py": '"""My ERP."""\n',
        "erp/adapters/my_erp/adapter.py": (EXAMPLE / "my_erp.py").read_text(encoding="utf-8"),
        "pyproject.toml": [
            (
                'rest = "erp.adapters.rest.adapter:RestErp"\n',
                'rest = "erp.adapters.rest.adapter:RestErp"\n'
                'my-erp = "erp.adapters.my_erp.adapter:MyErp"\n',
            )
        ],
        "tests/contract/test_my_erp.py": (EXAMPLE / "test_my_erp.py")
        .read_text(encoding="utf-8")
        .replace("from my_erp import", "from erp.adapters.my_erp.adapter import"),
        "docs/erp/my-erp.md": "# My ERP\n\n`ERP_URL=my-erp://erp.internal:8080`\n",
        "README.md": [
            (
                "| [docs/erp/odoo.md]",
                "| [docs/erp/my-erp.md](docs/erp/my-erp.md) | your ERP is My ERP |\n| [docs/erp/odoo.md]",
            )
        ],
    },
    """
import sys
import tomllib
from contextlib import closing
from pathlib import Path

# Installing writes this file from pyproject.toml.
adapters = tomllib.loads(Path("pyproject.toml").read_text())["project"]["entry-points"]
lines = [f"{name} = {place}" for name, place in adapters["vtex_erp.adapters"].items()]
info = Path("vtex_erp_workers-0.dist-info")
info.mkdir()
(info / "METADATA").write_text("Metadata-Version: 2.1\\nName: vtex-erp-workers\\nVersion: 0\\n")
(info / "entry_points.txt").write_text("\\n".join(["[vtex_erp.adapters]", *lines]))

from tests.contract import test_my_erp
from erp.conformance.checks import sample
from workers import wiring

with closing(test_my_erp.Harness()) as harness:
    erp = wiring.erp(harness.url)
    order = sample()
    assert erp.insert(order) == erp.insert(order) == erp.find(order.store, order.order_id)
    assert harness.orders(order.order_id) == 1
""",
)
