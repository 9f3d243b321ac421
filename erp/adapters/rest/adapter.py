"""An ERP that a profile describes: orders by its HTTP interface, outbox and events in tables.

The integration tables of the SQL adapter, in a database of the retailer's choice, hold what the
ERP has done until VTEX has it, and how that ended.
"""

from __future__ import annotations

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
from erp.adapters.rest.changes import Changes
from erp.adapters.rest.profile import Profile, ProfileError, load
from erp.adapters.rest.state import State
from erp.adapters.rest.template import found
from erp.adapters.sql.adapter import SqlErp, utc_now
from erp.port import ErpOrder, ErpRejected, ErpUnavailable, Event, Request
from erp.sales_order import SalesOrder

CLAIM_SECONDS = 120.0
"""Longer than the longest call: a wait for its turn, an answer, a new token, and once more."""

WAIT_SECONDS = 15.0
LOOK_SECONDS = 2.0
"""For which a caller leaves another one alone before it asks the ERP itself."""

ORDERS = "order:"


Hold = Callable[[], None]
"""Holds the claim on what is made, right before it is; raises where it was lost."""

Create = Callable[[Hold], str]


class Parts:
    """What is made of a profile, once."""

    def __init__(self, profile: Profile, now: Callable[[], datetime]) -> None:
        self.profile = profile
        self.state = State(profile.state_url)
        self.sql = SqlErp(profile.state_url, now=now)
        self.calls = Calls(profile, self.state)
        self.changes = Changes(profile, self.calls, self.state)

    def close(self) -> None:
        """Give back all connections."""
        for one in (self.sql, self.state, self.changes, self.calls):
            one.close()


