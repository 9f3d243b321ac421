"""Doubts about orders that the ERP receives with a flag."""

from foundation.messages.message import message

WEIGHED_ROUNDING = message(
    "VE-2701", "weighed goods: lines and total are {difference} apart, booked in other"
)
LINE_FREIGHT_UNKNOWN = message(
    "VE-2702", "freight: the lines have {lines}, Shipping is {shipping} (difference {difference})"
)
PAYMENT_MISSING = message("VE-2703", "payments: are missing, the order's value is {value}")
PAYMENT_SHORT = message("VE-2704", "payments: {paid} paid, the order's value is {value}")
PAYMENT_OVER = message(
    "VE-2705", "payments: {paid} paid, {difference} more than the order's value {value}"
)
PAYMENT_GROUP = message(
    "VE-2706",
    "payments: {paid} paid for a group of orders, this order's value is {value} (difference "
    "{difference})",
)
CHECK_DIGIT_WRONG = message("VE-2707", "{path}: the check digits of the {kind} are wrong")
BILLING_ADDRESS_MISSING = message(
    "VE-2708", "invoiceData.address: the order lacks an address for the nota"
)
DESTINATION_MISSING = message(
    "VE-2709", "shippingData.logisticsInfo: item {item} lacks a destination"
)
PICKUP_POINT_MISSING = message(
    "VE-2710", "shippingData.logisticsInfo: item {item} lacks a pickup point"
)
OBSERVED = message("VE-2721", "the intake of this order would {fate}")
TEXT_CUT = message("VE-2711", "{column}: cut to {limit} characters")
CHANGE_WITHOUT_LINE = message(
    "VE-2712", "changes: the order's value has {difference} of a change that no line shows"
)
