"""Log events that need a person: each is an ERROR line with its next step."""

from __future__ import annotations

from foundation.messages.message import message

ALERT_UNDELIVERED = message(
    "VE-6301",
    "an alert was not delivered",
    "Run vtex-erp alerts list for the reason and vtex-erp alerts test to try all receivers",
)
