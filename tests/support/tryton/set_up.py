"""Give a fresh Tryton database what docs/erp/tryton.md asks for; run by Tryton's own Python.

    TRYTOND_CONFIG=trytond.conf python set_up.py DATABASE SHOP,SHOP CODE,CODE,...

Makes a company in reais with its accounts, a web shop for each store, a product for each code, the
user ``vtex`` whose key the workers use, and the user's key and a clerk's, which it prints as JSON.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
from decimal import Decimal
from typing import Any

from proteus import Model, config
from trytond.modules.account.tests.tools import create_chart, create_fiscalyear, get_accounts
from trytond.modules.account_invoice.tests.tools import set_fiscalyear_invoice_sequences
from trytond.modules.company.tests.tools import create_company, get_company

SERVICES = {
    "VTEX-FREIGHT": "Frete VTEX",
    "VTEX-DISCOUNT": "Descontos VTEX",
    "VTEX-OTHER": "Acréscimos VTEX",
}
GROUPS = ("Sales", "Party Administration", "Stock", "Accounting")


def company() -> Any:
    """Make the company, its chart of accounts and this year's fiscal year."""
    real = Model.get("currency.currency")(
        name="Real", symbol="R$", code="BRL", rounding=Decimal("0.01")
    )
    real.save()
    brazil = Model.get("country.country")(name="Brazil", code="BR", code3="BRA")
    brazil.save()
    subdivision = Model.get("country.subdivision")
    subdivision(name="São Paulo", code="BR-SP", type="state", country=brazil).save()
    party = Model.get("party.party")(name="Loja Exemplo Ltda")
    party.save()
    create_company(party=party, currency=real)
    create_chart()
    year = dt.datetime.now(dt.UTC).year
    whole = (dt.date(year, 1, 1), dt.date(year, 12, 31))
    set_fiscalyear_invoice_sequences(create_fiscalyear(today=whole)).click("create_period")
    return get_company()


def products(codes: list[str]) -> None:
    """Make a product for each code, with stock, and the services for freight and the like.

    A code may name the unit in which it is sold, as in ``KG-01:Kilogram``.
    """
    accounts = get_accounts()
    category = Model.get("product.category")(name="VTEX", accounting=True)
    category.account_expense, category.account_revenue = accounts["expense"], accounts["revenue"]
    category.save()
    units = {entry.name: entry for entry in Model.get("product.uom").find([])}
    unit = units["Unit"]
    # VTEX's multipliers have six decimals after weighing.
    kilogram = units["Kilogram"]
    kilogram.digits, kilogram.rounding = 6, 0.000001
    kilogram.save()
    made = []
    for named in codes:
        code, _, sold_by = named.partition(":")
        made.append(_product(code, code, "goods", units[sold_by or "Unit"], category))
    for code, name in SERVICES.items():
        _product(code, name, "service", unit, category)
    if made:
        (storage,) = Model.get("stock.location").find([("code", "=", "STO")])
        inventory = Model.get("stock.inventory")(location=storage)
        for value in made:
            line = inventory.lines.new(product=value)
            line.quantity, line.expected_quantity = 1_000_000.0, 0.0
        inventory.click("confirm")


def _product(code: str, name: str, kind: str, unit: Any, category: Any) -> Any:
    template = Model.get("product.template")(name=name, type=kind, salable=True)
    template.default_uom, template.account_category = unit, category
    template.list_price = Decimal(0)
    template.code = code
    template.save()
    return template.products[0]


def key(login: str, groups: tuple[str, ...], owner: Any) -> str:
    """Make a user and its key for the REST API."""
    user = Model.get("res.user")(name=login, login=login)
    group = Model.get("res.group")
    for name in groups:
        user.groups.append(group.find([("name", "=", name)])[0])
    user.companies.append(Model.get("company.company")(owner.id))
    user.company = Model.get("company.company")(owner.id)
    user.save()
    made = Model.get("res.user.application")(user=user, application="rest")
    made.save()
    return str(made.key)


def main(database: str, shops: str, codes: str) -> None:
    """Set all of it up."""
    config.set_trytond(database=database, config_file=os.environ["TRYTOND_CONFIG"])
    owner = company()
    products([part for part in codes.split(",") if part])
    (warehouse,) = Model.get("stock.location").find([("code", "=", "WH")])
    for name in shops.split(","):
        shop = Model.get("web.shop")(name=name, company=owner, currency=owner.currency)
        shop.warehouses.append(Model.get("stock.location")(warehouse.id))
        shop.save()
    clerk = (
        *GROUPS,
        "Stock Administration",
        "Stock Force Assignment",
        "Stock Cancellation",
        "Currency Administration",
    )
    print(json.dumps({"key": key("vtex", GROUPS, owner), "clerk": key("clerk", clerk, owner)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
