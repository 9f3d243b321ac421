"""The e-mails of an order: an endpoint that the workers do not call yet."""

from __future__ import annotations

from support.recipes.recipe import Recipe

RECIPE = Recipe(
    "Add a VTEX endpoint",
    {
        "vtex/transport/endpoints.py": [
            (
                '    (r"/api/orders/feed", "feed"),\n',
                '    (r"/api/oms/pvt/orders/[^/]+/conversation-message", "messages"),\n'
                '    (r"/api/orders/feed", "feed"),\n',
            )
        ],
        "vtex/documents.py": [
            (
                "",
                '''

@dataclass(frozen=True, slots=True)
class Mail:
    """An e-mail that VTEX sent about an order."""

    subject: str
''',
            )
        ],
        "vtex/schemas/mails.py": '''"""E-mails of an order."""

from __future__ import annotations

from typing import Any

from marshmallow import post_load

from vtex.documents import Mail
from vtex.schemas.values import JsonObject, TextField, load


class _Mail(JsonObject):
    subject = TextField(required=True)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Mail:
        return Mail(**data)


def read_mails(raw: list[Any]) -> tuple[Mail, ...]:
    """Read the e-mails of an order."""
    return tuple(load(_Mail(), row, "an e-mail") for row in raw)
''',
        "vtex/client.py": [
            (
                "from vtex.errors import (",
                "from vtex.schemas.mails import read_mails\nfrom vtex.documents import Mail\n"
                "from vtex.errors import (",
            ),
            (
                "    def transaction(self, transaction_id: str)",
                '''    def mails(self, order_id: str) -> tuple[Mail, ...]:
        """Return the e-mails of an order.

        Source: ``GET /api/oms/pvt/orders/{orderId}/conversation-message``.
        """
        return read_mails(self._transport.get(f"{_order_path(order_id)}/conversation-message"))

    def transaction(self, transaction_id: str)''',
            ),
        ],
        "vtex/simulator/routes.py": [
            (
                "def _start_handling(call: Call)",
                """def _mails(call: Call) -> Answer:
    call.entry()
    return 200, [{"subject": "Pedido recebido"}]


def _start_handling(call: Call)""",
            ),
            (
                '    f"{_ORDER}/start-handling": {\n',
                '    f"{_ORDER}/conversation-message": {\n'
                '        "GET": Operation("messages", "View order", _mails)\n'
                "    },\n"
                '    f"{_ORDER}/start-handling": {\n',
            ),
        ],
    },
    """
from vtex.client import VtexClient
from vtex.simulator.config import Config
from vtex.simulator.server import running
from vtex.transport.endpoints import endpoint_of
from vtex.transport.transport import Account, Transport

with running(Config(port=0)) as store:
    (order_id,) = store.store.generate(1, "ready-for-handling", "plain")
    account = Account("acme", store.app_key, store.app_token, store.url, store.url)
    (mail,) = VtexClient(Transport(account)).mails(order_id)

assert mail.subject == "Pedido recebido"
assert endpoint_of(f"/api/oms/pvt/orders/{order_id}/conversation-message") == "messages"
""",
)
