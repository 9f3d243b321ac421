"""The journal: jobs that cannot continue, and causes of dead letters."""

from foundation.messages.message import message

# --- a job that cannot continue ---------------------------------------------------------------
STORE_PAUSED = message("VE-5001", "store paused: {reason}")
ERP_CIRCUIT_OPEN = message("VE-5002", "waits for the ERP: {reason}")
REQUEST_PURGED = message(
    "VE-5003",
    "job {job} ended at {day}, and its request was purged since",
    "Send the request again, an invoice under another number",
)
NOT_OWNED = message("VE-5004", "{store} {order_id}: another attempt owns the job")
STARTED_ALREADY = message(
    "VE-5005", "{store} {order_id}: attempt {attempt} has started {stage} already"
)
JOURNAL_AWAITED = message("VE-5006", "this worker still waits for the journal")
STORE_OBSERVED = message(
    "VE-5007",
    "the store {store} is only observed, so its intakes and requests wait",
    "Set observe to false for the store, then restart the workers",
)

# --- causes of dead letters -------------------------------------------------------------------
CRASHED = message(
    "VE-5021",
    "its step began {times} times and never ended, so it may have killed its worker",
    "Read the worker's log, then run vtex-erp dead-letters retry",
)
GAVE_UP = message("VE-5022", "tried {failures} times: {error}")
GAVE_UP_UNFORESEEN = message(
    "VE-5025", "tried {failures} times: {error}", "This is a bug: please report this line"
)
WAITED_TOO_LONG = message("VE-5023", "{error} (waited for {patience})")
UNFORESEEN = message("VE-5024", "unforeseen {error} at {place}")
