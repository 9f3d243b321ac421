"""Flower's settings: it always asks for a password, and listens on 127.0.0.1 by default.

``vtex-erp flower`` and ``celery -A workers flower`` apply this file from any folder. The
password is ``FLOWER_BASIC_AUTH`` (``user:password``) or the content of ``FLOWER_BASIC_AUTH_FILE``.
Flower also serves the cluster's pages and metrics (docs/metrics.md).
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from workers.configuration.settings import load
from workers.console import flower_pages


def _password() -> str:
    password = os.environ.get("FLOWER_BASIC_AUTH", "")
    path = os.environ.get("FLOWER_BASIC_AUTH_FILE", "")
    if not password and path:
        password = Path(path).read_text(encoding="utf-8").strip()
    if password:
        return password
    generated = f"admin:{secrets.token_urlsafe(12)}"
    sys.stderr.write(f"Flower's user and password for this run: {generated}\n")
    return generated


flower_pages.add(load())
basic_auth = [_password()]
address = os.environ.get("FLOWER_ADDRESS", "127.0.0.1")  # Flower's own default is all interfaces
max_tasks = 10_000  # Flower's own default of 100,000 is its usual memory complaint
