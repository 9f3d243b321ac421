"""Run the commands of ``vtex-erp dead-letters``, and retry or discard for other commands."""

import dataclasses
import zlib
from collections.abc import Collection, Iterator, Sequence
from datetime import tzinfo
from typing import Any

import click
from rich.table import Column

from foundation.messages import commands as messages
from journal.jobs.dead_letters import DeadLetter, DeadLetterFilter
from journal.journal import Journal
from journal.model import Kind
from tasks.workflow import send
from workers.cli.options import LocalTime
from workers.cli.output import (
    moment,
    progress,
    show_json,
    show_table,
    show_zone,
    standing_of_request,
    with_code,
)
from workers.cli.session import confirmed, journal_only, sending, warn_if_never_listed
from workers.configuration.settings import load

MOST = 100_000
"""Most jobs of one call, so that they fit into memory. The next call takes the rest."""

CAUSES = 5
"""Most causes that a confirmation names. ``dead-letters list`` shows all of them."""


@dataclasses.dataclass(frozen=True)
class Group:
    """Dead jobs of one cause, the longest dead first."""

    cause: str
    jobs: Sequence[DeadLetter]

    @property
    def number(self) -> int:
        """Number computed from the cause alone, so that it never changes."""
        return zlib.crc32(self.cause.encode()) % 1_000_000

    def as_json(self) -> dict[str, Any]:
        """Return the group for JSON."""
        return {
            "group": self.number,
            "error_code": self.jobs[0].error_code,
            "cause": self.cause,
            "count": len(self.jobs),
            "attempts": sum(job.attempts for job in self.jobs),
            "stores": sorted({job.store for job in self.jobs}),
            "first": dataclasses.asdict(self.jobs[0]),
            "last": dataclasses.asdict(self.jobs[-1]),
        }


def list_dead_letters(*, groups: Sequence[int], limit: int, as_json: bool, **filters: Any) -> None:
    """List dead letters: groups by cause with their numbers, then single jobs."""
    wanted = _which(**filters)
    with journal_only() as journal:
        jobs = _find(journal, wanted, groups)
    grouped = _grouped(jobs)
    if as_json:
        shown = [dataclasses.asdict(job) for job in jobs[:limit]]
        causes = [group.as_json() for group in grouped]
        show_json({"count": len(jobs), "causes": causes, "jobs": shown})
        return
    if not jobs:
        click.echo("no dead letters")
        return
    zone = load().zone(wanted.store)
    show_zone(zone)
    _print_groups(grouped, zone)
    for job in jobs[:limit]:
        click.echo(
            f"job {job.job}: {job.store} {job.order_id} {job.kind} at {job.stage}, "
            f"since {moment(job.since, zone)}, attempt {job.attempts}: "
            f"{with_code(job.reason, job.error_code)}"
        )
    if len(jobs) > limit:
        click.echo(f"and {len(jobs) - limit} more: --limit shows them")


def retry_dead_letters(
    *, groups: Sequence[int], everything: bool, yes: bool, **filters: Any
) -> None:
    """Retry all dead letters of a group, or all that fit the filters, now."""
    _require_filter(groups, filters, everything=everything)
    retry(_which(**filters), groups, yes=yes)


def discard_dead_letters(
    *, groups: Sequence[int], everything: bool, reason: str, yes: bool, **filters: Any
) -> None:
    """Discard all dead letters of a group, or all that fit the filters, for good."""
    _require_filter(groups, filters, everything=everything)
    discard(_which(**filters), reason, groups, yes=yes)


def retry(
    wanted: DeadLetterFilter,
    groups: Collection[int] = (),
    *,
    yes: bool,
    ignores_change: bool = False,
) -> None:
    """Retry dead jobs after a question.

    Args:
        ignores_change: send invoices although a change of the order may be under way.
    """
    with sending() as context:
        jobs = _find(context.journal, wanted, groups)
        if _confirmed(jobs, "retry", yes=yes):
            retried = context.journal.dead_letters.retry(jobs, ignores_change=ignores_change)
            _move(retried, len(jobs), "retried")
            send(context.journal, context.journal.jobs.dispatch(in_flight=context.in_flight))


