"""A plain script: one order after the other, with requests. It looks again every half second.

What is not finished when it dies is begun anew, for VTEX goes on listing it; nothing else is kept.
"""

from __future__ import annotations

import time

from bench.yardsticks import job

PAUSE_SECONDS = 0.5


def work_off() -> None:
    """Bring in what is listed now."""
    for order_id in job.listed():
        document = job.order(order_id)
        job.insert(document, job.transactions(document))
        job.start_handling(order_id)


def main() -> None:
    print(" ready.", flush=True)
    while True:
        work_off()
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
