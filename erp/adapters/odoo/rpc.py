"""Odoo's two protocols behind one call: JSON-RPC (until 21) and JSON-2 (from 19 on).

JSON-RPC answers errors with HTTP 200 and an error object, JSON-2 with a status and the same
object. A method without a result leaves ``result`` out. XML-RPC would fail there, after the commit.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import requests

from erp.adapters.odoo.url import OdooAddress
from erp.adapters.shared.http_client import HttpAnswer, HttpClient
from erp.port import ErpRejected, ErpUnavailable
from foundation.messages import erp as messages
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
"""PostgreSQL's texts for collisions. Odoo passes them on like broken rules."""

Row = dict[str, Any]
Domain = Sequence[Any]
CONTEXT: Mapping[str, Any] = {"lang": "en_US", "tz": "UTC"}
"""Language of Odoo's texts, and zone of the times of ``load``."""

ONCE: Mapping[str, Any] = {
    "mode": "update",
    "noupdate": True,
    "tracking_disable": True,
    "mail_create_nosubscribe": True,
}
"""Context in which ``load`` leaves a record with an existing external id alone."""


class OdooRefuses(ErpRejected):
    """Odoo refuses the call. Its text may name a customer."""


class OdooCollides(ErpUnavailable):
    """Concurrent transactions used up Odoo's own retries. The call had no effect."""


class OdooClient:
    """An Odoo database over HTTP. Threads may share it. It connects at first use."""

    def __init__(self, where: OdooAddress) -> None:
        self._where = where
        self._http = HttpClient("Odoo", {"User-Agent": "vtex-erp-workers"})
        self._speaks_json2: bool | None = {"json2": True, "jsonrpc": False}.get(where.api)
        self._user: int | None = None
        self._fields: dict[str, Mapping[str, Row]] = {}

    @property
    def protocol(self) -> str:
        """``JSON-2`` or ``JSON-RPC``, by Odoo's version if the URL leaves it open."""
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
        """Call a method of a model, or of some of its records, with named arguments.

        Raises:
            OdooRefuses: the call breaks a rule of Odoo.
            ErpUnavailable: the answer is unusable, or the user lacks a right. A write may have
                had its effect.
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
        """Return the records of a domain, each with ``id`` and the fields.

        Raises:
            ErpUnavailable: the answer is unusable, or the user may not read the model.
        """
        try:
            rows = self.call(
                model,
                "search_read",
                domain=list(domain),
                fields=list(fields),
                order=order,
                limit=limit,
            )
        except OdooRefuses as error:
            raise ErpUnavailable(messages.ODOO_SEARCH_DENIED(model=model, error=error)) from None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ErpUnavailable(
                messages.ODOO_ANSWER_UNUSABLE(model=model, form="a list of records")
            )
        return rows

    def load(self, model: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
        """Create a record with its lines, unless its external id exists. Return its id.

        Args:
            columns: the first is ``id``, the external id, which only the first row has.

        Raises:
            OdooRefuses: the record breaks a rule of Odoo, and was not created.
            ErpUnavailable: the answer is unusable, or the database failed. It may exist.
        """
        answer = self.call(model, "load", context=ONCE, fields=list(columns), data=list(rows))
        if not isinstance(answer, dict):
            raise ErpUnavailable(messages.ODOO_ANSWER_UNUSABLE(model=model, form="one of load"))
        if numbers := answer.get("ids"):
            return int(numbers[0])
        words = "; ".join(str(row.get("message")) for row in answer.get("messages") or ())
        if _COLLISION.search(words):
            raise OdooCollides(messages.ODOO_COLLISION(call=model))
        if _TRANSIENT.search(words):
            raise ErpUnavailable(messages.ODOO_DATABASE(model=model))
        raise OdooRefuses(messages.ODOO_REFUSES(call=model, reason=one_line(words, MOST_WORDS)))

    def fields(self, model: str) -> Mapping[str, Row]:
        """Return a model's fields, which differ by version and modules. Raises as ``call``."""
        if model not in self._fields:
            self._fields[model] = self.call(
                model, "fields_get", attributes=["type", "relation", "digits"]
            )
        return self._fields[model]

    def close(self) -> None:
        """Close the connections of all threads."""
        self._http.close()

    def _is_new(self) -> bool:
        answer = self._rpc("common", "version", [], "version", or_none=True)
        if answer is None:
            return True
        version = re.search(r"\d+", str(answer.get("server_version_info", [""])[0]))
        return version is not None and int(version[0]) >= JSON2_FROM

    def _number(self) -> int:
        if self._user is None:
            where = self._where
            given = [where.database, where.user, where.key, {}]
            user = self._rpc("common", "authenticate", given, "authenticate")
            if not user:
                raise _denied("authenticate")
            self._user = int(user)
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
    """Return a method's result. Errors have a status and an object with a name."""
    status, answer = answer.status, _parsed(answer)
    if status == requests.codes.ok and (answer is not None or answer.text.strip() == "null"):
        return answer
    if status != requests.codes.ok and isinstance(answer, dict) and "name" in answer:
        _raise(answer, what)
    raise _unusable(status, what)


def _of_rpc(answer: HttpAnswer, what: str) -> Any:
    """Return a method's result, or ``None``. Errors come with HTTP 200."""
    status, answer = answer.status, _parsed(answer)
    if status != requests.codes.ok or not isinstance(answer, dict) or "jsonrpc" not in answer:
        raise _unusable(status, what)
    if "error" in answer:
        error = answer["error"] if isinstance(answer["error"], dict) else {}
        _raise(error.get("data") or error, what)
    return answer.get("result")


def _parsed(answer: HttpAnswer) -> Any:
    try:
        return answer.json() if answer.body.strip() else None
    except ValueError:
        return None


def _unusable(status: int, what: str) -> ErpUnavailable:
    if status == requests.codes.unauthorized:
        return _denied(what)
    return ErpUnavailable(messages.ODOO_STATUS(status=status, call=what))


def _raise(error: Mapping[str, Any], what: str) -> None:
    """Raise the error of an error object, by the name of its exception."""
    kind = str(error.get("name") or error.get("message") or "").rpartition(".")[2]
    if kind in REFUSALS:
        raise OdooRefuses(
            messages.ODOO_REFUSES(call=what, reason=one_line(str(error.get("message")), MOST_WORDS))
        )
    if kind in DENIALS:
        raise _denied(what)
    words = str(error.get("message"))
    # After its own retries, Odoo 11 only reports a closed cursor.
    if _COLLISION.search(words) or (kind in COLLISIONS and not _TRANSIENT.search(words)):
        raise OdooCollides(messages.ODOO_COLLISION(call=what))
    # The text may hold values of the order. Odoo's log has it whole.
    name = re.sub(r"\W+", " ", kind)[:60]
    raise ErpUnavailable(messages.ODOO_FAILED(call=what, error=name))


def _denied(what: str) -> ErpUnavailable:
    # The orders are sound. They wait until the key is fixed.
    return ErpUnavailable(messages.ODOO_KEY_REFUSED(call=what))
