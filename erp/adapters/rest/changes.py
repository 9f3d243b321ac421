"""Poll the ERP's list of changed orders, and write requests into the outbox."""

import logging
import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from erp.adapters.rest.calls import Calls, Missing, RestAnswer
from erp.adapters.rest.profile import Profile
from erp.adapters.rest.state import KeptOrder, SharedState
from erp.adapters.rest.template import found, utc
from erp.adapters.shared.sale_notes import sold_units
from erp.adapters.sql.database import ErpDatabase
from erp.adapters.sql.tables import outbox, outbox_items
from erp.port import ErpRejected
from foundation.foreign_values import bounded_number, cents
from foundation.messages import log_events
from vtex.payloads import series_in

FIRST_SECONDS = 86_400.0
"""Age of the oldest change in the first poll."""

A_DAY = 86_400.0
BUSY_SECONDS = 600.0

log = logging.getLogger(__name__)
MOST_PAGES = 500


class ChangeReader:
    """Polls the list of changes, in one process at a time."""

    def __init__(self, profile: Profile, calls: Calls, state: SharedState) -> None:
        self._part = profile.part("changes")
        self._codes = profile.codes
        self._calls, self._state = calls, state
        self._database = ErpDatabase(profile.state_url)
        self._overlap = 60 * float(self._part.get("overlap_minutes", 5))
        self._every = float(self._part.get("every_seconds", 60))

    def read(self) -> None:
        """Read the changes since the last poll, with an overlap, if a poll is due.

        Raises:
            ErpUnavailable: the ERP does not respond. The next poll reads the same changes.
        """
        since = self._state.change("changes", self._begin) if "list" in self._part else None
        if since is None:
            return
        read_at = None
        try:
            read_at = self._read(utc(since - self._overlap))
            if read_at < since:
                # The ERP's clock was set back, so new changes have older stamps.
                read_at = self._read(utc(read_at - self._overlap))
        finally:
            self._state.change("changes", lambda document: self._end(document, read_at))

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def _begin(self, document: dict[str, Any]) -> float | None:
        now = time.time()
        for name in ("busy_until", "next_at"):
            if now < document.get(name, 0.0) <= now + BUSY_SECONDS + self._every:
                return None
        document["busy_until"] = now + BUSY_SECONDS
        return float(document.get("since", now - FIRST_SECONDS))

    def _end(self, document: dict[str, Any], read_at: float | None) -> None:
        document["busy_until"] = 0.0
        document["next_at"] = time.time() + self._every
        if read_at is not None:
            document["since"] = read_at

    def _read(self, since: Any) -> float:
        """Return the ERP's time at the start, since its clock differs from ours."""
        spec, began = self._part["list"], None
        size = int(self._part.get("page_size", 100))
        first = int(spec.get("first_page", 1))
        for page in range(first, first + MOST_PAGES):
            known = {"since": since, "until": utc(time.time() + A_DAY), "page": page}
            known["page_size"] = size
            try:
                answer = self._calls.ask(spec, known)
            except Missing:
                # Some ERPs answer an empty page with an error.
                answer = RestAnswer({}, time.time())
            began = answer.at if began is None else began
            rows = found(answer.document, spec["items"]) or []
            for row in rows:
                self._row(str(found(row, spec["id"])))
            if len(rows) < size:
                break
        return time.time() if began is None else began

    def _row(self, reference: str) -> None:
        ours = self._state.named("order:", reference)
        if ours is None:
            return
        scope, order_id, kept = ours
        order = {"store": scope.removeprefix("order:"), "order_id": order_id}
        document = self._fetched("fetch", {"id": reference, "order_id": order_id})
        try:
            for row in self._rows(document, kept):
                self._put(order | row)
        except (ValueError, ArithmeticError, TypeError) as error:
            # The other orders must not wait for it.
            log_events.ERP_CHANGE_UNREADABLE.log(
                log, store=order["store"], order_id=order_id, reason=type(error).__name__
            )

    def _fetched(self, name: str, known: Mapping[str, Any]) -> Any:
        spec = self._part[name]
        try:
            answer = self._calls.ask(spec, known)
        except (Missing, ErpRejected):
            return None
        return found(answer.document, spec.get("document", ""))

    def _rows(self, document: Any, kept: KeptOrder) -> Iterator[dict[str, Any]]:
        """Yield the outbox rows of an ERP order."""
        canceled = self._part.get("canceled")
        if canceled and _is(document, canceled):
            reason = canceled.get("reason", "Cancelado no ERP")
            yield {"kind": "CANCEL", "dedupe_key": "canceled", "reason": reason}
        invoice = self._part.get("invoice")
        if not invoice:
            return
        for nota in self._notas(invoice, document):
            if row := self._invoice(invoice, nota, kept):
                yield row
                yield from self._tracking(row, document, nota)

    def _notas(self, spec: Mapping[str, Any], document: Any) -> Iterator[Any]:
        """Yield the invoices of an order, from its document or from linked ones."""
        if not _is(document, spec.get("when", {})):
            return
        links = found(document, spec["link"])
        for link in links if isinstance(links, list) else [links]:
            if link in (None, "", 0, "0"):
                continue
            nota = link
            if "fetch_invoice" in self._part:
                nota = self._fetched("fetch_invoice", {"id": link})
            if nota is not None and _is(nota, spec):
                yield nota

    def _invoice(
        self, spec: Mapping[str, Any], nota: Any, kept: KeptOrder
    ) -> dict[str, Any] | None:
        number, value = found(nota, spec["invoice_number"]), _cents(found(nota, spec["value"]))
        moment = found(nota, spec["issued_at"])
        if not number or value is None or not moment:
            return None
        key = _optional(nota, spec, "invoice_key")
        series = series_in(key)
        issued = self._calls.renderer.formats.read(str(moment), spec.get("format", "time"))
        row: dict[str, Any] = {
            "kind": "INVOICE",
            "dedupe_key": f"invoice {_name(number, series)}",
            "invoice_number": str(number),
            "invoice_series": series,
            "value_cents": value,
            "issued_at": issued.isoformat(),
            "invoice_key": key,
            "invoice_url": _optional(nota, spec, "url"),
        }
        if value != kept.total_cents and "items" in spec:
            # Without items an invoice covers all open units.
            row["items"] = list(self._items(spec["items"], nota, kept.unit_measures))
        return row

    def _items(
        self, spec: Mapping[str, Any], nota: Any, unit_measures: Mapping[str, str]
    ) -> Iterator[dict[str, Any]]:
        skus = {str(code): sku for sku, code in self._codes.get("sku", {}).items()}
        for line in found(nota, spec["each"]) or ():
            code = str(found(line, spec["sku"]))
            sku_id = skus.get(code, code)
            quantity = bounded_number(found(line, spec["quantity"]))
            price = _money(found(line, spec["price"]))
            if sku_id in unit_measures:
                # The nota has the real weight of weighed goods.
                units = sold_units(quantity / Decimal(unit_measures[sku_id]))
                price, quantity = price * quantity / units, units
            yield {"sku_id": sku_id, "quantity": int(quantity), "price_cents": cents(price)}

    def _tracking(
        self, invoice: Mapping[str, Any], document: Any, nota: Any
    ) -> Iterator[dict[str, Any]]:
        spec = self._part.get("tracking")
        if not spec:
            return
        source = nota if spec.get("of") == "invoice" else document
        each = found(source, spec["each"]) if "each" in spec else [source]
        number, series = invoice["invoice_number"], invoice["invoice_series"]
        for row in each or ():
            parcel = found(row, spec["tracking_number"])
            if not parcel:
                continue
            yield {
                "kind": "TRACKING",
                "dedupe_key": f"tracking {_name(number, series)} {parcel}",
                "invoice_number": number,
                "invoice_series": series,
                "tracking_number": str(parcel),
                "courier": _optional(row, spec, "courier"),
                "tracking_url": _optional(row, spec, "url"),
            }

    def _put(self, row: dict[str, Any]) -> None:
        items = row.pop("items", [])
        row["dedupe_key"] = f"{row['order_id']} {row['dedupe_key']}"[:128]
        names = ("store", "kind", "dedupe_key")
        same = [outbox.c[name] == row[name] for name in names]
        try:
            with self._database.transaction() as db:
                if db.execute(select(outbox.c.id).where(*same)).first():
                    return
                number = db.execute(outbox.insert().values(row)).inserted_primary_key
                for place, item in enumerate(items, start=1):
                    line = {"int_outbox_id": number[0] if number else None, "line_no": place}
                    db.execute(outbox_items.insert().values(line | item))
        except IntegrityError:
            # Another process read it at the same time.
            return


def _name(number: Any, series: str | None) -> str:
    return f"{number} {series}" if series else str(number)


def _optional(document: Any, spec: Mapping[str, Any], name: str) -> Any:
    return found(document, spec[name]) or None if name in spec else None


def _is(document: Any, spec: Mapping[str, Any]) -> bool:
    if "path" not in spec:
        return document is not None
    value = found(document, spec["path"])
    return ("" if value is None else str(value)) in set(map(str, spec["is"]))


def _money(value: Any) -> Decimal:
    return bounded_number(str(value).replace(",", "."))


def _cents(value: Any) -> int | None:
    try:
        return cents(_money(value))
    except ValueError:
        return None
