"""The fast path of an order's steps on PostgreSQL: one statement and one round trip per step.

A statement writes the whole step or leaves the rows alone. It leaves them alone in unusual cases,
such as a pause or a job at another stage. Then the general path decides, with five statements.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from journal.storage.database import JournalDatabase
from journal.storage.tables import bounded_text

# ``state || ''``: else PostgreSQL may read all that is open to find one order, 2 ms of 3,000; until
# a table is analyzed it takes one index to be as good as another.

_ENTER = """
UPDATE journal_jobs j SET unfinished_starts = j.unfinished_starts + 1, lease_until = %(lease)s,
    updated_at = %(now)s
FROM journal_orders o LEFT JOIN journal_documents d USING (store, order_id)
WHERE j.store = %(store)s AND j.order_id = %(order_id)s AND j.kind = 'intake'
    AND o.store = j.store AND o.order_id = j.order_id
    AND j.state || '' = 'open' AND j.attempt = %(attempt)s AND j.stage = %(at)s
    AND j.unfinished_starts = 0 AND j.crash_suspect = 0
    AND NOT EXISTS (
        SELECT FROM journal_store_pauses p WHERE p.store = j.store AND p.until > %(now)s
    )
    AND NOT EXISTS (SELECT FROM journal_erp_circuits)
RETURNING j.id, j.store, j.order_id, j.kind, j.stage, j.state, j.attempt, 0 AS unfinished_starts,
    j.crash_suspect, j.failures, j.as_handled, j.request_body, j.result, j.due_at, j.created_at,
    o.value_cents, o.erp_reference, d.order_document, d.payment_document, NULL AS erp_until,
    0 AS ignores_change
"""

_ADVANCE = """
WITH moved AS (
    UPDATE journal_jobs j SET stage = %(to)s, state = %(state)s,
        unfinished_starts = %(unfinished_starts)s, crash_suspect = 0, failures = 0,
        last_error = NULL, error_code = NULL, lease_until = %(lease)s, updated_at = %(now)s
    WHERE j.id = %(id)s AND j.state || '' = 'open' AND j.attempt = %(attempt)s AND j.stage = %(at)s
        AND NOT EXISTS (
            SELECT FROM journal_store_pauses p WHERE p.store = j.store AND p.until > %(now)s
        )
        AND NOT EXISTS (SELECT FROM journal_erp_circuits)
    RETURNING j.store, j.order_id
), logged AS (
    INSERT INTO journal_events (store, order_id, at, kind, stage, attempt, event, detail)
    SELECT store, order_id, %(now)s, 'intake', %(to)s, %(attempt)s, event, detail
    FROM moved, unnest(%(events)s::text[], %(details)s::text[]) AS line (event, detail)
), stored AS (
    INSERT INTO journal_documents AS d
        (store, order_id, order_document, payment_document, stored_at)
    SELECT store, order_id, %(order_document)s::bytea, %(payment_document)s::bytea, %(now)s
    FROM moved WHERE %(keeps)s
    ON CONFLICT (store, order_id) DO UPDATE SET
        order_document = coalesce(excluded.order_document, d.order_document),
        payment_document = coalesce(excluded.payment_document, d.payment_document),
        stored_at = excluded.stored_at
), referred AS (
    UPDATE journal_orders o SET
        erp_reference = coalesce(%(erp_reference)s::text, o.erp_reference),
        created_at = coalesce(%(created_at)s::timestamptz, o.created_at),
        value_cents = coalesce(%(value_cents)s::bigint, o.value_cents)
    FROM moved
    WHERE o.store = moved.store AND o.order_id = moved.order_id AND %(refers)s
)
SELECT order_id FROM moved
"""

_RECORD = """
WITH given AS (
    SELECT * FROM unnest(%(ids)s::text[], %(placed)s::timestamptz[], %(values)s::bigint[])
        WITH ORDINALITY AS one (order_id, placed_at, value_cents, place)
), noted AS (
    INSERT INTO journal_orders (store, order_id, value_cents, created_at, listed_at)
    SELECT %(store)s, order_id, value_cents, placed_at, %(now)s FROM given ORDER BY place
    ON CONFLICT DO NOTHING
), opened AS (
    INSERT INTO journal_jobs (store, order_id, kind, key, stage, state, attempt,
        unfinished_starts, crash_suspect, failures, not_ready, due_at, created_at, updated_at)
    SELECT %(store)s, order_id, 'intake', '', 'listed', 'open', 0, 0, 0, 0, 0,
        least(placed_at, %(now)s), %(now)s, %(now)s
    FROM given ORDER BY place
    ON CONFLICT DO NOTHING RETURNING order_id
), logged AS (
    INSERT INTO journal_events (store, order_id, at, kind, stage, attempt, event)
    SELECT %(store)s, order_id, %(now)s, 'intake', 'listed', 0, 'listed' FROM opened
)
SELECT count(*) AS new FROM opened
"""


def record(
    database: JournalDatabase,
    store: str,
    listed: Sequence[tuple[str, datetime | None, int | None]],
    now: datetime,
) -> int:
    """Write new orders with their intakes. Return their number.

    Args:
        listed: order id, creation time and value in cents, the oldest first.
    """
    ids, placed, values = ([*column] for column in zip(*listed, strict=True))
    named = {"store": store, "now": now, "ids": ids, "placed": placed, "values": values}
    return int((database.once(_RECORD, named) or {})["new"])


def enter(database: JournalDatabase, **named: Any) -> dict[str, Any] | None:
    """Begin a step of an intake. Return its job, or ``None`` for the general path.

    Args:
        named: ``store``, ``order_id``, ``attempt``, ``at`` (stage), ``now``, ``lease``.
    """
    return database.once(_ENTER, named)


def advance(
    database: JournalDatabase,
    job: Mapping[str, Any],
    *,
    lines: Sequence[tuple[str, str | None]],
    documents: Mapping[str, bytes | None],
    placed: tuple[datetime, int] | None,
    **named: Any,
) -> bool:
    """End a step of an intake and begin the next. Return false for the general path.

    Args:
        job: the job as it was read.
        lines: lines of the timeline: event and detail.
        documents: fetched documents by column.
        placed: creation time and value of the order, if they are new.
        named: ``to`` (stage), ``state``, ``unfinished_starts``, ``now``, ``lease``, and
            ``erp_reference`` or None.
    """
    values = named | {
        "id": job["id"],
        "attempt": job["attempt"],
        "at": job["stage"],
        "order_document": documents.get("order_document"),
        "payment_document": documents.get("payment_document"),
        "keeps": bool(documents),
        "refers": named["erp_reference"] is not None or placed is not None,
        "created_at": placed and placed[0],
        "value_cents": placed and placed[1],
        "events": [event for event, _ in lines],
        "details": [bounded_text(detail) for _, detail in lines],
    }
    return database.once(_ADVANCE, values) is not None
