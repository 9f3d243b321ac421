"""Flower's settings: a password always, one machine only unless told otherwise.

``vtex-erp flower`` and ``celery -A workers flower`` apply this file from any folder. The
password is ``FLOWER_BASIC_AUTH`` (``user:password``) or the content of ``FLOWER_BASIC_AUTH_FILE``.
Beside its own pages and metrics Flower serves the cluster's (docs/metrics.md).
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from workers.configuration.settings import load
from workers.console import flower_pages


def _password() -> str:
    given = os.environ.get("FLOWER_BASIC_AUTH", "")
    path = os.environ.get("FLOWER_BASIC_AUTH_FILE", "")
    if not given and path:
        given = Path(path).read_text(encoding="utf-8").strip()
    if given:
        return given
    made = f"admin:{secrets.token_urlsafe(12)}"
    sys.stderr.write(f"Flower's user and password for this run: {made}\n")
    return made


flower_pages.add(load())
basic_auth = [_password()]
address = os.environ.get("FLOWER_ADDRESS", "127.0.0.1")  # Flower's own default is all interfaces
max_tasks = 10_000  # Flower's own default of 100,000 is its usual memory complaint