def discard(
    wanted: DeadLetterFilter, reason: str, groups: Collection[int] = (), *, yes: bool
) -> None:
    """Discard dead jobs for good after a question."""
    if not reason.strip():
        raise click.UsageError(messages.REASON_EMPTY())
    with journal_only() as journal:
        jobs = _find(journal, wanted, groups)
        if _confirmed(jobs, "discard for good", yes=yes):
            _move(journal.dead_letters.discard(jobs, reason), len(jobs), "discarded")


def _which(
    *,
    kind: str | None,
    matching: str | None,
    since: LocalTime | None,
    until: LocalTime | None,
    store: str | None,
    order_id: str | None,
) -> DeadLetterFilter:
    zone = load().zone(store)
    begin, end = (limit.at(zone) if limit else None for limit in (since, until))
    if begin and end and begin > end:
        raise click.UsageError(messages.RANGE_EMPTY(begin="--since", end="--until"))
    wanted = Kind(kind) if kind else None
    return DeadLetterFilter(store, order_id, wanted, matching, begin, end)


def _require_filter(groups: Sequence[int], filters: dict[str, Any], *, everything: bool) -> None:
    if not (groups or everything or any(filters.values())):
        raise click.UsageError(messages.FILTER_MISSING())


def _find(journal: Journal, wanted: DeadLetterFilter, groups: Collection[int]) -> list[DeadLetter]:
    jobs = journal.dead_letters.find(wanted, limit=MOST)
    if not jobs:
        warn_if_never_listed(wanted.store, journal.orders.counts())
        _explain_absence(journal, wanted.job)
    if len(jobs) == MOST:
        click.echo(f"only the {MOST} jobs that died first are included", err=True)
    if not groups:
        return jobs
    chosen = {group.cause for group in _grouped(jobs) if group.number in groups}
    return [job for job in jobs if job.cause in chosen]


def _explain_absence(journal: Journal, job: int | None) -> None:
    row = journal.requests.get(job) if job is not None else None
    if row is not None:
        click.echo(standing_of_request(row), err=True)
        if row.purged:
            click.echo(
                "its content was purged, so it cannot be retried: request it again (for an "
                "invoice, under another number)",
                err=True,
            )


def _grouped(jobs: Sequence[DeadLetter]) -> list[Group]:
    """Return dead jobs by their cause, the most frequent first."""
    causes: dict[str, list[DeadLetter]] = {}
    for job in jobs:
        causes.setdefault(job.cause, []).append(job)
    groups = [Group(cause, members) for cause, members in causes.items()]
    return sorted(groups, key=lambda group: -len(group.jobs))


def _print_groups(groups: Sequence[Group], zone: tzinfo) -> None:
    times = [Column(name, no_wrap=True) for name in ("first since", "last since")]
    rows = [
        (
            group.number,
            len(group.jobs),
            moment(group.jobs[0].since, zone),
            moment(group.jobs[-1].since, zone),
            sum(job.attempts for job in group.jobs),
            ", ".join(sorted({job.store for job in group.jobs})),
            with_code(group.cause, group.jobs[0].error_code),
        )
        for group in groups
    ]
    show_table(("group", "jobs", *times, "tries", "stores", Column("cause", overflow="fold")), rows)


def _confirmed(jobs: Sequence[DeadLetter], action: str, *, yes: bool) -> bool:
    if not jobs:
        click.echo("no dead letter fits")
        return False
    if yes:
        return True
    groups = _grouped(jobs)
    for group in groups[:CAUSES]:
        click.echo(f"{len(group.jobs):>7}  {group.cause}")
    if len(groups) > CAUSES:
        click.echo(f"and {len(groups) - CAUSES} more causes: vtex-erp dead-letters list")
    orders = len({(job.store, job.order_id) for job in jobs})
    return confirmed(f"{action}: {len(jobs)} jobs of {orders} orders?")


def _move(batches: Iterator[int], count: int, action: str) -> None:
    done = 0
    try:
        with progress(action) as show:
            for batch in batches:
                done += batch
                show(done, count)
    finally:
        # Also after Ctrl-C: moved jobs stay moved, and the next call takes the rest.
        click.echo(f"{done} jobs {action}" + (f", of {count}" if done < count else ""))
