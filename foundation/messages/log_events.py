"""Log events that need a person: each is an ERROR line, and its facts stand beside it."""

from foundation.messages.message import message

DEAD_LETTERED = message("VE-5101", "dead-lettered", "Run vtex-erp dead-letters list")
CREDENTIALS_REFUSED = message("VE-5102", "VTEX refuses the credentials", "Run vtex-erp check")
STORE_UNKNOWN = message(
    "VE-5103", "a store is not configured", "Add the store to STORES_FILE and restart this worker"
)
FEED_EVENT_UNUSABLE = message(
    "VE-5104", "an event of the feed cannot be used", "Run vtex-erp feed show"
)
FEED_FAILED = message("VE-5105", "the feed does not work", "Run vtex-erp feed show")
LIST_ROW_UNUSABLE = message(
    "VE-5106", "a row of the list names no order", "Check VTEX's list of orders in its Admin"
)
REQUEST_REFUSED = message(
    "VE-5107", "request refused", "Run vtex-erp requests list, and correct the request in the ERP"
)
REPORT_REFUSED = message(
    "VE-5108", "the ERP refuses an outcome", "Correct the ERP by the reason, and wait for a retry"
)
JOURNAL_AWAITED = message(
    "VE-5109", "this worker waits for the journal", "Start its database, or run vtex-erp migrate"
)
METRICS_UNSERVED = message(
    "VE-5110", "metrics and health are not served", "Correct METRICS_ADDRESS or METRICS_PORT"
)
ERP_CHANGE_UNREADABLE = message(
    "VE-5111", "a change of an order in the ERP cannot be read", "Correct the profile of the ERP"
)
ALERT_UNDELIVERED = message(
    "VE-5112",
    "an alert was not delivered",
    "Run vtex-erp alerts list for the reason and vtex-erp alerts test to try all receivers",
)
