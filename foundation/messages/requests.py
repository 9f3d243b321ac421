"""Requests of the ERP that wait, cannot be used, or contradict earlier ones."""

from foundation.messages.message import message

# --- waiting ----------------------------------------------------------------------------------
UNKNOWN_STORE = message(
    "VE-4001",
    "no credentials of store {store!r} are configured here",
    "Add the store to STORES_FILE and restart this worker",
)
OWN_CANCELLATION = message(
    "VE-4002", "the ERP requested this cancellation itself, so it cannot be denied"
)
STATUS_TRANSIENT = message(
    "VE-4003", "VTEX shows the order as {status!r}, and changes it by itself soon"
)
SUCCESSOR_HIDDEN = message(
    "VE-4004", "VTEX's list does not show the order yet that replaces this one"
)
CHANGE_UNDER_WAY = message(
    "VE-4005", "a change of the order is under way, and the job waits for its end"
)
CONTRACT_NEWER = message(
    "VE-4006",
    "written for version {version} of the contract, and this worker knows {known}",
    "Upgrade the workers",
)
FIELD_NEWER = message("VE-4007", "only a newer version knows it: {error}", "Upgrade the workers")

# --- refused ----------------------------------------------------------------------------------
UNUSABLE = message("VE-4011", "the {kind} cannot be used: {faults}")
ORDER_UNKNOWN = message(
    "VE-4012",
    "the journal does not have the order, and an NF-e needs the order's items",
    "Run vtex-erp orders sync {order_id}, then send the request again",
)
DOCUMENT_PURGED = message(
    "VE-4013",
    "the order's document was purged, an NF-e needs the order's items, and VTEX does not return "
    "them ({error})",
    "Send the request again later, or the invoice with its items",
)
CONTRADICTS = message(
    "VE-4014",
    "the same invoice number was requested with another content: {differences}",
    "Send the new invoice under a number of its own",
)

# --- the rest of a sentence that begins with a field and its value ----------------------------
OTHER_SERIES = message("VE-4021", "is another series than {series} in the invoice_key")
OTHER_NUMBER = message("VE-4022", "is another number than {number} in the invoice_key")
IN_THE_FUTURE = message("VE-4023", "is later than now, {now}")
BEFORE_DISPATCH = message("VE-4024", "is before dispatched_at, {dispatched_at}")
NOT_AN_ADDRESS = message("VE-4025", "is not an address such as https://nf.example.com/1.xml")
SERIES_AMBIGUOUS = message(
    "VE-4026", "is needed: the order has invoice {invoice} in the series {series}"
)
TOO_LONG = message("VE-4027", "is longer than {longest} characters")
TRACKING_EMPTY = message("VE-4028", "is needed, or tracking_url, or events, or delivered_at")
