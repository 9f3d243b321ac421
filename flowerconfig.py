"""Flower's settings: it always asks for a password, and listens on 127.0.0.1 by default.

``vtex-erp flower`` and ``celery -A workers flower`` apply this file from any folder. Flower also
serves the cluster's pages and metrics (docs/metrics.md).
"""

import secrets
import sys

from workers.configuration.settings import load
from workers.console import flower_pages


def _generated() -> str:
    generated = f"admin:{secrets.token_urlsafe(12)}"
    sys.stderr.write(f"Flower's user and password for this run: {generated}\n")
    return generated


settings = load()
flower_pages.add(settings)
basic_auth = [settings.flower_basic_auth or _generated()]
address = settings.flower_address  # Flower's own default is all interfaces
max_tasks = 10_000  # Flower's own default of 100,000 is its usual memory complaint
