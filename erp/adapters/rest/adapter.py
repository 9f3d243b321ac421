"""An adapter for an ERP with an HTTP interface that a profile describes.

Orders go through the interface. The integration tables of the SQL adapter, in a database that the
retailer chooses, hold the outbox and the events.
"""

import hashlib
import hmac
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from erp.adapters.rest.calls import Calls, Duplicate, Missing, Nowhere
from erp.adapters.rest.changes import ChangeReader
from erp.adapters.rest.profile import Profile, ProfileError, load
from erp.adapters.rest.state import KeptOrder, SharedState
from erp.adapters.rest.template import found
from erp.adapters.shared.sale_notes import line_remark, remark
from erp.adapters.sql.adapter import SqlErp, utc_now
from erp.port import ErpOrder, ErpRejected, ErpUnavailable, Event, Request
from erp.sales_order import OrderLine, SalesOrder
from foundation.messages import erp as messages

CLAIM_SECONDS = 120.0
"""Lease of a claim. It exceeds the longest call with its waits, a new token and a retry."""

WAIT_SECONDS = 15.0
LOOK_SECONDS = 2.0
"""Time for which a caller waits for another caller of the same order."""

ORDERS = "order:"


Hold = Callable[[], None]
"""Renews the claim right before a record is made. Raises if the claim is lost."""

Create = Callable[[Hold], str]


class Parts:
    """The objects that a profile leads to, made once."""

    def __init__(self, profile: Profile, now: Callable[[], datetime]) -> None:
        self.profile = profile
        self.state = SharedState(profile.state_url)
        self.sql = SqlErp(profile.state_url, now=now)
        self.calls = Calls(profile, self.state)
        self.changes = ChangeReader(profile, self.calls, self.state)

    def close(self) -> None:
        """Close all connections."""
        for part in (self.sql, self.state, self.changes, self.calls):
            part.close()


