"""What must be seen nowhere: every text about the persons who bought at the simulated store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import requests

from support.servers import Cluster
from vtex.simulator.state import Entry

# What these fields hold tells nothing of a person.
IMPERSONAL = {"id", "addressType", "addressId", "country", "documentType", "isCorporate"}


def personal_words(cluster: Cluster) -> set[str]:
    """Return every text about the persons who bought, from VTEX's own documents."""
    words: set[str] = set()
    for order_id in cluster.state()["orders"]:
        order = requests.get(
            f"{cluster.simulator}/api/oms/pvt/orders/{order_id}",
            timeout=10,
            headers={
                "X-VTEX-API-AppKey": cluster.env["VTEX_APP_KEY"],
                "X-VTEX-API-AppToken": cluster.env["VTEX_APP_TOKEN"],
            },
        ).json()
        for part in (order["clientProfileData"], order["shippingData"]["address"]):
            words |= set(texts(part))
    digits = {re.sub(r"\D", "", word) for word in words}
    told = {word for word in words | digits if len(word) > 2 and not re.fullmatch(r"\d{1,5}", word)}
    assert len(told) > 3 * len(cluster.state()["orders"])
    return told


def texts_of(entry: Entry) -> set[str]:
    """Return every text about the person who bought, of an order of the simulated store."""
    order = entry.order
    parts = (order["clientProfileData"], order["shippingData"]["address"])
    return {text for part in parts for text in texts(part) if len(text) > 5}


def texts(part: dict[str, Any]) -> Iterator[str]:
    return (
        value for field, value in part.items() if isinstance(value, str) and field not in IMPERSONAL
    )
