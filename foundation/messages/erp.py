"""Orders that an ERP cannot take, and ERPs that do not answer as expected."""

from foundation.messages.message import message

_RETRY = "then run vtex-erp dead-letters retry"

# --- the mapping of an order ------------------------------------------------------------------
NOT_MAPPABLE = message("VE-2001", "{faults}")
_ALLOW = "Set allow_sum_mismatch for this store to insert the order with a flag"
SUMS_DIFFER = message("VE-2002", "{faults}", _ALLOW)
NEGATIVE_VALUE = message("VE-2003", "value: {cents} is negative")
ITEMS_MISSING = message("VE-2008", "items: the order has none")
COMPANY_DOCUMENT_MISSING = message(
    "VE-2009", "clientProfileData.corporateDocument: is missing, the client is a company"
)
CUSTOMER_NAME_MISSING = message(
    "VE-2010", "clientProfileData: has neither a name nor a company name"
)
MASKED = message("VE-2004", "{path}: is masked with asterisks, held for review")
TOTALS_DIFFER = message(
    "VE-2005",
    "totals: {terms} = {sum}, but the order's value is {value} (difference {difference})",
    _ALLOW,
)
LINES_DIFFER = message(
    "VE-2006",
    "items: the lines add up to {lines}, but Items + Discounts are {goods} (difference "
    "{difference}). Nearest: line {line} (SKU {sku!r}) by {reading}, still {left} apart",
    _ALLOW,
)
LINES_MISSING = message(
    "VE-2015",
    "items: the lines add up to {lines}, but Items + Discounts are {goods} (difference "
    "{difference})",
    _ALLOW,
)
LINE_TOO_HIGH = message("VE-2007", "items.{place}: comes to more than any order can")
CODES_MISSING = message("VE-2011", "{faults}")
CODE_MISSING = message(
    "VE-2012",
    "{kind} {code!r}{name}: [{kind}] of ERP_CODE_MAP_FILE has no such entry: add {entry} = its "
    "code in the ERP, or a default, then retry",
)
SKU_CODE_MISSING = message(
    "VE-2013",
    "sku {code!r}{name}: [sku] of ERP_CODE_MAP_FILE has no such entry and the SKU has no "
    "{sku_key}: add {entry} = its code in the ERP, or a default, then retry",
)
SEVERAL_BRANCHES = message(
    "VE-2014",
    "branch: the order is of several branches, {branches}: give its {branch_by}s one code in "
    "[branch] of ERP_CODE_MAP_FILE, or split the order",
)

# --- any ERP ----------------------------------------------------------------------------------
ERP_DOWN = message("VE-2101", "the ERP is down")
ERP_SILENT = message("VE-2102", "{erp} does not answer: {error} at {call}")
ANSWER_TOO_LONG = message("VE-2103", "{erp}'s answer to {call} is too long or too slow")
CHANGED_BY_OTHERS = message("VE-2104", "other users of the ERP change the sale meanwhile")
SALE_GONE = message("VE-2105", "the sale was there before and is gone")
NOTES_DENIED = message(
    "VE-2106",
    "the user of {erp}'s key may not note on sales: {error}",
    "Give the user of the key that right",
)
TOTAL_DIFFERS = message(
    "VE-2107",
    "total: the sale would come to {sale}, the order to {order}",
    "Let the ERP sell in that currency, without a tax or rounding of its own, " + _RETRY,
)
WAREHOUSE_MISSING = message(
    "VE-2108",
    "{erp} lacks the warehouse of code {code}",
    "Create the warehouse, or correct [branch] of ERP_CODE_MAP_FILE, " + _RETRY,
)
PRODUCT_MISSING = message(
    "VE-2109",
    "{erp} lacks a salable product of {field} {codes}",
    "Create the product, or put the {field} on the product that it is, " + _RETRY,
)
SERVICE_MISSING = message(
    "VE-2110",
    "{erp} lacks the product of {field} {codes}",
    "Run vtex-erp migrate, or create the product by hand",
)
CREATED_WITHOUT_NUMBER = message(
    "VE-2111", "{erp} created {record} and returned it without a number"
)
HIDDEN = message("VE-2112", "{erp} does not show {record} that was created")

# --- the tables of the SQL adapter ------------------------------------------------------------
ROW_HIDDEN = message("VE-2201", "the ERP's database has the row, and does not show it")
UNKNOWN_CODE_KIND = message("VE-2202", "int_code.kind: {kinds} is none of {known}")
TEXT_TOO_LONG = message("VE-2203", "{column} holds {limit} characters, and the order has {size}")
NUMBER_TOO_LARGE = message("VE-2204", "{column} holds smaller numbers than the order has")

