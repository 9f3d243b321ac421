"""Compares the orders of VTEX, the journal and the ERP, and yields the differences as findings.

``Sides`` compares one order without any I/O, and ``compare_store`` reads the three sides. VTEX's
list lags by minutes, for single orders by more. A repair therefore reads the order first.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from erp.port import Erp, ErpOrder, erp_orders
from journal.journal import Journal
from journal.model import State
from journal.reconciliation import BATCH, JournalOrder, Reconciliation
from vtex import statuses
from vtex.client import VtexClient
from vtex.documents import ListedOrder
from vtex.statuses import HandledOrders

GRACE = timedelta(hours=1)
"""An order is on its way for this time after its payment or its last step here. VTEX's list, the
steps and some retries need only a small part of it."""

STUCK_AFTER = timedelta(hours=24)
"""An order leaves a transient status within seconds, or within hours if an acquirer must act."""

DAYS = 7
"""Default number of days to compare."""

_EXACT_CENTS = 2**24
"""VTEX's list rounds larger totals, like a float of 32 bits."""


class FindingKind(StrEnum):
    """Kinds of findings. The values are public: JSON, alerts and metrics show them."""

    UNKNOWN = "unknown-here"
    SKIPPED = "skipped-here"
    DEAD = "dead-here"
    NOT_HANDLED = "not-start-handled"
    MOVED_ON = "moved-on-absent"
    LOST = "lost-by-erp"
    CANCELED = "canceled-alive"
    INVOICED_THERE = "invoiced-there"
    INVOICED_HERE = "invoiced-here"
    CENTS_OPEN = "cents-open"
    TOTALS = "totals-differ"
    STUCK = "stuck"


class Fix(StrEnum):
    """The repair that ``--fix`` makes for a finding."""

    RECORD = "record"
    RETRY = "retry"
    HANDLE = "start-handling"
    BRING_IN = "bring-in-handled"
    REPORT = "report-cancellation"
    RETRY_INVOICE = "retry-invoice"
    NOTHING = "nothing"


KIND_TEXTS = {
    FindingKind.UNKNOWN: "ready for handling at VTEX, unknown here",
    FindingKind.SKIPPED: "ready for handling at VTEX, skipped here",
    FindingKind.DEAD: "ready for handling at VTEX, dead here and not in the ERP",
    FindingKind.NOT_HANDLED: "in the ERP, and VTEX does not know that handling started",
    FindingKind.MOVED_ON: "moved on at VTEX by another hand, and absent in the ERP",
    FindingKind.LOST: "was inserted in the ERP, and the ERP does not have it",
    FindingKind.CANCELED: "canceled at VTEX, and alive in the ERP",
    FindingKind.INVOICED_THERE: "invoiced at VTEX, and not by what the ERP asked for here",
    FindingKind.INVOICED_HERE: "invoiced here, and VTEX does not show it as invoiced",
    FindingKind.CENTS_OPEN: "all units are invoiced here, and cents stay open at VTEX",
    FindingKind.TOTALS: "the totals differ",
    FindingKind.STUCK: "stuck in a status that VTEX passes through",
}

