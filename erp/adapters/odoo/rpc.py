"""Odoo's two protocols behind one call: JSON-RPC (until 21) and JSON-2 (from 19 on).

JSON-RPC answers errors with HTTP 200 and an error object, JSON-2 with a status and the same
object; a method that returns nothing leaves ``result`` out. XML-RPC is of no use: it faults there,
after the commit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import requests

from erp.adapters.odoo.url import OdooAddress
from erp.adapters.shared.http_client import HttpAnswer, HttpClient
from erp.port import ErpRejected, ErpUnavailable
from foundation.redaction import one_line

MOST_WORDS = 300
JSON2_FROM = 19

REFUSALS = {
    "UserError",
    "ValidationError",
    "Warning",
    "RedirectWarning",
    "except_orm",
    "IntegrityError",
    "MissingError",
}
DENIALS = {"AccessDenied", "AccessError", "Unauthorized", "Forbidden"}
_COLLISION = re.compile(r"could not (serialize|obtain lock)|deadlock detected", re.IGNORECASE)
COLLISIONS = {"OperationalError", "SerializationFailure", "DeadlockDetected", "LockNotAvailable"}
_TRANSIENT = re.compile(
    r"could not (extend|write|open)|no space left"
    r"|canceling statement|connection .*(closed|terminat)|shutting down|read-only transaction",
    re.IGNORECASE,
)
"""Words of PostgreSQL, which Odoo hands on, ``load`` among those of broken rules."""

Row = dict[str, Any]
Domain = Sequence[Any]
CONTEXT: Mapping[str, Any] = {"lang": "en_US", "tz": "UTC"}
"""Odoo's words in the language of ours; times of ``load`` are of this zone."""

ONCE: Mapping[str, Any] = {
    "mode": "update",
    "noupdate": True,
    "tracking_disable": True,
    "mail_create_nosubscribe": True,
}
"""Context of ``load`` that leaves a record alone whose external id is there already."""


class OdooRefuses(ErpRejected):
    """Odoo understood and refuses; its words may name a customer."""


class OdooCollides(ErpUnavailable):
    """Another transaction was in the way more often than Odoo itself tries; nothing was done."""


