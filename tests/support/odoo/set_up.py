"""Sets up an empty Odoo 11 for the tests: Brazilian money, goods, a store's team, the worker's user.

Args: the URL of the server, database, codes. Runs outside Odoo, over JSON-RPC.
"""

from __future__ import annotations

from typing import Any

import requests

GROUPS = (
    "base.group_user",
    "base.group_partner_manager",
    "sales_team.group_sale_manager",
    "stock.group_stock_user",
    "account.group_account_invoice",
)


class Admin:
    """Someone who may do all in an Odoo."""

    def __init__(self, base: str, database: str) -> None:
        self._url, self._database = f"{base}/jsonrpc", database

    def call(self, model: str, method: str, *args: Any, **named: Any) -> Any:
        params = {
            "service": "object",
            "method": "execute_kw",
            "args": [self._database, 1, "admin", model, method, list(args), named],
        }
        body = {"jsonrpc": "2.0", "id": 1, "params": params}
        answer = requests.post(self._url, json=body, timeout=300).json()
        assert "error" not in answer, answer["error"]["data"]["debug"][-1500:]
        return answer.get("result")

    def find(self, model: str, *domain: Any, **context: Any) -> list[int]:
        found: list[int] = self.call(model, "search", list(domain), context=context)
        return found


def set_up(admin: Admin, codes: list[str]) -> None:
    (real,) = admin.find("res.currency", ["name", "=", "BRL"], active_test=False)
    admin.call("res.currency", "write", [real], {"active": True})
    admin.call("res.company", "write", [1], {"currency_id": real})
    admin.call("product.pricelist", "write", admin.find("product.pricelist"), {"currency_id": real})
    for code in codes:
        admin.call(
            "product.product",
            "create",
            {
                "name": code,
                "default_code": code,
                "type": "consu",
                "invoice_policy": "order",
                "taxes_id": [[6, 0, []]],
            },
        )
    admin.call("crm.team", "create", {"name": "acme"})
    groups = [admin.call("ir.model.data", "xmlid_to_res_id", group) for group in GROUPS]
    admin.call(
        "res.users",
        "create",
        {
            "name": "vtex",
            "login": "vtex",
            "password": "key",
            "email": "vtex@example.com",
            "groups_id": [[6, 0, groups]],
        },
    )
