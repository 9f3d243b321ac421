"""The order feed: its events and its configuration."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from marshmallow import ValidationError, fields, post_load

from foundation.messages import vtex as messages
from vtex.documents import FeedBatch, FeedConfig, FeedEvent, UnreadableEvent
from vtex.errors import DocumentInvalid
from vtex.schemas.values import Id, JsonObject, MomentField, TextField, Word, load, optional

MOST_HANDLE = 10_000


class _Handle(TextField):
    """The opaque handle that commits an event, sent back unchanged."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        if not isinstance(value, str):
            raise ValidationError("is not text")
        if not 0 < len(value) <= MOST_HANDLE:
            raise ValidationError(f"is empty, or longer than {MOST_HANDLE} characters")
        return value


class _Event(JsonObject):
    handle = _Handle(required=True)
    order_id = Id(data_key="orderId", required=True)
    event_id = Word(data_key="eventId")
    state = Word()
    changed_at = optional(MomentField, "currentChange")
    before = Word(data_key="lastState")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> FeedEvent:
        return FeedEvent(**data)


class _Filter(JsonObject):
    type = TextField()
    status = fields.List(Word(required=True), load_default=None, allow_none=True)


class _FeedConfig(JsonObject):
    filter = fields.Nested(_Filter, load_default=None, allow_none=True)
    queue = fields.Raw(load_default=None, allow_none=True)
    quantity = fields.Integer(load_default=None, allow_none=True)


_EVENT, _FEED_CONFIG = _Event(), _FeedConfig()


def read_feed(raw: Any) -> FeedBatch:
    """Read one response of the feed. A malformed event leaves the others unaffected.

    The order id and the handle are enough, since the order itself has the rest.

    Raises:
        DocumentInvalid: the response is not a list of events.
    """
    if not isinstance(raw, list):
        raise DocumentInvalid(messages.FEED_WITHOUT_EVENTS())
    events: list[FeedEvent] = []
    unreadable: list[UnreadableEvent] = []
    for row in raw:
        try:
            events.append(_event(row))
        except DocumentInvalid as error:
            unreadable.append(_unreadable(row, str(error)))
    return FeedBatch(tuple(events), tuple(unreadable))


def _event(raw: Any) -> FeedEvent:
    try:
        event: FeedEvent = _EVENT.load(raw)
    except ValidationError as error:
        wrong = error.messages if isinstance(error.messages, dict) else {}
        sound = {k: v for k, v in raw.items() if k not in wrong} if isinstance(raw, dict) else raw
        event = load(_EVENT, sound, "an event of the feed")
    return event


def _unreadable(raw: Any, reason: str) -> UnreadableEvent:
    names: dict[str, str | None] = {}
    for name, key in (("handle", "handle"), ("event_id", "eventId"), ("order_id", "orderId")):
        with suppress(ValidationError):
            value = raw.get(key) if isinstance(raw, dict) else None
            names[name] = _EVENT.fields[name].deserialize(value)
    return UnreadableEvent(reason, **names)


def read_feed_config(raw: Any) -> FeedConfig:
    """Read a feed's configuration, whose keys have two spellings.

    Raises:
        DocumentInvalid: the response is not a configuration.
    """
    data = load(_FEED_CONFIG, raw, "the feed's configuration")
    wanted, queue = data["filter"] or {}, data["queue"]
    numbers = {
        str(name).lower(): value
        for name, value in (*raw.items(), *(queue.items() if isinstance(queue, dict) else ()))
        if isinstance(value, int) and not isinstance(value, bool)
    }
    statuses = wanted.get("status")
    age = "ageofoldestmessageinseconds"
    return FeedConfig(
        statuses=None if statuses is None else tuple(statuses),
        hidden_seconds=numbers.get("visibilitytimeoutinseconds"),
        kept_seconds=numbers.get("messageretentionperiodinseconds"),
        is_workflow=(wanted.get("type") or "FromWorkflow") == "FromWorkflow",
        waiting=data["quantity"],
        oldest_seconds=numbers.get(f"approximate{age}", numbers.get(f"aproximate{age}")),
    )
