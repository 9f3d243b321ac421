"""Tryton's REST API (trytond 8, ``trytond/protocols/rest.py``), with typed values."""

import base64
import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import requests

from erp.adapters.shared.http_client import HttpAnswer, HttpClient, endpoint
from erp.port import ErpRejected, ErpUnavailable
from foundation.foreign_values import bounded_number
from foundation.messages import erp as messages
from foundation.redaction import one_line

BUSY_SECONDS = (0.2, 0.5, 1.0, 2.0)
"""Waits after a 503: Tryton rolled back because of a concurrent write."""

MOST_WORDS = 500
MOST_NAMES = 100

Row = dict[str, Any]
Domain = Sequence[Any]


class TrytonRefuses(ErpRejected):
    """Tryton refuses the call (HTTP 400). Its text may name a customer."""


@dataclass(frozen=True, slots=True)
class TrytonAddress:
    """What ``ERP_URL`` says: ``tryton+https://USER:KEY@HOST:PORT/DATABASE?product=sku_id``.

    Attributes:
        base: URL of the REST API, up to the database.
        key: key of the user application ``REST API``. The user name is for the reader.
        product: ``ref_id`` (or the SKU id of a SKU without one) or ``sku_id``.
        freight, discount, other: codes of the services for amounts beside products.
    """

    base: str
    key: str
    product: str = "ref_id"
    freight: str = "VTEX-FREIGHT"
    discount: str = "VTEX-DISCOUNT"
    other: str = "VTEX-OTHER"

    def __repr__(self) -> str:
        return f"Address({self.base!r})"


OPTIONS = {"product": ("ref_id", "sku_id"), "freight": (), "discount": (), "other": ()}
EXAMPLE = "tryton+https://vtex:KEY@erp.example.com/tryton"


def address(url: str) -> TrytonAddress:
    """Read an ERP_URL.

    Raises:
        ValueError: the URL is invalid. The message does not quote it.
    """
    found = endpoint(url, EXAMPLE, OPTIONS)
    return TrytonAddress(f"{found.base}/{quote(found.database)}", found.key, **found.options)


def batched(names: Sequence[str]) -> Iterator[list[str]]:
    """Yield names in lists that fit into a URL of 8 KB, the limit of proxies."""
    for start in range(0, len(names), MOST_NAMES):
        yield list(names[start : start + MOST_NAMES])