class RestErp:
    """An ERP behind a profile. It reads its settings at first use.

    Args:
        url: ``rest:///path/to/settings.toml``.
        now: clock of the outbox's claims.
    """

    def __init__(self, url: str, *, now: Callable[[], datetime] = utc_now) -> None:
        self._url, self._now = url, now
        self._made: Parts | None = None
        self._lock = threading.Lock()

    @property
    def calls(self) -> int:
        """Return the number of calls that this process has made to the ERP."""
        return self._parts().calls.count

    def insert(self, order: SalesOrder) -> str:
        """Insert an order once. Return the ERP's number of it."""
        parts, known = self._parts(), known_values(order)
        scope, name = f"{ORDERS}{order.store}", order.order_id
        reference = parts.state.reference(scope, name) or self._once(
            (scope, name),
            lambda: self._look("order", known),
            lambda hold: self._ordered(known, hold),
        )
        # Also on a retry: a process may die right after the ERP's answer.
        kept = KeptOrder(int(order.total.scaleb(2)), _unit_measures(order))
        parts.state.keep(scope, name, reference, kept)
        return reference

    def find(self, store: str, order_id: str) -> str | None:
        """Return the ERP's number of an order, or ``None``."""
        reference = self._parts().state.reference(f"{ORDERS}{store}", order_id)
        return reference or self._look("order", _named(store, order_id))

    def look_up(self, store: str, order_ids: Sequence[str]) -> dict[str, ErpOrder]:
        """Return the known orders. The ERP is searched for those that came another way."""
        kept = self._parts().state.known(f"{ORDERS}{store}", order_ids)
        known = {
            name: ErpOrder(reference, None if cents is None else Decimal(cents).scaleb(-2))
            for name, (reference, cents) in kept.items()
        }
        for order_id in order_ids:
            if order_id not in known and (reference := self.find(store, order_id)):
                known[order_id] = ErpOrder(reference)
        return known

    def report(self, event: Event) -> None:
        """Store an event or an outcome. Report a cancellation to the ERP."""
        parts = self._parts()
        parts.sql.report(event)
        if event.kind == "canceled" and event.outcome is None:
            self._cancel(parts, event)

    def poll_outbox(self, take: Callable[[Request], None], limit: int) -> int:
        """Pass the ERP's new requests to ``take``, oldest first. Return their number."""
        parts, failure = self._parts(), None
        try:
            parts.changes.read()
        except ErpUnavailable as error:
            # Requests read earlier must not wait for it.
            failure = error
        count = parts.sql.poll_outbox(take, limit)
        if failure is not None and not count:
            raise failure
        return count

    def codes(self, _store: str) -> dict[str, dict[str, str]]:
        """Return the codes in the settings, except kinds with a default for every value."""
        tables = self._parts().profile.codes
        return {
            kind: {name: str(code) for name, code in tables[kind].items()}
            for kind in ("payment", "carrier", "channel")
            if kind in tables and "default" not in tables[kind]
        }

    def migrate(self) -> None:
        """Migrate the tables to the current revision."""
        parts = self._parts()
        parts.sql.migrate()
        parts.state.migrate()

    def check(self) -> str:
        """Search the ERP for an unknown order. Return a description of the ERP."""
        try:
            load(self._url)
        except ProfileError as error:
            raise ErpRejected(*error.args) from None
        parts = self._parts()
        tables = parts.sql.check()
        self._look("order", _named("none", "none-01"))
        return f"{parts.profile.name} at {parts.profile.base_url}, state in {tables}"

    def close(self) -> None:
        """Close the connections."""
        if self._made is not None:
            self._made.close()

    def _parts(self) -> Parts:
        with self._lock:
            if self._made is None:
                try:
                    self._made = Parts(load(self._url), self._now)
                except ProfileError as error:
                    # The orders are sound.
                    raise ErpUnavailable(*error.args) from None
            return self._made

    def _once(self, what: tuple[str, str], find: Callable[[], str | None], create: Create) -> str:
        """Return the reference of a record that one caller of all processes makes once."""
        state, began = self._parts().state, time.monotonic()
        while True:
            if reference := state.reference(*what):
                return reference
            if claim := state.claim(*what, CLAIM_SECONDS):
                return self._settled(what, claim, find, create)
            waited = time.monotonic() - began
            if waited > LOOK_SECONDS and (reference := find()):
                # The other caller died, or still waits for the answer.
                state.keep(*what, reference)
                return reference
            if waited > WAIT_SECONDS:
                raise ErpUnavailable(messages.REST_BUSY())
            time.sleep(0.1)

    def _settled(
        self, what: tuple[str, str], claim: int, find: Callable[[], str | None], create: Create
    ) -> str:
        state, wait = self._parts().state, 0.0

        def hold() -> None:
            nonlocal wait
            state.renew(*what, claim, CLAIM_SECONDS)
            wait = float(self._parts().profile.parts.get("settle_seconds", 5))

        try:
            reference = find() or create(hold)
        except ErpRejected:
            state.release(*what, 0.0)
            raise
        except ErpUnavailable:
            # The ERP may have the record, and its search may lag.
            state.release(*what, wait)
            raise
        state.keep(*what, reference)
        return reference

    def _look(self, part: str, known: Mapping[str, Any]) -> str | None:
        parts = self._parts()
        spec = parts.profile.part(part)["find"]
        try:
            document = parts.calls.ask(spec, known).document
        except Missing:
            return None
        rows = found(document, spec["items"]) if "items" in spec else [document]
        fitting = [row for row in rows or () if self._fits(spec, row, known)]
        references = [found(row, spec["id"]) for row in fitting]
        return next((str(reference) for reference in references if reference), None)

    def _fits(self, spec: Mapping[str, Any], row: Any, known: Mapping[str, Any]) -> bool:
        """Return whether a search result matches exactly. Some ERPs also return similar rows."""
        render = self._parts().calls.renderer.render
        same = render(spec.get("match", {}), known) or {}
        alike = render(spec.get("alike", {}), known) or {}
        return all(str(found(row, path)) == str(value) for path, value in same.items()) and all(
            _bare(found(row, path)) == _bare(value) for path, value in alike.items()
        )

    def _create(self, part: str, known: Mapping[str, Any], hold: Hold) -> str:
        parts = self._parts()
        hold()
        spec = parts.profile.part(part)["create"]
        try:
            document = parts.calls.ask(spec, known).document
        except Duplicate as error:
            if reference := self._look(part, known):
                return reference
            raise ErpRejected(messages.REST_NOT_FOUND(error=error)) from None
        except Nowhere as error:
            raise ErpUnavailable(*error.args) from None
        except Missing as error:
            # A record that the order names, such as a product or a means of payment.
            raise ErpRejected(*error.args) from None
        if reference := found(document, spec["id"]):
            return str(reference)
        raise ErpUnavailable(
            messages.REST_CREATED_WITHOUT_NUMBER(profile=parts.profile.name, part=part)
        )

    def _ordered(self, known: Mapping[str, Any], hold: Hold) -> str:
        customer_id = self._customer(known)
        try:
            return self._create("order", {**known, "customer_id": customer_id}, hold)
        except ErpRejected:
            if customer_id is not None:
                # A person may have deleted or merged it. The next try searches again.
                self._parts().state.forget("customer", self._pseudonym(known))
            raise

    def _customer(self, known: Mapping[str, Any]) -> str | None:
        """Return the ERP's number of the customer, found by CPF or CNPJ or made now."""
        if not self._parts().profile.part("customer"):
            return None
        has_document = bool(known["customer"].document)
        return self._once(
            ("customer", self._pseudonym(known)),
            lambda: self._look("customer", known) if has_document else None,
            lambda hold: self._create("customer", known, hold),
        )

    def _pseudonym(self, known: Mapping[str, Any]) -> str:
        """Return a keyed hash of the customer. A plain hash of a CPF could be guessed."""
        key = "\n".join(sorted(self._parts().profile.secrets.values())).encode()
        told = known["customer"].document or f"{known['store']}/{known['order_id']}"
        return hmac.new(key, told.encode(), hashlib.sha256).hexdigest()

    def _cancel(self, parts: Parts, event: Event) -> None:
        spec = parts.profile.part("cancel")
        if not spec:
            return
        reference = self.find(event.store, event.order_id)
        if reference is None:
            return
        known = {**_named(event.store, event.order_id), "id": reference, "reason": event.reason}
        try:
            parts.calls.ask(spec, known)
        except (ErpRejected, Duplicate, Missing):
            # int_order_event has it. The ERP continued the order, so a person decides.
            return


