"""A simulated store on a real socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.store_client import StoreClient, served_store


@pytest.fixture
def client() -> Iterator[StoreClient]:
    with served_store() as made:
        yield made