class TrytonClient:
    """A Tryton database over HTTP. Threads may share it. It connects at first use."""

    def __init__(self, where: TrytonAddress) -> None:
        self._base = where.base
        self._http = HttpClient(
            "Tryton",
            {
                "Authorization": f"bearer {where.key}",
                "Content-Type": "application/json",
                # Tryton's texts reach the operator, so ask for English.
                "Accept-Language": "en",
            },
        )

    def search(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        order: Sequence[Sequence[str]] = (),
        limit: int | None = None,
    ) -> list[Row]:
        """Return the records of a domain, each with ``id`` and the fields.

        Args:
            fields: field names, dotted for related records.

        Raises:
            ErpUnavailable: the answer is unusable, or the user may not read the model.
        """
        params: dict[str, Any] = {"d": _packed(domain), "f": list(fields)}
        if order:
            params["o"] = _packed(order)
        if limit is not None:
            params["s"] = limit
        try:
            rows = self._call("GET", model, params)
        except TrytonRefuses as error:
            raise ErpUnavailable(messages.TRYTON_READ_DENIED(model=model)) from error
        if not isinstance(rows, list):
            raise ErpUnavailable(messages.TRYTON_ANSWER_UNUSABLE(call=model, form="a list"))
        return rows

    def create(
        self, model: str, values: Mapping[str, Any], fields: Sequence[str], company: int | None
    ) -> Row:
        """Create a record with its lines. Return its fields.

        Raises:
            TrytonRefuses: the record breaks a rule of Tryton.
            ErpUnavailable: the answer is unusable. The record may exist.
        """
        return self._row("POST", model, {"f": list(fields)}, values, company)

    def update(
        self, model: str, number: int, values: Mapping[str, Any], fields: Sequence[str]
    ) -> Row:
        """Change a record. Return its fields. Raises as ``create``."""
        return self._row("PUT", f"{model}/{number}", {"f": list(fields)}, values, None)

    def act(
        self, model: str, number: int, action: str, fields: Sequence[str], company: int | None
    ) -> Row:
        """Press a record's button, as in ``sale.sale``, ``quote``. Raises as ``create``."""
        return self._row("POST", f"{model}/{number}/{action}", {"f": list(fields)}, {}, company)

    def delete(self, model: str, number: int) -> None:
        """Delete a record. Raises as ``create``."""
        self._call("DELETE", f"{model}/{number}", {})

    def close(self) -> None:
        """Close the connections of all threads."""
        self._http.close()

    def _row(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any],
        values: Mapping[str, Any],
        company: int | None,
    ) -> Row:
        record = self._call(method, path, params, values, company)
        if not isinstance(record, dict) or "id" not in record:
            raise ErpUnavailable(
                messages.TRYTON_ANSWER_UNUSABLE(call=f"{method} {_model(path)}", form="a record")
            )
        return record

    def _call(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any],
        values: Mapping[str, Any] | None = None,
        company: int | None = None,
    ) -> Any:
        what = f"{method} {_model(path)}"
        url = f"{self._base}/rest/model/{path}"
        headers = {} if company is None else {"X-Tryton-Context": _packed({"company": company})}
        body = None if values is None else json.dumps(values, default=_encoded)
        for wait in (*BUSY_SECONDS, None):
            answer = self._http.send(method, url, what, params=params, headers=headers, data=body)
            if answer.status != requests.codes.unavailable or wait is None:
                break
            time.sleep(random.uniform(wait / 2, wait))
        _require_usable(answer, what)
        if answer.status == requests.codes.no_content:
            return None
        try:
            return json.loads(answer.text, object_hook=_decoded)
        except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError):
            raise ErpUnavailable(
                messages.TRYTON_ANSWER_UNUSABLE(call=what, form="Tryton's JSON")
            ) from None


def _require_usable(answer: HttpAnswer, what: str) -> None:
    status = answer.status
    if status == requests.codes.bad_request and (words := _words(answer.text)):
        raise TrytonRefuses(messages.TRYTON_REFUSES(call=what, reason=words))
    if status in (requests.codes.unauthorized, requests.codes.forbidden):
        # The orders are sound. They wait until the key is fixed.
        raise ErpUnavailable(messages.TRYTON_KEY_REFUSED(status=status, call=what))
    if status == requests.codes.not_found:
        raise ErpUnavailable(messages.TRYTON_NOT_FOUND(call=what))
    if status not in (requests.codes.ok, requests.codes.no_content):
        raise ErpUnavailable(messages.TRYTON_STATUS(status=status, call=what))


def _words(text: str) -> str:
    """Return the message of a refusal by Tryton. Empty for a proxy's."""
    try:
        message = json.loads(text).get("message")
    except (ValueError, AttributeError, RecursionError):
        return ""
    return one_line(message, MOST_WORDS) if isinstance(message, str) else ""


def _model(path: str) -> str:
    return path.split("/", maxsplit=1)[0]


def _packed(value: Any) -> str:
    text = json.dumps(value, default=_encoded)
    return base64.urlsafe_b64encode(text.encode()).decode()


def _encoded(value: Any) -> Any:
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    if isinstance(value, datetime):
        names = ("year", "month", "day", "hour", "minute", "second", "microsecond")
        return {"__class__": "datetime"} | {name: getattr(value, name) for name in names}
    if isinstance(value, date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    raise TypeError(f"{type(value).__name__} has no form in Tryton's JSON")


def _decoded(document: Row) -> Any:
    kind = document.get("__class__")
    if kind == "Decimal":
        return bounded_number(document["decimal"])
    if kind in ("date", "datetime"):
        values = {name: value for name, value in document.items() if name != "__class__"}
        # Tryton's times are naive, in the database's zone. They are only compared with each other.
        return date(**values) if kind == "date" else datetime(**values)  # noqa: DTZ001
    return document
