"""Calls to VTEX: answers without use, statuses that do not fit, and requests that VTEX refuses."""

from foundation.messages.message import message

_CHECK_ORDER = (
    "Check the order in VTEX's Admin, then run vtex-erp requests retry, which reads the order first"
)

# --- answers ----------------------------------------------------------------------------------
ANSWERED = message("VE-1001", "VTEX answered {status} to {method} {path}{details}")
UNAUTHORIZED = message(
    "VE-1002",
    "VTEX answered {status} to {method} {path}{details}",
    "Run vtex-erp check: it shows which permission the key needs",
)
OTHER_STATUS = message("VE-1003", "VTEX answered {status} instead of 204 to {method} {path}")
UNREACHABLE = message("VE-1004", "VTEX did not answer {method} {path} ({error})")
NOT_JSON = message("VE-1005", "VTEX answered {method} {path} with a body that is not JSON")
OTHER_FORM = message("VE-1006", "VTEX answered {method} {path} with JSON that is not {form}")
UNUSABLE = message("VE-1007", "the answer of VTEX to {method} {path} {fault}")
FEED_WITHOUT_EVENTS = message("VE-1008", "the feed answered without a list of events")
BREAKS_SCHEMA = message("VE-1009", "{document} breaks its schema: {faults}")
TOO_DEEP = message("VE-1010", "{document} is nested too deeply, or holds a number too large")
NOT_AN_ORDER_ID = message(
    "VE-1011", "{order_id!r} is not an order id, because it names another path"
)
NO_FEED = message(
    "VE-1012",
    "VTEX has no feed of this key ({method} {path} answered 404)",
    "Run vtex-erp feed setup",
)
WINDOW_IGNORED = message("VE-1013", "VTEX's order list ignores the window of creation dates")
WINDOW_TOO_FULL = message("VE-1014", "VTEX's order list shows more orders of one moment than fit")
RATE_LIMITED = message("VE-1015", "the call waits for the store's rate limit, about {seconds} s")
WRITE_FORBIDDEN = message(
    "VE-1016",
    "{method} {path} was not sent, because the store {store} is only observed",
    "Set observe to false for the store, and restart the workers",
)

# --- an order's status ------------------------------------------------------------------------
CANCELED_BEFORE = message("VE-1101", "canceled before it came in: VTEX shows {status!r}")
HANDLED_ELSEWHERE = message("VE-1102", "handled elsewhere: VTEX shows {status!r}")
INCOMPLETE = message("VE-1103", "the order is incomplete at VTEX (isCompleted is false)")
NOT_READY = message("VE-1104", "VTEX shows {status!r}, not yet {ready!r}")
HANDLING_REFUSED = message("VE-1105", "VTEX refuses start-handling while the order is {status!r}")
STATUS_CHANGED = message("VE-1106", "VTEX shows the order as {status!r} now: {error}")
SHOWS = message("VE-1107", "VTEX shows the order as {status!r}")
SHOWS_ALREADY = message("VE-1108", "VTEX shows the order as {status!r} already")
COMES_AS_HANDLED = message(
    "VE-1109", "comes in as handled ({source}): VTEX shows {status!r}, and handling is not started"
)
ENDED_UNREADABLE = message("VE-1110", "VTEX shows {status!r}, and the order is unreadable: {error}")

# --- invoices and tracking --------------------------------------------------------------------
INVOICE_HIDDEN = message("VE-1201", "VTEX does not show invoice {invoice} yet")
INVOICE_FORGOTTEN = message(
    "VE-1202", "VTEX accepted invoice {invoice} and did not show it in {polls} polls", _CHECK_ORDER
)
RETURN_TOO_EARLY = message(
    "VE-1203",
    "return {invoice} waits until the whole order is invoiced, with {open_cents} cents open: VTEX "
    "refunds later only",
    "Send the sales invoices",
)
INVOICE_WITHOUT_ITEMS = message(
    "VE-1204",
    "invoice {invoice} names zero items, and its value_cents {value_cents} differ from the "
    "{open_cents} that are left",
    "Send the invoice with its items",
)
INVOICE_CONTRADICTS = message("VE-1205", "invoice {invoice} contradicts the order: {faults}")
INVOICE_NUMBER_TAKEN = message(
    "VE-1206",
    "VTEX already has invoice {invoice} with another content: {differences}",
    "Send a new nota with its own number, or with its invoice_series",
)
INVOICE_NOT_ALLOWED = message(
    "VE-1207",
    "VTEX shows the order as {status!r} and accepts sales invoices in other statuses only: "
    "{invoiced_cents} of {total_cents} cents are invoiced",
)
INVOICE_WAITS = message("VE-1208", "VTEX shows the order as {status!r}: the invoice waits")
HANDLING_FIRST = message("VE-1209", "handling was started, and the invoice follows")
CHANGE_FIRST = message(
    "VE-1210",
    "a change of the order is under way at VTEX, and the invoice waits for its end",
    "If VTEX never ends the change, run vtex-erp requests retry JOB --anyway, or vtex-erp requests "
    "invoice … --anyway",
)
TRACKING_WITHOUT_INVOICE = message(
    "VE-1211", "VTEX shows the order as {status!r}, without invoice {invoice}"
)
TRACKING_TOO_EARLY = message(
    "VE-1212", "VTEX does not have invoice {invoice} of this order yet", "Send the invoice"
)
TRACKING_NUMBER_MISSING = message(
    "VE-1213",
    "invoice {invoice} lacks a tracking number, which VTEX needs before events",
    "Send tracking_number too",
)
SERIES_AMBIGUOUS = message(
    "VE-1214", "the order has invoice {invoice} in the series {series}", "Send invoice_series too"
)
DELIVERED_TOO_EARLY = message(
    "VE-1215",
    "delivered_at {delivered_at} is before dispatched_at {dispatched_at} of an earlier request",
    "Correct the one or the other",
)
ZERO_REFUSED = message(
    "VE-1216",
    "VTEX refuses an invoice of 0 cents, though the order's total is 0 ({error})",
    "Invoice the order in VTEX's Admin",
)

