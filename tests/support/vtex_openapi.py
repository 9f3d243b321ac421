"""The documents that VTEX publishes, where they are at hand."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

FOLDER = os.environ.get("VTEX_OPENAPI_DIR", "")
needed = pytest.mark.skipif(
    not FOLDER, reason="VTEX_OPENAPI_DIR names no folder with VTEX's OpenAPI documents"
)
FILES = {"orders": "orders-api.json", "payments": "payments-gateway-api.json"}
ORDER = "/api/oms/pvt/orders/{orderId}"
TRANSACTION = "/api/pvt/transactions/{transactionId}"
PAYMENT = f"{TRANSACTION}/payments/{{paymentId}}"


def document(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((Path(FOLDER) / FILES[name]).read_text(encoding="utf-8"))
    return read


def content(name: str, path: str, method: str = "get", status: str = "200") -> dict[str, Any]:
    answer = document(name)["paths"][path][method]["responses"][status]["content"]
    found: dict[str, Any] = next(iter(answer.values()))
    return found


def example(name: str, path: str, method: str = "get") -> Any:
    found = content(name, path, method)
    return (
        found["example"] if "example" in found else next(iter(found["examples"].values()))["value"]
    )


def resolved(schema: dict[str, Any], name: str = "orders") -> dict[str, Any]:
    """Follow the reference of a schema."""
    if "$ref" not in schema:
        return schema
    found: Any = document(name)
    for step in schema["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return dict(found)
