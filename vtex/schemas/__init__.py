"""Schemas that read VTEX's JSON into documents. A fault names its field's path."""

from vtex.schemas.feed import read_feed, read_feed_config
from vtex.schemas.listing import read_page
from vtex.schemas.orders import read_order
from vtex.schemas.packages import read_packages, read_receipt
from vtex.schemas.payments import read_transaction

__all__ = [
    "read_feed",
    "read_feed_config",
    "read_order",
    "read_packages",
    "read_page",
    "read_receipt",
    "read_transaction",
]
