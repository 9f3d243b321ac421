"""Run a published client of VTEX: calls on standard input, answers on standard output.

VTEX's hosts lead to the simulator, below the client's own code. It runs without our packages.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

HOSTS = ("vtexcommercestable.com.br", "vtexpayments.com.br")


def lead_httpx(url: str) -> None:
    """Let httpx reach the simulator instead of VTEX."""
    import httpx

    send = httpx.HTTPTransport.handle_request
    there = httpx.URL(url)

    def handle(transport: Any, request: Any) -> Any:
        require_vtex(request.url.host, request.url.scheme)
        request.url = request.url.copy_with(scheme="http", host=there.host, port=there.port)
        return send(transport, request)

    httpx.HTTPTransport.handle_request = handle


def lead_requests(url: str) -> None:
    """Let requests reach the simulator instead of VTEX."""
    from requests.adapters import HTTPAdapter

    send = HTTPAdapter.send

    def handle(adapter: Any, request: Any, **options: Any) -> Any:
        asked = urlsplit(request.url)
        require_vtex(asked.hostname, asked.scheme)
        request.url = request.url.replace(f"https://{asked.netloc}", url, 1)
        return send(adapter, request, **options)

    HTTPAdapter.send = handle


def require_vtex(host: str | None, scheme: str) -> None:
    """Fail if a client calls another place than VTEX."""
    if scheme != "https" or not str(host).endswith(HOSTS):
        raise AssertionError(f"{scheme}://{host} is not VTEX")


def vtexpy(options: dict[str, str]) -> tuple[Any, tuple[str, ...]]:
    """Return the client of vtexpy, and the names of its APIs of orders and payments."""
    from vtex import VTEX, VTEXConfig

    lead_httpx(options["url"])
    config = VTEXConfig(
        account_name=options["account"],
        app_key=options["app_key"],
        app_token=options["app_token"],
        retry_attempts=0,
        raise_for_status_code=False,
    )
    return VTEX(config), ("orders", "payments_gateway")


def vtex(options: dict[str, str]) -> tuple[Any, tuple[str, ...]]:
    """Return the client of vtex, and the names of its APIs of orders and payments."""
    from vtex import Vtex

    lead_requests(options["url"])
    client = Vtex(
        options["account"], "vtexcommercestable", options["app_key"], options["app_token"]
    )
    return client, ("order_management", "payments_gateway")


def methods(client: Any, apis: tuple[str, ...]) -> list[str]:
    """Return the calls of the APIs."""
    return [
        f"{api}.{name}"
        for api in apis
        for name, value in vars(type(getattr(client, api))).items()
        if callable(value) and not name.startswith("_")
    ]


def argument(value: Any) -> Any:
    """Read a time, which JSON lacks."""
    return (
        datetime.fromisoformat(value["time"])
        if isinstance(value, dict) and "time" in value
        else value
    )


def answer(client: Any, call: dict[str, Any]) -> tuple[int, Any]:
    """Make a call. Return status and JSON of the answer."""
    api, _, name = call["method"].partition(".")
    args = map(argument, call["args"])
    options = {key: argument(value) for key, value in call["options"].items()}
    result = getattr(getattr(client, api), name)(*args, **options)
    if not hasattr(result, "response"):
        return result.status_code, result.json
    return result.status_code, result.response.json() if result.response.content else None


def main() -> None:
    """Answer calls until standard input ends."""
    options = json.loads(sys.stdin.readline())
    sys.path.insert(0, options["folder"])
    client, apis = (vtexpy if options["folder"].endswith("vtexpy") else vtex)(options)
    print(json.dumps(methods(client, apis)), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(client, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
