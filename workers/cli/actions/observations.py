"""Run the commands of ``vtex-erp observations``."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

import click
from rich.table import Column

from erp.port import ErpError, ErpOrder, erp_orders
from foundation.messages import commands as messages
from journal.jobs.dead_letters import general_reason
from journal.model import State
from journal.observations import Observation
from tasks.context import Context
from tasks.intake.code_coverage import Coverage, cover
from tasks.intake.explanation import Fate
from workers.cli.actions.backfill import time_range
from workers.cli.options import LocalTime
from workers.cli.output import progress, show_json, show_table, show_zone, with_progress
from workers.cli.session import chosen_stores, reading

BATCH = 500
"""Orders in one look-up of the ERP."""

FATES = {
    Fate.INSERTED: "inserted",
    Fate.HELD: "held",
    Fate.SKIPPED: "skipped",
    Fate.WAITS: "postponed",
}
UNREAD, FAILED = "unread", "failed"
SAME, OTHER, UNKNOWN, ABSENT = "same total", "other total", "total unknown", "absent"
IN_ERP = (SAME, OTHER, UNKNOWN, ABSENT)


@dataclass
class Group:
    """Orders with something in common.

    Attributes:
        first_order: id of one of them.
    """

    name: str
    orders: int = 0
    first_order: str = ""

    def add(self, order_id: str) -> None:
        """Count an order."""
        self.orders += 1
        self.first_order = self.first_order or order_id


@dataclass
class Report:
    """The observed orders of a store.

    Attributes:
        days: day of the store to the number of orders by fate and by comparison with the ERP.
        orders: each order with its day, its fate and its place in the ERP.
        causes: fate and general reason to the orders that would not go in.
        differences: orders whose total in the ERP is another, with both totals.
        coverage: the codes that the orders need. ``None`` if the ERP did not answer.
        erp_fault: why the ERP was not asked.
    """

    store: str
    since: datetime
    until: datetime
    days: dict[str, Counter[str]] = field(default_factory=dict)
    orders: list[dict[str, Any]] = field(default_factory=list)
    causes: dict[tuple[str, str], Group] = field(default_factory=dict)
    flags: dict[str, Group] = field(default_factory=dict)
    differences: list[dict[str, Any]] = field(default_factory=list)
    coverage: Coverage | None = None
    erp_fault: str | None = None

    @property
    def is_clean(self) -> bool:
        """Whether every order would go in, with the total that the ERP has."""
        apart = (FATES[Fate.HELD], FAILED, OTHER)
        return not any(day[name] for day in self.days.values() for name in apart)


def report(
    *, store: str | None, since: LocalTime | None, until: LocalTime | None, as_json: bool
) -> None:
    """Report the fate of observed orders by store and day."""
    with reading() as context:
        reports = [
            _report(context, name, *time_range(context, name, since, until))
            for name in chosen_stores(context, store)
        ]
        if as_json:
            show_json({"stores": [_as_json(row, context.zone(row.store)) for row in reports]})
        else:
            for row in reports:
                _show(row, context.zone(row.store))
    raise SystemExit(0 if all(row.is_clean for row in reports) else 1)


def _report(context: Context, store: str, since: datetime, until: datetime) -> Report:
    made, zone = Report(store, since, until), context.zone(store)
    observed = context.journal.observations.find(store, since, until)
    try:
        known = _known(context, store, [row.order_id for row in observed])
    except ErpError as error:
        known, made.erp_fault = None, str(error)
    for row in observed:
        day, fate = f"{row.placed_at.astimezone(zone):%Y-%m-%d}", _count_fate(made, row)
        in_erp = None
        if known is not None and fate != FATES[Fate.SKIPPED]:
            in_erp = _compared(made, row, known.get(row.order_id))
        counts = made.days.setdefault(day, Counter())
        counts.update(filter(None, ("orders", fate, in_erp)))
        order = {"order_id": row.order_id, "day": day, "fate": fate, "in_erp": in_erp}
        made.orders.append(
            order | {"reason": row.result.get("reason"), "flags": row.result.get("flags", [])}
        )
    made.coverage = _coverage(context, store, since) if observed else None
    return made


def _count_fate(made: Report, row: Observation) -> str:
    result = row.result
    fate = FATES[Fate(result["fate"])] if result else _unread(row)
    reason = result.get("reason") or row.error
    if fate != FATES[Fate.INSERTED] and reason:
        cause = general_reason(reason)
        made.causes.setdefault((fate, cause), Group(cause)).add(row.order_id)
    if refusal := result.get("refusal"):
        made.causes.setdefault(("columns", refusal), Group(refusal)).add(row.order_id)
    for flag in result.get("flags", ()):
        made.flags.setdefault(flag, Group(flag)).add(row.order_id)
    return fate


def _unread(row: Observation) -> str:
    return FAILED if row.state is State.DEAD else UNREAD


def _compared(made: Report, row: Observation, there: ErpOrder | None) -> str:
    """Return how the ERP has an order, and keep a difference of totals."""
    cents = row.result.get("total_cents")
    ours = row.value_cents if cents is None else cents
    if there is None:
        return ABSENT
    if there.total is None or ours is None:
        return UNKNOWN
    total = Decimal(ours).scaleb(-2)
    if there.total == total:
        return SAME
    made.differences.append(
        {
            "order_id": row.order_id,
            "erp_reference": there.reference,
            "total": total,
            "erp_total": there.total,
        }
    )
    return OTHER


def _known(context: Context, store: str, ids: Sequence[str]) -> Mapping[str, ErpOrder]:
    known: dict[str, ErpOrder] = {}
    with progress(f"{store}: looked up in the ERP") as show:
        for start in range(0, len(ids), BATCH):
            known |= erp_orders(context.erp, store, ids[start : start + BATCH])
            show(min(start + BATCH, len(ids)), len(ids))
    return known


def _coverage(context: Context, store: str, since: datetime) -> Coverage | None:
    documents = context.journal.documents
    count = documents.count(store, since=since)
    kept = with_progress(f"{store}: codes", documents.each(store, since=since), count)
    try:
        return cover(context, store, since, kept)
    except ErpError:
        return None


# --- output -----------------------------------------------------------------------------------


def _as_json(made: Report, zone: tzinfo) -> dict[str, Any]:
    missing = made.coverage.missing if made.coverage else []
    return {
        "store": made.store,
        "time_zone": str(zone),
        "since": made.since,
        "until": made.until,
        "days": [{"day": day, **counts} for day, counts in sorted(made.days.items())],
        "orders": made.orders,
        "causes": [
            {"fate": fate, **dataclasses.asdict(group)}
            for (fate, _), group in sorted(made.causes.items(), key=_most_first)
        ],
        "flags": [dataclasses.asdict(group) for group in made.flags.values()],
        "missing_codes": [dataclasses.asdict(entry) for entry in missing],
        "differences": made.differences,
        "erp_fault": made.erp_fault,
    }


def _show(made: Report, zone: tzinfo) -> None:
    click.echo(f"{made.store}: {sum(day['orders'] for day in made.days.values())} orders observed")
    if made.erp_fault:
        click.echo(messages.ERP_NOT_COMPARED(error=made.erp_fault))
    if not made.days:
        return
    show_zone(zone)
    names = [*FATES.values(), *(name for name in (UNREAD, FAILED) if _has(made, name))]
    names += [name for name in IN_ERP if _has(made, name)]
    show_table(
        ("day", *(_number(name) for name in ("orders", *names))),
        (
            (day, *(str(counts[name] or "-") for name in ("orders", *names)))
            for day, counts in sorted(made.days.items())
        ),
    )
    _show_groups("would not go in", _causes(made))
    _show_groups("flag", ((group.name, group) for group in made.flags.values()))
    missing = made.coverage.missing if made.coverage else []
    _show_groups(
        "missing code",
        (
            (
                " ".join(filter(None, (row.need.kind, row.need.code, row.need.name))),
                Group("", row.orders, row.first_order or ""),
            )
            for row in missing
        ),
    )
    _show_groups(
        "other total in the ERP",
        (
            (f"{row['total']} here, {row['erp_total']} there", Group("", 1, row["order_id"]))
            for row in made.differences
        ),
    )


def _causes(made: Report) -> Iterator[tuple[str, Group]]:
    for (fate, cause), group in sorted(made.causes.items(), key=_most_first):
        yield f"{fate}: {cause}", group


def _show_groups(title: str, groups: Iterable[tuple[str, Group]]) -> None:
    rows = [(text, str(group.orders), group.first_order) for text, group in groups]
    if rows:
        first = Column("such as", no_wrap=True)
        show_table((Column(title, overflow="fold"), _number("orders"), first), rows)


def _has(made: Report, name: str) -> bool:
    return any(day[name] for day in made.days.values())


def _most_first(pair: tuple[tuple[str, str], Group]) -> tuple[str, int]:
    return pair[0][0], -pair[1].orders


def _number(name: str) -> Column:
    return Column(name, justify="right")