def _bare(value: object) -> str:
    return re.sub(r"\W", "", str(value)).casefold()


def _named(store: str, order_id: str) -> dict[str, Any]:
    return {"store": store, "order_id": order_id, "key": f"{store}/{order_id}"}


def known_values(order: SalesOrder) -> dict[str, Any]:
    """Return the values of an order that templates reach by their paths (docs/erp/rest.md)."""
    names = (name for name in SalesOrder.__slots__ if not name.startswith("raw_"))
    shares = sum((payment.share for payment in order.payments), Decimal(0))
    return {
        **{name: getattr(order, name) for name in names},
        **_named(order.store, order.order_id),
        "address": order.customer_address,
        "shipping_address": order.shipping_address,
        "billing_address": order.billing_address,
        "lines": tuple(_line(order, line) for line in order.lines_to_deliver),
        # ERPs refuse instalments that miss the order's total.
        "installments": order.payments if shares == order.total else (),
        "personal_texts": order.personal_texts,
        "remark": remark(order),
        "line_remarks": _line_remarks(order),
        "flags": tuple(str(flag) for flag in order.flags),
        "raw": {"order": order.raw_order, "payment": order.raw_payment},
        "extra": order.tax + order.other,
    }


def _line(order: SalesOrder, line: OrderLine) -> dict[str, Any]:
    addresses = (row for row in order.addresses if row.address_no == line.address_no)
    return {
        **{name: getattr(line, name) for name in OrderLine.__slots__},
        "measure": line.measure,
        "measure_price": line.measure_price,
        "address": next(addresses, None),
        "attributes": order.attributes_of(line.line_no),
        "remark": line_remark(order, line),
    }


def _line_remarks(order: SalesOrder) -> str:
    """Return the lines' facts for clerks, for an ERP whose lines have no place for them."""
    remarks = ((line.sku_id, line_remark(order, line)) for line in order.lines_to_deliver)
    return "\n".join(f"{sku_id}: {text}" for sku_id, text in remarks if text)


def _unit_measures(order: SalesOrder) -> dict[str, str]:
    """Return the measure of one sold unit by SKU, of weighed goods alone."""
    sums: dict[str, tuple[int, Decimal]] = {}
    for line in order.lines_to_deliver:
        units, measure = sums.get(line.sku_id, (0, Decimal(0)))
        sums[line.sku_id] = units + line.quantity, measure + line.measure
    return {
        sku_id: str(measure / units)
        for sku_id, (units, measure) in sums.items()
        if measure != units
    }