# --- Odoo -------------------------------------------------------------------------------------
ODOO_REFUSES = message("VE-2301", "Odoo refuses {call}: {reason}")
ODOO_COLLISION = message("VE-2302", "Odoo's transactions collide at {call}")
ODOO_FAILED = message("VE-2303", "Odoo failed at {call} ({error})", "Read Odoo's log")
ODOO_ANSWER_UNUSABLE = message("VE-2304", "Odoo's answer about {model} is not {form}")
ODOO_DATABASE = message("VE-2305", "Odoo's database has trouble with {model}")
ODOO_SEARCH_DENIED = message("VE-2306", "Odoo does not let {model} be searched: {error}")
ODOO_KEY_REFUSED = message(
    "VE-2307",
    "Odoo refuses the key or its rights at {call}",
    "Put a valid user and API key into ERP_URL, and give the user that right",
)
ODOO_STATUS = message("VE-2308", "Odoo answered {status} at {call}, and not its JSON")
ODOO_FIELDS_MISSING = message(
    "VE-2309",
    "Odoo lacks {fields} of {model}",
    "Install the modules sale_management, stock, delivery (17 and later: stock_delivery) and "
    "invoicing",
)
ODOO_SERVICE_REFUSED = message(
    "VE-2310",
    "Odoo refuses to create a service of reference {code}: {error}",
    "Create that service by hand",
)
ODOO_DELETE_DENIED = message("VE-2311", "{model} cannot be deleted: {error}")

# --- Tryton -----------------------------------------------------------------------------------
TRYTON_REFUSES = message("VE-2401", "Tryton refuses {call}: {reason}")
TRYTON_KEY_REFUSED = message(
    "VE-2402",
    "Tryton refuses the key or its rights ({status} at {call})",
    "Put a valid key of an application REST API into ERP_URL",
)
TRYTON_NOT_FOUND = message("VE-2403", "Tryton does not have the database or record (404 at {call})")
TRYTON_STATUS = message("VE-2404", "Tryton answered {status} at {call}")
TRYTON_ANSWER_UNUSABLE = message("VE-2405", "Tryton's answer to {call} is not {form}")
TRYTON_READ_DENIED = message(
    "VE-2406",
    "the user of Tryton's key may not read {model}",
    "Give the user of the key that right",
)
TRYTON_SHOP_MISSING = message(
    "VE-2407",
    "Tryton lacks a web shop named {store!r}",
    "Create a web shop of that name, " + _RETRY,
)
TRYTON_SHOPS_MISSING = message(
    "VE-2408", "Tryton lacks web shops", "Create one for each store, with the store's name"
)
TRYTON_MODULES_MISSING = message(
    "VE-2409", "Tryton lacks the modules {modules}", "Activate the modules"
)
TRYTON_CURRENCY_MISSING = message(
    "VE-2410", "Tryton lacks the currency {code}", "Create the currency, " + _RETRY
)
TRYTON_DIGITS = message(
    "VE-2411",
    "Tryton sells product {code} by a unit of {digits} decimals, and {quantity} are ordered",
    "Give the product another unit, " + _RETRY,
)

# --- profiles of the REST adapter -------------------------------------------------------------
REST_CREATED_WITHOUT_NUMBER = message(
    "VE-2501", "{profile} created the {part} and returned it without a number"
)
REST_BUSY = message("VE-2502", "another process calls the ERP for the same order")
REST_NOT_FOUND = message("VE-2503", "{error}. Our number does not find it")
REST_TOKEN_REFUSED = message(
    "VE-2504",
    "the ERP no longer accepts the refresh token {secret} of [secrets]",
    "Authorise again, and put the new token there",
)
REST_TOKEN_STATUS = message("VE-2505", "the ERP's token service answered HTTP {status}")
REST_TOKEN_FAILED = message("VE-2506", "the ERP's token service: {error}")
REST_TOKEN_BUSY = message("VE-2507", "another process exchanges the ERP's token for too long")
REST_ANSWER_UNUSABLE = message("VE-2508", "profile {profile}: {error}")
REST_FIELD_MISSING = message("VE-2509", "profile {profile}: the answer lacks {field}")
REST_STATE_UNWRITABLE = message("VE-2510", "the state of the REST adapter cannot be written")
REST_CALLS_USED_UP = message("VE-2511", "the calls that the ERP allows are used up for now")
REST_LOCK_LOST = message("VE-2512", "the ERP took too long, and another process continues")
REST_VALUE_UNREADABLE = message(
    "VE-2514",
    "{path} of the order is not of the form that the profile's filter {filter} needs",
    "Use another path or filter in the profile, " + _RETRY,
)
REST_CODE_MISSING = message(
    "VE-2513", "[codes.{kind}] of the ERP's settings lacks {value!r}", "Add the code, or a default"
)