# --- contradictions between an invoice and its order ------------------------------------------
VALUE_TOO_HIGH = message(
    "VE-1221",
    "value_cents: {value_cents} is more than the {open_cents} that are open",
    "For a few cents, set INVOICE_TOLERANCE_CENTS, or send the nota with --value beside --nfe",
)
RETURN_TOO_HIGH = message(
    "VE-1222",
    "value_cents: {value_cents} is more than the {open_cents} that are invoiced and not returned",
)
TOO_MANY_UNITS = message(
    "VE-1223", "items: {quantity} of SKU {sku!r}, but {left} of {sold} are open"
)
TOO_MANY_RETURNED = message(
    "VE-1224",
    "items: {quantity} of SKU {sku!r}, but {left} of {sold} are invoiced and not returned",
)
GOODS_TOO_HIGH = message(
    "VE-1225", "items: they come to {goods_cents} cents, more than value_cents {value_cents}"
)
VALUE_ZERO = message(
    "VE-1228",
    "value_cents: 0, but the order's total is {total_cents}: VTEX would wait for a payment of 0",
    "Add its items to an invoice with a value",
)
VALUE_OF_FREE_ORDER = message(
    "VE-1229", "value_cents: {value_cents}, but the order's total is 0", "Send value_cents 0"
)
OTHER_CONTENT = message("VE-1230", "{field}: {known} at VTEX, {given} in the request")
PART_OF_A_KIT = message(
    "VE-1226", "items: SKU {sku!r} is a part of the kit {kit!r}, so invoice the kit"
)
OTHER_SKU = message("VE-1227", "items: SKU {sku!r} is not in the order, which has {known}")

# --- cancellations and denials ----------------------------------------------------------------
CANCELLATION_WAITS = message(
    "VE-1301", "VTEX shows the order as {status!r}: the cancellation waits"
)
CANCELLATION_FORGOTTEN = message(
    "VE-1302",
    "VTEX accepted the cancellation and still shows the order as {status!r} after {polls} polls: "
    "it was denied or lost",
    "Request the cancellation again",
)
CANCELLATION_ACCEPTED = message(
    "VE-1303", "VTEX has accepted the cancellation and shows the order as {status!r}"
)
CANCEL_THE_OTHER = message(
    "VE-1304", "the order was replaced by another one at VTEX", "Cancel that order"
)
CANCEL_INCOMPLETE = message("VE-1305", "the order is incomplete at VTEX and cannot be canceled")
INVOICED_IN_PART = message(
    "VE-1306",
    "too late: invoiced (in part, status {status!r})",
    "Send a return (type Input) instead",
)
INVOICED_WHOLE = message(
    "VE-1307", "too late: invoiced (whole, status {status!r})", "Send a return (type Input) instead"
)
DENIAL_TOO_EARLY = message("VE-1308", "VTEX shows the order as {status!r}: it asks the seller soon")
CANCELED_ANYWAY = message(
    "VE-1309", "VTEX shows the order as {status!r}: it was canceled despite the denial"
)
DENIAL_FORGOTTEN = message(
    "VE-1310",
    "VTEX accepted the denial and shows the order as {status!r} after {polls} polls",
    _CHECK_ORDER,
)
DENIAL_ACCEPTED = message(
    "VE-1311", "VTEX has accepted the denial and shows the order as {status!r}"
)
DENIAL_WITHOUT_ID = message(
    "VE-1312",
    "VTEX hides the id of the cancellation request, which a denial needs",
    "Decide on the request in VTEX's Admin",
)
OTHER_CANCELLATION = message(
    "VE-1313",
    "the open cancellation request is {request_id!r}, not {denied_id!r}",
    "Decide on the open request",
)
DENIAL_TOO_LATE = message("VE-1314", "too late: VTEX shows the order as {status!r}")
CANCELLATION_MISSING = message(
    "VE-1315", "the order has no open cancellation request: VTEX shows the order as {status!r}"
)
