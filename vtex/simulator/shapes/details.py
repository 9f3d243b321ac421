"""What real documents hold beside goods, freight and payments."""

from typing import Any


def fiscal_payment(order: dict[str, Any]) -> None:
    """Add a marketplace's data about the payment for the nota."""
    order["marketplace"] |= {"name": "Mercado Exemplo", "baseURL": "https://mercado.example.com"}
    order["customData"]["customApps"][0]["fields"] = {
        "marketplacePaymentMethods": "creditCard",
        "marketplacePaymentCreditCardBrands": "Visa",
        "marketplacePaymentCnpjAcquirers": "01027058000191",
        "marketplacePaymentAuthorizationCodes": "551204",
    }
    order["invoiceData"] = {
        "address": None,
        "userPaymentInfo": {"paymentMethods": ["creditCard"]},
        "invoiceSubject": None,
    }


def purchase(order: dict[str, Any]) -> None:
    """Add what a company's buyer needs: order number, cost centre, budget, authorization."""
    order["customData"] = {
        "customApps": [],
        "customFields": [
            {
                "linkedEntity": {"type": "cart", "id": "cart"},
                "fields": [
                    {"name": "PO Number", "value": "PO-2026-0117"},
                    {"name": "costCenter", "value": "CC-40"},
                ],
            }
        ],
    }
    order["purchaseAgentData"] = {
        "purchaseAgents": [{"userId": "u-1", "organizationId": "org-9", "unitId": "unit-2"}]
    }
    order["budgetData"] = {
        "budgets": [{"id": "b-1", "name": "Escritório", "allocations": [{"id": "a-1"}]}]
    }
    order["authorizationPolicyData"] = [
        {"status": "accepted", "deniedPolicies": [], "pendingPolicies": []}
    ]


def subscribe(order: dict[str, Any]) -> None:
    """Make the order the third cycle of a subscription."""
    order["subscriptionData"] = {
        "SubscriptionGroupId": "A64AC73C0FB8693A7ADB4AC69CA4FD5F",
        "Subscriptions": [
            {
                "ExecutionCount": 3,
                "PriceAtSubscriptionDate": 100.0,
                "ItemIndex": 0,
                "Plan": {
                    "type": "RECURRING_PAYMENT",
                    "frequency": {"periodicity": "MONTH", "interval": 1},
                    "validity": {"begin": "2026-01-10T00:00:00", "end": None},
                },
            }
        ],
    }


def give(order: dict[str, Any]) -> None:
    """Buy from a gift registry."""
    order["giftRegistryData"] = {
        "attachmentId": "giftRegistryData",
        "giftRegistryId": "311",
        "giftRegistryType": "2",
        "giftRegistryTypeName": "Casamento",
        "addressId": "addr-1",
        "description": "Lista de casamento",
    }


def engrave(order: dict[str, Any]) -> None:
    """Attach a text and assembly options to items."""
    first, last = order["items"][0], order["items"][-1]
    first["attachments"] = [{"name": "Gravação", "content": {"Texto": "Feliz dia", "Linhas": "1"}}]
    last["itemAttachment"] = {"name": "Presente", "content": {"Cartão": "Parabéns"}}
    first["assemblies"] = [{"id": "moldura_Montagem", "inputValues": {"Cor": "carvalho"}}]


def change(order: dict[str, Any]) -> None:
    """Record that the last item was removed after the purchase."""
    gone = order["items"][-1]
    row = {
        "reason": "Sem estoque",
        "discountValue": gone["priceDefinition"]["total"],
        "incrementValue": 0,
        "itemsAdded": [],
        "itemsRemoved": [
            {
                "id": gone["id"],
                "name": gone["name"],
                "quantity": gone["quantity"],
                "price": gone["sellingPrice"],
                "unitMultiplier": str(gone["unitMultiplier"]),
            }
        ],
        "receipt": {
            "date": order["lastChange"],
            "orderId": order["orderId"],
            "receipt": "5b1d0b3f-7c1b-4a55-9b60-0f4f3c1d2e5a",
        },
    }
    order["changesAttachment"] = {"id": "changeAttachment", "changesData": [row]}
