"""The databases of the journal and of the integration tables: failures and migrations."""

from foundation.messages.message import message

MIGRATION_BLOCKED = message(
    "VE-5041",
    "a long transaction holds its tables",
    "Find the oldest xact_start in pg_stat_activity, end that transaction, then run "
    "vtex-erp migrate again",
)
OTHER_REVISION = message(
    "VE-5042", "its tables are at {current} and must be at {head}", "Run vtex-erp migrate"
)
TABLES_TOO_OLD = message(
    "VE-5043",
    "its tables {tables}, at {revision}, were made before 0.1.0: start anew",
    "Drop these tables or name an empty database, then run vtex-erp migrate",
)
NO_TABLES = message("VE-5044", "the journal has no tables yet", "Run vtex-erp migrate")
JOURNAL_FAILED = message("VE-5045", "the journal's database failed ({error})")
ERP_FAILED = message("VE-5046", "the ERP's database failed ({error})")
