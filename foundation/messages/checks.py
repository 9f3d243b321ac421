"""Verdicts of ``vtex-erp check`` that a person should act on, or know of."""

from foundation.messages.message import message

_FIX_BROKER = "Start it, or fix BROKER_URL"

STORES_MISSING = message(
    "VE-7001",
    "stores are missing",
    "Set VTEX_ACCOUNT, VTEX_APP_KEY and VTEX_APP_TOKEN, or STORES_FILE",
)
UNREACHABLE = message("VE-7002", "{place}: {error}", "Start it, or fix {setting}")
FILE_FAILED = message("VE-7003", "{place}: {error}", "Fix {setting}")
FEED_RESTORED = message("VE-7004", "{at}: {reason}", "Find the other system that uses its key")
CANCELLATIONS_PENDING = message(
    "VE-7005",
    "{count} wait for the ERP's decision, the first until {day}",
    "Run vtex-erp requests pending-cancellations",
)
FINDINGS = message(
    "VE-7006",
    "{count} findings of the last reconciliation ({day})",
    "Run vtex-erp reconcile --store {store}, which shows them",
)
ERP_CIRCUIT_OPEN = message(
    "VE-7007",
    "the ERP has not responded since {since} ({reason}); orders wait at paid, and one of them "
    "tries again in {seconds} s",
)
RECEIVERS_MISSING = message(
    "VE-7008", "alerts lack a receiver", "Set ALERT_URLS. Meanwhile run vtex-erp alerts list"
)
RECEIVER_UNUSABLE = message(
    "VE-7009",
    "Apprise cannot use its URL in ALERT_URLS (not shown)",
    "Check the service's name, and the parts that https://appriseit.com/services/ lists for it",
)
VTEX_UNCLEAR = message(
    "VE-7010", "{detail}", "Check the account name, the network and the proxy, then try again later"
)
VTEX_PAUSED = message("VE-7011", "not called during the pause that VTEX asked for")
OBSERVED = message(
    "VE-7022",
    "the store is only observed; {waiting} intakes and requests wait",
    "Run vtex-erp observations report, and set observe to false to go live",
)
FEED_MISSING = message(
    "VE-7012", "the feed is not set up, and all orders come by the list", "Run vtex-erp feed setup"
)
FEED_UNREAD = message(
    "VE-7013",
    "set up, and not read since intake is list",
    "Set VTEX_INTAKE or intake to both, or run vtex-erp feed remove",
)
PERMISSION_MISSING = message(
    "VE-7014", "the key lacks {permission!r} ({error})", "Grant {permission!r} to the key"
)
FEED_FAILED = message("VE-7015", "{error}; the list brings the orders")
FEED_DIFFERS = message("VE-7016", "{difference}; the workers restore it within minutes")
FEED_WITHOUT_CANCELLATIONS = message(
    "VE-7017",
    "the feed omits cancellations, and the list shows them later",
    "Run vtex-erp feed setup again",
)
FEED_WITHOUT_HANDLED = message(
    "VE-7020",
    "the feed omits {statuses}, which also_intake names, and the list shows them later",
    "Run vtex-erp feed setup again",
)
CREDENTIALS_WRONG = message("VE-7021", "the key or token is wrong ({error})")
UNLIMITED = message("VE-7018", "calls are unlimited: VTEX_QUOTA_PER_MINUTE is 0")
LIMIT_UNSHARED = message(
    "VE-7019",
    "Redis does not answer: meanwhile each process may make {percent} % of {calls} calls a minute",
)

# --- Redis ------------------------------------------------------------------------------------
REDIS_REFUSES = message(
    "VE-7101",
    "{place} answers, but refuses access ({error})",
    "Fix user and password in {setting}, and let the user run INFO, TIME, scripts and every key",
)
REDIS_SILENT = message("VE-7102", "{place} does not answer ({error})", "Start it, or fix {setting}")
REDIS_OLD = message(
    "VE-7103", "{place}, version {version}: 6.2 or later is needed", "Upgrade Redis"
)
REDIS_REPLICA = message("VE-7104", "a read-only replica", "Set {setting} to the primary")
REDIS_EVICTS = message(
    "VE-7105", "{policy} may drop messages and locks", "Set maxmemory-policy noeviction"
)
REDIS_NOT_PERSISTENT = message(
    "VE-7106",
    "the append-only file is off: a restart empties the queues, and orders wait for their lease",
    "Set appendonly yes",
)
CLOCK_SKEW = message("VE-7107", "{seconds} s from Redis's", "Run NTP on both hosts")
BEAT_MISSING = message(
    "VE-7108", "beat is stopped", "Start celery -A workers beat, which lists the orders"
)
BEAT_UNKNOWN = message(
    "VE-7109",
    "unknown, since the server of {setting} cannot be asked",
    "Fix that server first, and run vtex-erp check again",
)

# --- RabbitMQ ---------------------------------------------------------------------------------
RABBITMQ_OLD = message(
    "VE-7201", "{place}, RabbitMQ {version}: 3.10 or later is needed", "Upgrade RabbitMQ"
)
VIRTUAL_HOST_MISSING = message(
    "VE-7202",
    "{place} answers, but the virtual host is missing or closed to this user",
    "Run rabbitmqctl add_vhost and set_permissions, or fix the end of BROKER_URL",
)
RABBITMQ_REFUSES = message(
    "VE-7203",
    "{place} answers, but refuses access",
    "Fix user and password in BROKER_URL, and let the user configure, write and read everything in "
    "its virtual host",
)
RABBITMQ_UNTRUSTED = message(
    "VE-7204",
    "{place} answers, but is not trusted ({error})",
    "Use the certificate's host name in BROKER_URL, and set SSL_CERT_FILE to the file of its "
    "authority",
)
RABBITMQ_SILENT = message("VE-7205", "{place} does not answer ({error})", _FIX_BROKER)
QUEUES_FOREIGN = message(
    "VE-7206",
    "{queues}: declared by another program with other arguments, so that the workers cannot start",
    "Delete the queues in RabbitMQ (their messages are lost), or use another virtual host. "
    "Programs that send must not declare queues (docs/brokers.md)",
)
QUEUES_MISSING = message(
    "VE-7207",
    "{queues}: not declared yet; the first worker declares them, and RabbitMQ drops messages that "
    "are sent before",
)
QUEUES_UNREAD = message(
    "VE-7208",
    "{waiting}; no worker reads {queues}",
    "Start a worker that does. Where one runs, RabbitMQ may have lost the queue (docs/brokers.md)",
)
