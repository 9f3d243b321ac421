"""The usual Celery application: a chain of tasks, each of which hands its JSON to the next.

The result backend is Redis, as the broker is; the rest is as Celery comes, but for retries.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, chain

from bench.yardsticks import job

app = Celery("naive_chain", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
app.conf.beat_schedule = {"poll": {"task": "poll", "schedule": 60.0}}
app.conf.broker_connection_retry_on_startup = True

RETRIED: dict[str, Any] = {"autoretry_for": (Exception,), "retry_backoff": True, "max_retries": 5}


@app.task(name="poll")
def poll() -> None:
    """Send every listed order on its way."""
    for order_id in job.listed():
        chain(fetch.s(order_id), fetch_payment.s(), insert.s(), start_handling.s()).delay()


@app.task(name="fetch", **RETRIED)
def fetch(order_id: str) -> dict[str, Any]:
    return job.order(order_id)


@app.task(name="fetch_payment", **RETRIED)
def fetch_payment(document: dict[str, Any]) -> dict[str, Any]:
    return {"order": document, "transactions": job.transactions(document)}


@app.task(name="insert", **RETRIED)
def insert(documents: dict[str, Any]) -> str:
    job.insert(documents["order"], documents["transactions"])
    return str(documents["order"]["orderId"])


@app.task(name="start_handling", **RETRIED)
def start_handling(order_id: str) -> str:
    job.start_handling(order_id)
    return order_id
