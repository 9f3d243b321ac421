"""Records that the workers create in Odoo, each under a unique external id."""

import re
from collections.abc import Iterable, Mapping, Sequence

from erp.adapters.odoo.rpc import OdooClient, OdooCollides, OdooRefuses
from erp.port import ErpUnavailable
from foundation.messages import erp as messages

MODULE = "__vtex__"
MOST_NAMES = 200
TRIES = 3


def name(*parts: str) -> str:
    """Return a unique external id for some words.

    A dot would end the module's name, and Odoo allows few other characters.
    """
    return "__".join(
        re.sub(r"[^A-Za-z0-9-]", lambda match: f"_{ord(match[0]):06x}", part) for part in parts
    )


def parts(named: str) -> list[str]:
    """Return the words of an external id."""
    return [
        re.sub(r"_([0-9a-f]{6})", lambda match: chr(int(match[1], 16)), part)
        for part in named.split("__")
    ]


class Records:
    """Reads and creates records by their external ids."""

    def __init__(self, odoo: OdooClient) -> None:
        self._odoo = odoo

    def numbers(self, model: str, names: Sequence[str]) -> dict[str, int]:
        """Return the ids of existing records, by their external ids.

        Raises:
            ErpUnavailable: the answer is missing or unusable.
        """
        return {
            row["name"]: row["res_id"]
            for start in range(0, len(names), MOST_NAMES)
            for row in self._odoo.search(
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
        """Return our external ids of records that have one. Raises as ``numbers``."""
        domain = [["module", "=", MODULE], ["model", "=", model], ["res_id", "in", list(numbers)]]
        rows = self._odoo.search("ir.model.data", domain, ("name", "res_id"))
        return {row["res_id"]: row["name"] for row in rows}

    def made(
        self,
        model: str,
        named: str,
        values: Mapping[str, str],
        lines: Sequence[Mapping[str, str]] = (),
    ) -> int:
        """Create a record with its lines unless it exists. Return its id.

        A racing caller, or one after a lost answer, gets the same record unchanged. Odoo creates
        record and external id in one transaction and refuses a second external id. In this mode
        it leaves an existing record and its lines alone.

        Args:
            values: values by the columns of Odoo's import.
            lines: values of each line by columns such as ``order_line/name``, all alike.

        Raises:
            OdooRefuses: the record breaks a rule of Odoo.
            ErpUnavailable: the answer is missing or unusable. The record may exist.
        """
        first, *more = lines or ({},)
        columns = ["id", *values, *first]
        rows = [[f"{MODULE}.{named}", *values.values(), *first.values()]]
        rows += [["", *("" for _ in values), *line.values()] for line in more]
        for tries_left in reversed(range(TRIES)):
            try:
                return self._odoo.load(model, columns, rows)
            except (OdooRefuses, OdooCollides) as error:
                # The error of a duplicate is PostgreSQL's, translated. Read the record instead.
                if number := self.numbers(model, [named]).get(named):
                    return number
                if isinstance(error, OdooRefuses) or not tries_left:
                    raise
        raise AssertionError("the last try ends the loop")

    def gone(self, model: str, number: int) -> None:
        """Delete a record that may be gone already.

        Raises:
            ErpUnavailable: the answer is missing or unusable.
        """
        try:
            self._odoo.call(model, "unlink", ids=[number])
        except OdooRefuses as error:
            if self._odoo.search(model, [["id", "=", number]], ("id",)):
                raise ErpUnavailable(
                    messages.ODOO_DELETE_DENIED(model=model, error=error)
                ) from None
