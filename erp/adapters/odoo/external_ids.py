"""What the workers make in Odoo, each under an external id, of which Odoo keeps one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from erp.adapters.odoo.rpc import OdooClient, OdooCollides, OdooRefuses
from erp.port import ErpUnavailable

MODULE = "__vtex__"
MOST_NAMES = 200
TRIES = 3


def name(*parts: str) -> str:
    """Return the external id of what some words name; others have another one.

    A dot would end the module's name, and Odoo takes no other sign for granted.
    """
    return "__".join(
        re.sub(r"[^A-Za-z0-9-]", lambda one: f"_{ord(one[0]):06x}", part) for part in parts
    )


def parts(named: str) -> list[str]:
    """Return the words that an external id names."""
    return [
        re.sub(r"_([0-9a-f]{6})", lambda one: chr(int(one[1], 16)), part)
        for part in named.split("__")
    ]


class Records:
    """Records by their external ids."""

    def __init__(self, odoo: OdooClient) -> None:
        self._odoo = odoo

    def numbers(self, model: str, names: Sequence[str]) -> dict[str, int]:
        """Return the ids of the records that are there, by their external ids.

        Raises:
            ErpUnavailable: no usable answer.
        """
        return {
            one["name"]: one["res_id"]
            for start in range(0, len(names), MOST_NAMES)
            for one in self._odoo.search(
                "ir.model.data",
                [
                    ["module", "=", MODULE],
                    ["model", "=", model],
                    ["name", "in", list(names[start : start + MOST_NAMES])],
                ],
                ("name", "res_id"),
            )
        }

    def names(self, model: str, numbers: Iterable[int]) -> dict[int, str]:
        """Return the external ids of those records that have one of ours. Raises as ``numbers``."""
        domain = [["module", "=", MODULE], ["model", "=", model], ["res_id", "in", list(numbers)]]
        found = self._odoo.search("ir.model.data", domain, ("name", "res_id"))
        return {one["res_id"]: one["name"] for one in found}

    def made(
        self,
        model: str,
        named: str,
        values: Mapping[str, str],
        lines: Sequence[Mapping[str, str]] = (),
    ) -> int:
        """Make a record with its lines unless it is there; return its id.

        Whoever races it, or comes after an answer that was lost, gets the same one, as it is: Odoo
        makes record and external id in one transaction, refuses a second external id, and in this
        mode leaves what is there alone, lines included.

        Args:
            values: by the columns of Odoo's import.
            lines: each by the columns, such as ``order_line/name``; all alike.

        Raises:
            OdooRefuses: it breaks a rule of Odoo's.
            ErpUnavailable: no usable answer; it may have been made.
        """
        first, *more = lines or ({},)
        columns = ["id", *values, *first]
        rows = [[f"{MODULE}.{named}", *values.values(), *first.values()]]
        rows += [["", *("" for _ in values), *one.values()] for one in more]
        for tries_left in reversed(range(TRIES)):
            try:
                return self._odoo.load(model, columns, rows)
            except (OdooRefuses, OdooCollides) as error:
                # The words for a second one are PostgreSQL's and translated: looking tells.
                if found := self.numbers(model, [named]).get(named):
                    return found
                if isinstance(error, OdooRefuses) or not tries_left:
                    raise
        raise AssertionError("the last try ends the loop")

    def gone(self, model: str, number: int) -> None:
        """Delete a record that may be gone already.

        Raises:
            ErpUnavailable: no usable answer.
        """
        try:
            self._odoo.call(model, "unlink", ids=[number])
        except OdooRefuses as error:
            if self._odoo.search(model, [["id", "=", number]], ("id",)):
                raise ErpUnavailable(f"{model} cannot be deleted: {error}") from None
