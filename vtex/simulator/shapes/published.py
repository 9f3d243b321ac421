"""Fields that VTEX publishes for every order, whatever its kind."""

from typing import Any


def complete(order: dict[str, Any]) -> None:
    """Add the fields that the kind left out."""
    order.setdefault("giftRegistryData", None)
    order.setdefault(
        "authorizationPolicyData",
        # A store without policies accepts every order.
        [{"status": "accepted", "deniedPolicies": [], "pendingPolicies": []}],
    )
    if order["customData"]:
        order["customData"].setdefault("customFields", [])
    for total in order["totals"]:
        total["alternativeTotals"] = _alternatives(order, total)


def _alternatives(order: dict[str, Any], total: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return what a total would be without the marketplace's own discounts."""
    if total["id"] != "Items" or order["origin"] != "Fulfillment":
        return None
    return [{"id": "Items", "name": "Items Total", "value": total["value"]}]


def connector_responses(payment: dict[str, Any]) -> dict[str, Any]:
    """Return the answers of the gateway's connector, as gateways fill them.

    The names repeat in other letters, as different connectors write them. Only a card has an
    acquirer, its number and its authorization.
    """
    tid = payment["tid"]
    answers = {
        "Tid": tid, "tid": tid, "ReturnCode": "0", "Message": None, "code": "0",
        "message": "Transação autorizada", "status": "approved", "paymentId": payment["id"],
        "delayToAutoSettle": 21_600, "delayToAutoSettleAfterAntifraud": "1800",
    }  # fmt: skip
    if payment["group"] == "creditCard":
        authorization = tid[:6]
        answers |= {
            "authId": authorization, "authorizationId": authorization, "nsu": tid[-6:],
            "acquirer": "Cielo", "acquirerCnpj": "01027058000191",
        }  # fmt: skip
    return answers
