"""Settings: of a process, of stores, of the code map and of the REST profiles.

Some messages continue a sentence that begins with the setting and its value.
"""

from foundation.messages.message import message

_EXAMPLE = "For example {setting}={example}"
_STORE_EXAMPLE = 'For example [stores.acme] with app_key_file = "/run/secrets/acme_key"'
_KEY_EXAMPLE = 'For example {key}_env = "{variable}"'
_ENCODE = "the characters @ : / ? # of a password must be percent-encoded (# as %23)"

# --- a setting --------------------------------------------------------------------------------
VALUE_WRONG = message("VE-8001", "{setting}: {value} {fault}", _EXAMPLE)
VALUE_MISSING = message("VE-8002", "{setting}: is not set, though others of VTEX_* are", _EXAMPLE)
FILE_UNREADABLE = message("VE-8003", "{place}: cannot read {path!r}: {error}")
FILE_EMPTY = message("VE-8004", "{place}: {path!r} is empty")
NOT_TOML = message("VE-8005", "{place}: {path!r} is not TOML: {error}")
KEY_UNKNOWN = message("VE-8006", "{place}: is unknown (known: {known})")
NOT_A_TABLE = message("VE-8007", "{place} is not a table")
IN_PLACE = message("VE-8008", "{place}: {fault}")
SECRET_WRONG = message("VE-8009", "{place}: the value (not shown) {fault}")
STORE_UNKNOWN = message("VE-8010", "store {store!r} is not configured (known: {known})")
ADAPTER_MISSING = message("VE-8011", "ERP_URL: its adapter is not installed (installed: {known})")
PRODUCT_WRONG = message(
    "VE-8012",
    "NFE_PRODUCT_MAP: {place} is {row!r}: must be code,SKU id,units, as in CX-88,310102,12",
)

# --- STORES_FILE ------------------------------------------------------------------------------
BOTH_SET = message(
    "VE-8021",
    "STORES_FILE: is set, and so is {settings}",
    "Unset the one or the other: with a file, the settings of a store stand in its table",
)
STRAY_TABLE = message("VE-8022", "STORES_FILE: {tables} is not under stores", _STORE_EXAMPLE)
STORES_MISSING = message("VE-8023", "STORES_FILE: {path!r} lacks a store", _STORE_EXAMPLE)
STORE_NOT_A_TABLE = message("VE-8024", "{place}: is not a table", _STORE_EXAMPLE)
SECRET_MISSING = message("VE-8025", "{place}: is not set", _KEY_EXAMPLE)
SECRET_REPEATED = message("VE-8026", "{place}: is given {times} times ({ways})", _KEY_EXAMPLE)
VARIABLE_MISSING = message("VE-8027", "{place}: the variable {variable!r} is not set")
SECRET_EMPTY = message("VE-8028", "{place}: is empty")

# --- ERP_CODE_MAP_FILE ------------------------------------------------------------------------
MAP_STORES_WRONG = message(
    "VE-8031", "ERP_CODE_MAP_FILE: stores must be tables, as in [stores.acme.payment]"
)
MAP_SKU_OF_REST = message(
    "VE-8032",
    "ERP_CODE_MAP_FILE: sku: the REST adapter reads its SKUs backwards for its invoices",
    "Move them to [codes.sku] of the file that ERP_URL names",
)
CODE_NOT_TEXT = message("VE-8033", "{code!r} must be a text or a whole number")
CODE_LENGTH = message("VE-8034", "{code!r} must have 1 to {longest} characters")
CODES_NOT_A_TABLE = message("VE-8035", """must be a table of entries "VTEX's code" = the ERP's""")
NOT_ONE_OF = message("VE-8036", "{value} must be one of {choices}")

