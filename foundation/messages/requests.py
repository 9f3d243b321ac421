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
STORE_OBSERVED = message(
    "VE-4015",
    "the store {store} is only observed, so nothing is sent to VTEX for it",
    "Set observe to false for the store and restart the workers. Then send the request again",
)
CONTRADICTS = message(
    "VE-4014",
    "the same invoice number was requested with another content: {differences}",
    "Send the new invoice under a number of its own",
)

# --- lines of an order's timeline -------------------------------------------------------------
KNOWN_AT_VTEX = message("VE-4051", "VTEX had it already")
SENT_UNCHECKED = message("VE-4052", "sent without the check for a change under way")
NFE_ALTERED = message(
    "VE-4054", "the content of the NF-e does not match the digest in its own signature"
)
CENTS_OPEN = message(
    "VE-4055",
    "all units are invoiced, and {open_cents} cents stay open, so VTEX does not show the order as "
    "invoiced",
    "Invoice the cents in VTEX's Admin, and set INVOICE_TOLERANCE_CENTS for later notas",
)
OPEN_VALUE_SENT = message(
    "VE-4056", "the nota has {nota_cents} cents, and the order's open {sent_cents} cents were sent"
)
SHOWN_WITH_CENTS_OPEN = message(
    "VE-4057",
    "VTEX shows it{name} and the order as {status!r}: all units are invoiced, and {open_cents} "
    "cents stay open",
    "Invoice the cents in VTEX's Admin, and set INVOICE_TOLERANCE_CENTS for later notas",
)
SHOWN_AT_VTEX = message("VE-4053", "VTEX shows it{name}, and the order becomes {status!r}")

# --- the rest of a sentence that begins with a field and its value ----------------------------
FIELD_UNKNOWN = message("VE-4031", "is not a field of this request")
NOT_A_VERSION = message("VE-4032", "is not a version such as 1")
NOT_STORABLE = message("VE-4033", "holds a NUL, or half of a character of two halves")
EMPTY = message("VE-4034", "is empty")
NOT_A_TIME = message("VE-4035", "is not a time with its offset, as 2026-03-10T15:04:05-03:00")
NUMBER_RESERVED = message("VE-4036", "must hold a digit or letter, without parts such as -x2F-")
NUMBER_TOO_LONG = message(
    "VE-4037", "is longer than {longest} characters once its special ones are codes"
)
NOT_A_SERIES = message("VE-4038", "is not a series: 1 to 3 digits, as 1")
OUT_OF_RANGE = message("VE-4039", "must be from {min} to {max}")
NOT_WHOLE = message("VE-4040", "is not a whole number")
NOT_AN_OBJECT = message("VE-4041", "is not an object")
TOO_MANY_ROWS = message("VE-4042", "has more than {most} rows")
NOT_A_TYPE = message("VE-4043", "must be Output or Input")
KEY_UNSOUND = message(
    "VE-4044", "is not an NF-e access key: 44 characters with a right check digit"
)
SKU_TWICE = message("VE-4045", "name one SKU twice: a return takes one line a SKU")
NAME_MISSING = message("VE-4046", "is missing")
NOT_TEXT = message("VE-4047", "is not text")
NAME_UNPRINTABLE = message("VE-4048", "holds characters that names do not have")
ORDER_NOT_IN_JOURNAL = message("VE-4049", "is not in the journal")
ITS_DOCUMENT_PURGED = message("VE-4050", "its document was purged")
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