class RestErp:
    """An ERP behind a profile. Reads its settings at first use.

    Args:
        url: ``rest:///path/to/settings.toml``.
        now: where the time of the outbox's claims comes from.
    """

    def __init__(self, url: str, *, now: Callable[[], datetime] = utc_now) -> None:
        self._url, self._now = url, now
        self._made: Parts | None = None
        self._lock = threading.Lock()

    @property
    def calls(self) -> int:
        """Return how many calls this process has made to the ERP."""
        return self._parts().calls.count

    def insert(self, order: SalesOrder) -> str:
        """Insert an order, once; return the ERP's number of it."""
        parts, known = self._parts(), _known(order)
        scope, name = f"{ORDERS}{order.store}", order.order_id
        if reference := parts.state.reference(scope, name):
            return reference
        reference = self._once(
            (scope, name),
            lambda: self._look("order", known),
            lambda hold: self._ordered(known, hold),
        )
        parts.state.keep(scope, name, reference, int(order.total.scaleb(2)))
        return reference

    def find(self, store: str, order_id: str) -> str | None:
        """Return the ERP's number of an order, None if it has none."""
        reference = self._parts().state.reference(f"{ORDERS}{store}", order_id)
        return reference or self._look("order", _named(store, order_id))

    def look_up(self, store: str, order_ids: Sequence[str]) -> dict[str, ErpOrder]:
        """Return the orders that are there; the ERP is asked for what came another way."""
        kept = self._parts().state.known(f"{ORDERS}{store}", order_ids)
        told = {
            name: ErpOrder(reference, None if cents is None else Decimal(cents).scaleb(-2))
            for name, (reference, cents) in kept.items()
        }
        for one in order_ids:
            if one not in told and (reference := self.find(store, one)):
                told[one] = ErpOrder(reference)
        return told

    def report(self, event: Event) -> None:
        """Keep what became of an order or a request; tell the ERP of a cancellation."""
        parts = self._parts()
        parts.sql.report(event)
        if event.kind == "canceled" and event.outcome is None:
            self._cancel(parts, event)

    def poll_outbox(self, take: Callable[[Request], None], limit: int) -> int:
        """Give ``take`` what the ERP has done since, oldest first; return how many."""
        parts, failure = self._parts(), None
        try:
            parts.changes.read()
        except ErpUnavailable as error:
            # What was read before must not wait for it.
            failure = error
        count = parts.sql.poll_outbox(take, limit)
        if failure is not None and not count:
            raise failure
        return count

    def codes(self, _store: str) -> dict[str, dict[str, str]]:
        """Return the codes of the settings, but for kinds that have a default for all others."""
        tables = self._parts().profile.codes
        return {
            kind: {one: str(code) for one, code in tables[kind].items()}
            for kind in ("payment", "carrier", "channel")
            if kind in tables and "default" not in tables[kind]
        }

    def migrate(self) -> None:
        """Bring the tables up to date."""
        parts = self._parts()
        parts.sql.migrate()
        parts.state.migrate()

    def check(self) -> str:
        """Ask the ERP for an order that nobody has, and say what answered."""
        try:
            load(self._url)
        except ProfileError as error:
            raise ErpRejected(str(error)) from None
        parts = self._parts()
        tables = parts.sql.check()
        self._look("order", _named("none", "none-01"))
        return f"{parts.profile.name} at {parts.profile.base_url}, state in {tables}"

    def close(self) -> None:
        """Give back connections."""
        if self._made is not None:
            self._made.close()

    def _parts(self) -> Parts:
        with self._lock:
            if self._made is None:
                try:
                    self._made = Parts(load(self._url), self._now)
                except ProfileError as error:
                    # No order is at fault.
                    raise ErpUnavailable(str(error)) from None
            return self._made

    def _once(
        self,
        what: tuple[str, str],
        find: Callable[[], str | None],
        create: Create,
    ) -> str:
        """Return the reference of what is made once, by one caller of all processes."""
        state, began = self._parts().state, time.monotonic()
        while True:
            if reference := state.reference(*what):
                return reference
            if claim := state.claim(*what, CLAIM_SECONDS):
                return self._settled(what, claim, find, create)
            waited = time.monotonic() - began
            if waited > LOOK_SECONDS and (reference := find()):
                # Its maker died, or still waits for the answer.
                state.keep(*what, reference)
                return reference
            if waited > WAIT_SECONDS:
                raise ErpUnavailable(
                    "another caller is at it, or was: the ERP is asked again later"
                )
            time.sleep(0.1)

    def _settled(
        self,
        what: tuple[str, str],
        claim: int,
        find: Callable[[], str | None],
        create: Create,
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
            # It may have been done, and may not be found for a moment.
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
        fitting = [one for one in rows or () if self._fits(spec, one, known)]
        references = [found(one, spec["id"]) for one in fitting]
        return next((str(one) for one in references if one), None)

    def _fits(self, spec: Mapping[str, Any], row: Any, known: Mapping[str, Any]) -> bool:
        """Say whether a row of a search is what was searched: some searches find what is alike."""
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
            raise ErpRejected(f"{error}; it is not found by our number") from None
        except Nowhere as error:
            raise ErpUnavailable(str(error)) from None
        except Missing as error:
            # Of what the order names: a product, a way of paying.
            raise ErpRejected(str(error)) from None
        if reference := found(document, spec["id"]):
            return str(reference)
        raise ErpUnavailable(f"{parts.profile.name} took the {part} and gave it no number")

    def _ordered(self, known: Mapping[str, Any], hold: Hold) -> str:
        customer_id = self._customer(known)
        try:
            return self._create("order", {**known, "customer_id": customer_id}, hold)
        except ErpRejected:
            if customer_id is not None:
                # Somebody may have deleted or merged it: the next time it is looked for.
                self._parts().state.forget("customer", self._pseudonym(known))
            raise

    def _customer(self, known: Mapping[str, Any]) -> str | None:
        """Return the ERP's number of who buys: found by CPF or CNPJ, made where it is missing."""
        if not self._parts().profile.part("customer"):
            return None
        has_document = bool(known["customer"].document)
        return self._once(
            ("customer", self._pseudonym(known)),
            lambda: self._look("customer", known) if has_document else None,
            lambda hold: self._create("customer", known, hold),
        )

    def _pseudonym(self, known: Mapping[str, Any]) -> str:
        """Return a name of who buys that only the ERP's keys make out: a CPF alone is guessed."""
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
            # It is in int_order_event: the ERP went on with the order, and a person decides.
            return


def _bare(value: object) -> str:
    return re.sub(r"\W", "", str(value)).casefold()


def _named(store: str, order_id: str) -> dict[str, Any]:
    return {"store": store, "order_id": order_id, "key": f"{store}/{order_id}"}


def _known(order: SalesOrder) -> dict[str, Any]:
    names = (one for one in SalesOrder.__slots__ if not one.startswith("raw_"))
    address = order.shipping_address or order.billing_address
    return {
        **{name: getattr(order, name) for name in names},
        **_named(order.store, order.order_id),
        "address": address,
        "extra": order.tax + order.other,
    }