# --- the rest of a sentence that begins with a setting and its value --------------------------
NOT_TEXT = message("VE-8101", "is not text")
NOT_WHOLE = message("VE-8102", "is not a whole number")
NOT_A_NUMBER = message("VE-8103", "is not a number")
NOT_A_BOOLEAN = message("VE-8104", "must be true or false")
OUT_OF_RANGE = message("VE-8105", "must be from {min} to {max}{also}")
OTHER_CHOICE = message("VE-8106", "must be one of {choices}")
OTHER_CHOICES = message("VE-8107", "names something else than {known}")
NOT_AN_ACCOUNT = message(
    "VE-8108", "is not an account name: lower case, without .vtexcommercestable.com.br"
)
NOT_A_CREDENTIAL = message("VE-8109", "holds a space, a line break, a quotation mark or an accent")
NOT_HTTP = message("VE-8110", "is not an http(s) address")
NOT_A_TIME_ZONE = message("VE-8111", "is not a time zone such as America/Sao_Paulo")
NOT_GROUPS = message("VE-8112", "is not a list of GROUP=CALLS (groups: {groups})")
NOT_HANDLED_ORDERS = message(
    "VE-8141", "must have statuses, and may have origins and affiliates: lists of words"
)
NOT_HANDLED_STATUSES = message("VE-8142", "must have statuses of handled orders: {known}")
NOT_AN_ADDRESS = message("VE-8113", "must be an address or a name")
NOT_PORTS = message("VE-8114", "must be a port from 1 to 65535 or a range of such")
NOT_REDIS = message("VE-8115", "is not a Redis URL (redis:// or rediss://)")
REDIS_DATABASE = message("VE-8116", "must end in the number of a database, such as /0")
NOT_A_BROKER = message(
    "VE-8117", "is not a broker's URL (redis:// or rediss://, amqp:// or amqps:// for RabbitMQ)"
)
NOT_A_JOURNAL = message("VE-8118", "is not a journal URL (sqlite:/// or postgresql://)")
SCHEME_UNKNOWN = message(
    "VE-8119", "begins with the name of an adapter that is not installed (installed: {known})"
)
NOT_A_RECEIVER = message(
    "VE-8120",
    "holds as number {number} of its parts something that does not begin with a service, as "
    "slack:// does",
)
DRIVER_MISSING = message("VE-8121", "names a driver that is not installed: write {scheme}:// alone")
DATABASE_UNREADABLE = message("VE-8122", "cannot be read: " + _ENCODE)
SQLITE_FILE_MISSING = message(
    "VE-8123", "lacks a file: sqlite:/// before a relative path, sqlite://// before an absolute one"
)
SQLITE_IN_MEMORY = message(
    "VE-8124", "is in memory, which every process has for itself: name a file"
)
SEVERAL_BROKERS = message(
    "VE-8125",
    "names several brokers: give the one name that leads to all of them, and write a semicolon of "
    "a password as %3B",
)
HOST_MISSING = message("VE-8126", "lacks a host")
HOST_UNREADABLE = message("VE-8127", "has a host or port that cannot be read: " + _ENCODE)
TRACING_MISSING = message(
    "VE-8128",
    "needs OpenTelemetry, which is not installed: unset it, or install requirements-otel.lock, "
    "the extra otel",
)
ERP_SCHEME = message(
    "VE-8129", "must begin with {name}+https:// (or {name}+http://), as in {example}"
)
ERP_DATABASE_MISSING = message("VE-8130", "must name a host and one database, as in {example}")
ERP_KEY_MISSING = message("VE-8131", "lacks a key where a password stands, as in {example}")
ERP_USER_MISSING = message("VE-8132", "lacks a user, as in {example}")
ERP_OPTION_UNKNOWN = message("VE-8133", "has the option {option!r}: must be one of {known}")
ERP_OPTION_WRONG = message("VE-8134", "has an option {option} that must be one of {known}")
NOT_CNPJS = message("VE-8136", "must be CNPJs with commas between them, as 11.222.333/0001-81")
NOT_CFOPS = message("VE-8137", "must be CFOPs with commas between them, as 5949,6949")
NOT_A_DAY = message("VE-8138", "must be a day, as 2027-01-01")
NOT_USER_AND_PASSWORD = message("VE-8135", "must be a user, a colon and a password")

# --- profiles of the REST adapter -------------------------------------------------------------
PROFILE_URL = message(
    "VE-8201", "ERP_URL: must name a file of settings: rest:///etc/vtex-erp/erp.toml"
)
PROFILE_UNNAMED = message("VE-8202", "{file}: profile must name one of {known}, or a file")
PROFILE_UNKNOWN = message(
    "VE-8203", "{file}: profile {profile!r} must be one of {known}, or a file"
)
BASE_URL_WRONG = message("VE-8204", "{file}: base_url must begin with https:// or http://")
TIMEOUT_WRONG = message("VE-8205", "{file}: timeout_seconds is {seconds!r}: must be 1 to 30")
PROFILE_UNREADABLE = message("VE-8206", "{file}: cannot be read: {error}")
PROFILE_KEY_UNKNOWN = message("VE-8207", "{place}: {key} is unknown (known: {known})")
PROFILE_KEY_MISSING = message("VE-8208", "{file}: {key} is missing")
AUTH_UNKNOWN = message("VE-8209", "{file}: auth.kind must be one of {known}")
CALL_INCOMPLETE = message("VE-8210", "{file}: {call} must have a path and an id")
PROFILE_VARIABLE_MISSING = message(
    "VE-8211", "{file}: {key}_env names {variable}, which is not set"
)
PROFILE_SECRET_UNREADABLE = message("VE-8212", "{file}: {key}_file cannot be read: {error}")
PROFILE_SECRET_MISSING = message("VE-8213", "[secrets] needs {name}, or {name}_file, or {name}_env")

# --- templates of a profile -------------------------------------------------------------------
TEMPLATE_ZONE = message("VE-8221", "zone {zone!r} must be an offset, as in -03:00")
TEMPLATE_FORMAT = message("VE-8222", "[formats] lacks {name}")
TEMPLATE_FILTER = message("VE-8223", "the filter {name} is unknown")
TEMPLATE_TYPE = message("VE-8224", "a {type} needs a filter")
TEMPLATE_PATH = message("VE-8225", "the path {path} needs {field}")