FIX_TEXTS = {
    Fix.RECORD: "write it into the journal, so that it comes in",
    Fix.RETRY: "let its intake try again",
    Fix.HANDLE: "let start-handling be sent again, after a check at VTEX",
    Fix.BRING_IN: "bring it in without start-handling",
    Fix.REPORT: "report the cancellation to the ERP, after a check at VTEX",
    Fix.RETRY_INVOICE: "let its invoice try again, after a check at VTEX",
    Fix.NOTHING: "nothing: it needs a person",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """An order on which the sides differ.

    Attributes:
        detail: the difference, with both values and without personal data.
        jobs: numbers of the request jobs that ``fix`` retries.
    """

    kind: FindingKind
    store: str
    order_id: str
    fix: Fix
    detail: str
    there: ListedOrder
    here: JournalOrder | None = None
    in_erp: ErpOrder | None = None
    jobs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Sides:
    """One order at VTEX (``there``), in the journal (``here``) and in the ERP.

    Attributes:
        sends_invoices: true if the ERP sends its invoices through these workers. Otherwise a
            missing invoice is not a finding.
        also_intake: the orders that the store's setting brings in as handled.
    """

    store: str
    there: ListedOrder
    here: JournalOrder | None
    in_erp: ErpOrder | None
    now: datetime
    sends_invoices: bool = False
    also_intake: HandledOrders | None = None

    def findings(self) -> Iterator[Finding]:
        """Yield the differences between the sides."""
        status = self.there.status or ""
        if status in statuses.ENDED_CANCELED:
            yield from self._canceled()
            return
        if status in statuses.TRANSIENT and self._is_stuck():
            yield self._made(FindingKind.STUCK, Fix.NOTHING, f"VTEX shows {status!r}")
        if self.is_on_its_way:
            return
        if status == statuses.READY:
            yield from self._ready()
        elif status in statuses.HANDLED:
            yield from self._moved_on()
        yield from self._lost()
        yield from self._invoices()
        yield from self._totals()

    def _ready(self) -> Iterator[Finding]:
        here = self.here
        if here is None:
            detail = "paid at VTEX, never listed here"
            if self.in_erp is not None:
                detail += f"; the ERP has it as {self.in_erp.reference}"
            yield self._made(FindingKind.UNKNOWN, Fix.RECORD, detail)
        elif self.in_erp is not None and here.state is not State.OPEN:
            fix = Fix.HANDLE if here.state is State.DONE else Fix.RETRY
            if self.in_erp.canceled or here.cancellation_reported or here.cancellation_requested:
                fix = Fix.NOTHING  # the order is canceled in the ERP
            if here.came_as_handled:
                fix = Fix.NOTHING  # its handling belongs to another system
            detail = f"in the ERP as {self.in_erp.reference}, {_state_of(here)}"
            yield self._made(FindingKind.NOT_HANDLED, fix, detail)
        elif here.state is State.SKIPPED and here.erp_reference is None:
            yield self._made(FindingKind.SKIPPED, Fix.RETRY, _state_of(here))
        elif here.state is State.DEAD and here.erp_reference is None:
            detail = f"{_state_of(here)}; vtex-erp dead-letters list shows more"
            yield self._made(FindingKind.DEAD, Fix.NOTHING, detail)

    def _moved_on(self) -> Iterator[Finding]:
        if self.in_erp is None and (self.here is None or self.here.erp_reference is None):
            here = "unknown here" if self.here is None else _state_of(self.here)
            sync = f"vtex-erp orders sync {self.there.order_id} --store {self.store} --as-handled"
            detail = f"VTEX shows {self.there.status!r}; {here}. Run {sync}"
            fix = Fix.BRING_IN if self._comes_as_handled else Fix.NOTHING
            yield self._made(FindingKind.MOVED_ON, fix, detail)

    @property
    def _comes_as_handled(self) -> bool:
        there = self.there
        return self.also_intake is not None and self.also_intake.include(
            there.status, there.origin, there.affiliate_id
        )

    def _lost(self) -> Iterator[Finding]:
        if self.in_erp is None and self.here is not None and self.here.erp_reference is not None:
            detail = f"inserted as {self.here.erp_reference}, and not found"
            yield self._made(FindingKind.LOST, Fix.NOTHING, detail)

    def _canceled(self) -> Iterator[Finding]:
        if self.in_erp is None or self._here_within(GRACE):
            return
        knows = self.in_erp.canceled
        here = self.here
        if knows or (
            here and (here.cancellation_requested or (knows is None and here.cancellation_reported))
        ):
            return
        detail = f"VTEX shows {self.there.status!r}, the ERP has it as {self.in_erp.reference}"
        yield self._made(FindingKind.CANCELED, Fix.REPORT, detail)

    def _invoices(self) -> Iterator[Finding]:
        here, status = self.here, self.there.status
        if here is None or self.in_erp is None or here.came_as_handled:
            return
        expected = self.sends_invoices and not _within(GRACE, here.invoice_requested_at, self.now)
        if status == "invoiced" and here.invoiced_at is None and expected:
            jobs = here.open_invoices + here.dead_invoices
            fix = Fix.RETRY_INVOICE if here.dead_invoices else Fix.NOTHING
            state = "asked for here and not done" if jobs else "the ERP asked for none here"
            yield self._made(FindingKind.INVOICED_THERE, fix, state, here.dead_invoices)
        whole = here.value_cents is not None and here.invoiced_cents >= here.value_cents > 0
        waits = _within(GRACE, here.invoiced_at, self.now)
        if whole and not waits and status not in ("invoiced", "invoice"):
            yield self._made(FindingKind.INVOICED_HERE, Fix.NOTHING, f"VTEX shows {status!r}")
        if here.open_cents and not waits and status not in ("invoiced", "invoice"):
            detail = f"{here.open_cents} cents are open, and VTEX shows {status!r}"
            yield self._made(FindingKind.CENTS_OPEN, Fix.NOTHING, detail)

    def _totals(self) -> Iterator[Finding]:
        there = self.there.value_cents
        if there is None or self.in_erp is None:
            return
        total = self.in_erp.total
        where, cents = "the ERP", None if total is None else int(total.scaleb(2))
        if cents is None and self.here is not None:
            where, cents = "the journal", self.here.value_cents
        if cents is not None and not _same_total(there, cents):
            detail = f"{there} cents at VTEX, {cents} in {where}"
            yield self._made(FindingKind.TOTALS, Fix.NOTHING, detail)

    @property
    def is_on_its_way(self) -> bool:
        """True if the order is too young to judge, or its job is open. Alerts cover open jobs."""
        if self.there.status in statuses.ENDED_CANCELED:
            return False
        if self.here is None:
            return not self._there_for(GRACE)
        return self.here.state is State.OPEN or self._here_within(GRACE)

    def _is_stuck(self) -> bool:
        # VTEX's list lacks the start of a status, which a recent step here may have caused.
        here = self.here
        moves = (here.updated_at, here.invoice_requested_at, here.invoiced_at) if here else ()
        recent = any(_within(STUCK_AFTER, moment, self.now) for moment in moves)
        return not recent and self._there_for(STUCK_AFTER)

    def _there_for(self, age: timedelta) -> bool:
        return not _within(age, self.there.authorized_at or self.there.created_at, self.now)

    def _here_within(self, age: timedelta) -> bool:
        return self.here is not None and _within(age, self.here.updated_at, self.now)

    def _made(
        self, kind: FindingKind, fix: Fix, detail: str, jobs: tuple[int, ...] = ()
    ) -> Finding:
        return Finding(
            kind,
            self.store,
            self.there.order_id,
            fix,
            detail,
            self.there,
            self.here,
            self.in_erp,
            jobs,
        )


@dataclass(slots=True)
class Comparison:
    """The result of a comparison.

    Attributes:
        orders: number of orders in VTEX's list.
        on_their_way: number of the orders that are too young to judge, or have an open job.
    """

    store: str
    since: datetime
    until: datetime
    orders: int = 0
    on_their_way: int = 0
    findings: list[Finding] = field(default_factory=list)

    def summary(self, at: datetime) -> Reconciliation:
        """Return the summary that the journal keeps."""
        kinds = Counter(str(finding.kind) for finding in self.findings)
        return Reconciliation(self.store, at, self.since, self.until, self.orders, kinds)


def compare_store(  # noqa: PLR0913  # the three sides, and their range
    journal: Journal,
    erp: Erp,
    client: VtexClient,
    store: str,
    since: datetime,
    until: datetime,
    *,
    seen: Callable[[int, int], None] = lambda _read, _total: None,
    seconds: float | None = None,
    also_intake: HandledOrders | None = None,
) -> Comparison:
    """Compare all VTEX orders of a range of dates with the journal and the ERP.

    Each page of VTEX's list is read before the journal: an order that comes in between is not a
    finding.

    Args:
        client: client with the priority for these calls.
        seen: called after each page with the number of read orders and of all orders.
        also_intake: the orders that the store's setting brings in as handled.
        seconds: time after which the comparison stops. ``until`` of the result is its end then.

    Raises:
        RateLimitReached: the store's calls are used up for now.
        VtexUnavailable, ErpUnavailable: a side did not respond.
    """
    began, compared = time.monotonic(), Comparison(store, since, until)
    invoices = journal.reconciliations.sends_invoices(store)
    for part in client.created(since, until):
        compared.orders += len(part.orders)
        seen(compared.orders, part.total)
        for batch in _batches(part.orders):
            ids = [order.order_id for order in batch]
            here, in_erp, now = (
                journal.reconciliations.orders(store, ids),
                erp_orders(erp, store, ids),
                journal.now(),
            )
            for order in batch:
                sides = Sides(
                    store,
                    order,
                    here.get(order.order_id),
                    in_erp.get(order.order_id),
                    now,
                    invoices,
                    also_intake,
                )
                compared.on_their_way += sides.is_on_its_way
                compared.findings += sides.findings()
        if part.through and seconds is not None and time.monotonic() - began > seconds:
            compared.until = min(part.through, until)
            break
    return compared


def _batches(orders: Sequence[ListedOrder]) -> Iterator[Sequence[ListedOrder]]:
    for start in range(0, len(orders), BATCH):
        yield orders[start : start + BATCH]


def _within(age: timedelta, moment: datetime | None, now: datetime) -> bool:
    return moment is not None and now - moment < age


def _state_of(here: JournalOrder) -> str:
    reason = f": {here.last_error}" if here.last_error else ""
    return f"{here.state} here at {here.stage}{reason}"


def _same_total(there: int, here: int) -> bool:
    # VTEX's list loses the bits of a total after the first 24.
    return abs(there - here) <= max(there, here) // _EXACT_CENTS
