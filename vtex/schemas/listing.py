"""The order list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, post_load

from vtex.documents import ListedOrder, OrderPage
from vtex.errors import DocumentInvalid
from vtex.schemas.values import Id, JsonObject, MomentField, RoundedCents, TextField, load, optional


class _Row(JsonObject):
    order_id = Id(data_key="orderId", required=True)
    created_at = optional(MomentField, "creationDate")
    status = TextField()
    value_cents = optional(RoundedCents, "totalValue")
    authorized_at = optional(MomentField, "authorizedDate")
    origin = TextField()
    affiliate_id = TextField(data_key="affiliateId")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> ListedOrder:
        return ListedOrder(**data)


class _Paging(JsonObject):
    total = fields.Integer(required=True)
    pages = fields.Integer(required=True)
    page = fields.Integer(data_key="currentPage", required=True)


class _Page(JsonObject):
    rows = fields.List(fields.Raw(allow_none=True), data_key="list", required=True)
    paging = fields.Nested(_Paging, required=True)


_PAGE, _ROW = _Page(), _Row()


def read_page(raw: Any) -> OrderPage:
    """Read one page of the order list. A malformed row leaves the others unaffected.

    Raises:
        DocumentInvalid: the response is not a page.
    """
    data = load(_PAGE, raw, "the order list")
    orders, unreadable = [], []
    for place, row in enumerate(data["rows"]):
        try:
            orders.append(_row(row))
        except DocumentInvalid as error:
            unreadable.append(f"list.{place}: {error}")
    return OrderPage(orders=tuple(orders), unreadable=tuple(unreadable), **data["paging"])


def _row(raw: Any) -> ListedOrder:
    try:
        row: ListedOrder = load(_ROW, raw, "a row")
    except DocumentInvalid as error:
        if not isinstance(raw, Mapping):
            raise
        # The id is enough, since the order itself has the rest.
        sound = {k: v for k, v in raw.items() if k == "orderId" or k not in error.faults}
        row = load(_ROW, sound, "a row")
    return row
