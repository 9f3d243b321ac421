"""Tryton's records in memory, as far as a new sale reads and writes them."""

import itertools
from collections.abc import Sequence
from typing import Any

from erp.adapters.tryton.rest_client import Row


class Tryton:
    """A stand-in for ``TrytonClient``. It has one shop, every product, and no customers.

    Attributes:
        created: the values of each record by model, in their order.
    """

    def __init__(self, total: Any) -> None:
        self._total = total
        self._numbers = itertools.count(1)
        self.created: list[tuple[str, Row]] = []

    def search(self, model: str, domain: list[Any], *_: Any, **__: Any) -> list[Row]:
        if model == "web.shop":
            return [{"id": 1, "company": 1, "currency": {"id": 1, "code": "BRL"}}]
        if model == "product.product":
            unit = {"id": 1, "digits": 6}
            return [{"id": 1, "code": code, "sale_uom": unit} for code in domain[-1][-1]]
        return []

    def create(self, model: str, values: Row, fields: Sequence[str], company: Any) -> Row:
        self.created.append((model, values))
        made: Row = {"id": next(self._numbers)}
        if model == "party.party":
            rows = values["addresses"][0][1]
            return made | {"addresses": [row | {"id": next(self._numbers)} for row in rows]}
        return made | {"state": "confirmed", "number": "1", "total_amount": self._total}

    def values(self, model: str) -> Row:
        """Return the values of the only record of a model."""
        (values,) = [values for name, values in self.created if name == model]
        return values