class OdooClient:
    """An Odoo database over HTTP. Safe to use from several threads; connects at first use."""

    def __init__(self, where: OdooAddress) -> None:
        self._where = where
        self._http = HttpClient("Odoo", {"User-Agent": "vtex-erp-workers"})
        self._speaks_json2: bool | None = {"json2": True, "jsonrpc": False}.get(where.api)
        self._user: int | None = None
        self._fields: dict[str, Mapping[str, Row]] = {}

    @property
    def protocol(self) -> str:
        """``JSON-2`` or ``JSON-RPC``; asks Odoo for its version at first, where it may be both."""
        if self._speaks_json2 is None:
            self._speaks_json2 = self._is_new()
        return "JSON-2" if self._speaks_json2 else "JSON-RPC"

    def call(
        self,
        model: str,
        method: str,
        /,
        *,
        ids: Sequence[int] | None = None,
        context: Mapping[str, Any] | None = None,
        **named: Any,
    ) -> Any:
        """Call a method of a model, or of some of its records, by named arguments.

        Raises:
            OdooRefuses: it breaks a rule of Odoo's.
            ErpUnavailable: no usable answer, or the user lacks a right; it may have been done.
        """
        what = f"{model} {method}"
        named["context"] = {**CONTEXT, **(context or {})}
        if self.protocol == "JSON-2":
            body = named if ids is None else {"ids": list(ids), **named}
            return self._ask(f"json/2/{model}/{method}", body, what, is_json2=True)
        given = [] if ids is None else [list(ids)]
        where = self._where
        return self._rpc(
            "object",
            "execute_kw",
            [where.database, self._number(), where.key, model, method, given, named],
            what,
        )

    def search(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        order: str = "id",
        limit: int | None = None,
    ) -> list[Row]:
        """Return the records that a domain finds, each with ``id`` and the fields.

        Raises:
            ErpUnavailable: no usable answer, or this may not be read.
        """
        try:
            found = self.call(
                model,
                "search_read",
                domain=list(domain),
                fields=list(fields),
                order=order,
                limit=limit,
            )
        except OdooRefuses as error:
            raise ErpUnavailable(f"Odoo does not let {model} be searched: {error}") from None
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise ErpUnavailable(f"Odoo's answer about {model} is no list of records")
        return found

    def load(self, model: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
        """Make one record, with its lines, unless one of its external id is there; return it.

        Args:
            columns: the first is ``id``, the external id, given in the first row alone.

        Raises:
            OdooRefuses: it breaks a rule of Odoo's; nothing was made.
            ErpUnavailable: no usable answer, or trouble in the database; it may have been made.
        """
        answer = self.call(model, "load", context=ONCE, fields=list(columns), data=list(rows))
        if not isinstance(answer, dict):
            raise ErpUnavailable(f"Odoo's answer about {model} is none of load")
        if numbers := answer.get("ids"):
            return int(numbers[0])
        words = "; ".join(str(one.get("message")) for one in answer.get("messages") or ())
        if _COLLISION.search(words):
            raise OdooCollides(f"Odoo's transactions collide at {model}")
        if _TRANSIENT.search(words):
            raise ErpUnavailable(f"Odoo's database has trouble with {model}")
        raise OdooRefuses(f"Odoo refuses {model}: {one_line(words, MOST_WORDS)}")

    def fields(self, model: str) -> Mapping[str, Row]:
        """Return a model's fields, by which versions and modules differ. Raises as ``call``."""
        if model not in self._fields:
            self._fields[model] = self.call(model, "fields_get", attributes=["type", "relation"])
        return self._fields[model]

    def close(self) -> None:
        """Give back the connections of all threads."""
        self._http.close()

    def _is_new(self) -> bool:
        answer = self._rpc("common", "version", [], "version", or_none=True)
        if answer is None:
            return True
        found = re.search(r"\d+", str(answer.get("server_version_info", [""])[0]))
        return found is not None and int(found[0]) >= JSON2_FROM

    def _number(self) -> int:
        if self._user is None:
            where = self._where
            given = [where.database, where.user, where.key, {}]
            found = self._rpc("common", "authenticate", given, "authenticate")
            if not found:
                raise _denied("authenticate")
            self._user = int(found)
        return self._user

    def _rpc(
        self, service: str, method: str, given: list[Any], what: str, *, or_none: bool = False
    ) -> Any:
        params = {"service": service, "method": method, "args": given}
        body = {"jsonrpc": "2.0", "method": "call", "params": params, "id": 1}
        return self._ask("jsonrpc", body, what, is_json2=False, or_none=or_none)

    def _ask(
        self, path: str, body: Any, what: str, *, is_json2: bool, or_none: bool = False
    ) -> Any:
        answer = self._http.send(
            "POST",
            f"{self._where.base}/{path}",
            what,
            data=json.dumps(body),
            headers=self._headers(is_json2),
        )
        if or_none and answer.status == requests.codes.not_found:
            return None
        read = _of_json2 if is_json2 else _of_rpc
        return read(answer, what)

    def _headers(self, is_json2: bool) -> dict[str, str]:
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if is_json2:
            headers["Authorization"] = f"bearer {self._where.key}"
            headers["X-Odoo-Database"] = self._where.database
        return headers


def _of_json2(answer: HttpAnswer, what: str) -> Any:
    """Return what a method gave; its errors have a status and an object with a name."""
    status, found = answer.status, _parsed(answer)
    if status == requests.codes.ok and (found is not None or answer.text.strip() == "null"):
        return found
    if status != requests.codes.ok and isinstance(found, dict) and "name" in found:
        _raise(found, what)
    raise _unusable(status, what)


def _of_rpc(answer: HttpAnswer, what: str) -> Any:
    """Return what a method gave, None where it gave nothing; its errors come with HTTP 200."""
    status, found = answer.status, _parsed(answer)
    if status != requests.codes.ok or not isinstance(found, dict) or "jsonrpc" not in found:
        raise _unusable(status, what)
    if "error" in found:
        error = found["error"] if isinstance(found["error"], dict) else {}
        _raise(error.get("data") or error, what)
    return found.get("result")


def _parsed(answer: HttpAnswer) -> Any:
    try:
        return answer.json() if answer.body.strip() else None
    except ValueError:
        return None


def _unusable(status: int, what: str) -> ErpUnavailable:
    if status == requests.codes.unauthorized:
        return _denied(what)
    return ErpUnavailable(f"Odoo answered {status} at {what}, and not its JSON")


def _raise(error: Mapping[str, Any], what: str) -> None:
    """Raise what an error object means, by the name of its exception."""
    kind = str(error.get("name") or error.get("message") or "").rpartition(".")[2]
    if kind in REFUSALS:
        raise OdooRefuses(f"Odoo refuses {what}: {one_line(str(error.get('message')), MOST_WORDS)}")
    if kind in DENIALS:
        raise _denied(what)
    words = str(error.get("message"))
    # After its own retries Odoo 11 says that a cursor is closed, and not why.
    if _COLLISION.search(words) or (kind in COLLISIONS and not _TRANSIENT.search(words)):
        raise OdooCollides(f"Odoo's transactions collide at {what}")
    # Its words may hold values of the order; Odoo's log has them whole.
    name = re.sub(r"\W+", " ", kind)[:60]
    raise ErpUnavailable(f"Odoo failed at {what} ({name}): its log says why")


def _denied(what: str) -> ErpUnavailable:
    # No order is at fault: all wait until the key is mended.
    return ErpUnavailable(
        f"Odoo refuses the key or its rights at {what}: put a valid user and API key into ERP_URL, "
        "and give the user that right"
    )
