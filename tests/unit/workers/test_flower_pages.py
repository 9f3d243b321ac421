"""Flower serves our pages wherever it is told to serve its own."""

from flower.app import rewrite_handler
from flower.urls import handlers

from workers.configuration.settings import load
from workers.console import flower_pages


def test_our_pages_come_first_and_follow_the_prefix() -> None:
    before = list(handlers)
    try:
        flower_pages.add(load({}))
        ours = [rewrite_handler(handler, "/flower") for handler in handlers[:3]]
    finally:
        handlers[:] = before

    paths = [entry.regex.pattern for entry in ours]
    assert paths == ["/flower/metrics$", "/flower/livez$", "/flower/readyz$"]
    assert all(entry.kwargs for entry in ours)
