"""Why an NF-e cannot become an invoice at VTEX (docs/nfe.md)."""

from foundation.messages.message import message

_ORIGINAL = "Use the file that SEFAZ authorised, unchanged"
_AUTHORISED = "Use the authorised file, nfeProc"

# --- the file ---------------------------------------------------------------------------------
TOO_LARGE = message("VE-3001", "the file has {size} bytes, and an NF-e has {most} at most")
NOT_UTF8 = message("VE-3002", "the file is not UTF-8, as every NF-e is", _ORIGINAL)
TOO_DEEP = message("VE-3003", "the XML is nested too deep or has too many elements for an NF-e")
NOT_XML = message(
    "VE-3004", "the file is not XML or was cut off (line {line}, column {column})", _ORIGINAL
)
HAS_DTD = message("VE-3005", "the XML has a DTD or entities, and an NF-e never has them")
EMPTY = message("VE-3006", "the file is empty")
REPEATED = message("VE-3007", "{path} stands {count} times", _ORIGINAL)
MISSING = message("VE-3008", "{path} is missing", _AUTHORISED)
WRONG_FORM = message("VE-3009", "{path} is empty or not written as layout 4.00 asks", _ORIGINAL)

# --- the nota ---------------------------------------------------------------------------------
EVENT = message(
    "VE-3021",
    "{root} is an event of a nota ({name}) and not a nota, and it changes nothing at VTEX",
    "Send the nota itself, nfeProc",
)
NOT_AUTHORISED = message(
    "VE-3022", "protNFe is missing, so the file does not show SEFAZ's authorisation", _AUTHORISED
)
OTHER_ROOT = message(
    "VE-3023", "the root element is not nfeProc of http://www.portalfiscal.inf.br/nfe", _AUTHORISED
)
OTHER_LAYOUT = message("VE-3024", "nfeProc/@versao is not 4.00, the only layout that is supported")
STATUS = message(
    "VE-3025", "{path} is {status}, and only 100 and 150 authorise a nota", _AUTHORISED
)
TEST_ENVIRONMENT = message(
    "VE-3026",
    "{path} is not 1, so the nota is of SEFAZ's test environment",
    "Set NFE_PRODUCTION=false if you want such notas at VTEX",
)
BAD_KEY = message(
    "VE-3027",
    "infNFe/@Id is not NFe and an access key of 44 characters with a right check digit",
    _ORIGINAL,
)
OTHER_PROTOCOL = message(
    "VE-3028",
    "{path} is another key than infNFe/@Id, so the protocol belongs to another nota",
    _ORIGINAL,
)
KEY_DIFFERS = message("VE-3029", "{path} is not {expected}, as the access key says", _ORIGINAL)
OTHER_ISSUER = message("VE-3030", "{path} is not the issuer in the access key", _ORIGINAL)
OTHER_MONTH = message(
    "VE-3031", "ide/dhEmi is not of {expected} (yymm), as the access key says", _ORIGINAL
)
OTHER_PURPOSE = message(
    "VE-3032",
    "ide/finNFe is {purpose}, {name}, and VTEX gets sales (1) and returns (4) only",
    "Keep this nota in the ERP",
)
DIRECTION = message("VE-3033", "ide/tpNF is {direction}, and must be 0 or 1", _ORIGINAL)
NOT_A_TIME = message("VE-3034", "ide/dhEmi is not a valid time", _ORIGINAL)
NO_LINES = message("VE-3036", "det is missing", _ORIGINAL)
TOO_MANY_LINES = message("VE-3037", "det stands {count} times, and a nota has {most} at most")
NO_QUANTITY = message("VE-3038", "{path} is 0, and a line of a sale or return has goods")
DISCOUNT_TOO_HIGH = message("VE-3039", "{path} is more than vProd", _ORIGINAL)
CANCELLATION_EVENT = message(
    "VE-3040",
    "{root} is an event of a nota ({name}) and not a nota",
    "Send a return to undo an invoice that VTEX has",
)
UNSIGNED = message(
    "VE-3041", "the file is an NFe before its signature and SEFAZ's authorisation", _AUTHORISED
)
OTHER_KIND = message("VE-3042", "the file is {kind}", "Send the authorised file, nfeProc")
CARRIES_CANCELLATION = message(
    "VE-3043", "the file holds the cancellation of its own nota", "Send the nota that replaces it"
)
ENTRY = message(
    "VE-3044",
    "ide/finNFe is 1 and ide/tpNF is 0, so the nota is an entry, such as a purchase or an import, "
    "and VTEX would refund it as a return",
    "Issue a return with ide/finNFe 4 and the refNFe of the invoice",
)
OTHER_CFOP = message(
    "VE-3045",
    "{path} is {code} ({name}), which is not a {kind} by SEFAZ's table",
    "Keep this nota in the ERP, or add the CFOP to NFE_CFOPS",
)
GIFTS_ONLY = message(
    "VE-3046",
    "every det/prod/CFOP is a gift or a service, and an invoice has a line that is sold",
    "Keep this nota in the ERP, or add the CFOP to NFE_CFOPS",
)
AMOUNTS_DIFFER = message(
    "VE-3047",
    "{path} is {head}, and its terms make {total} (difference {difference})",
    "Use the file that SEFAZ authorised, or set NFE_SKIPPED_CHECKS=amounts",
)

# --- the order of a nota ----------------------------------------------------------------------
OTHER_ORDER = message(
    "VE-3061",
    "the nota differs from the order: {faults} (checks: {checks})",
    "Send the nota of this order, or add the checks to NFE_SKIPPED_CHECKS to let such notas pass",
)
OTHER_RECIPIENT = message("VE-3062", "dest is {nota}, and the shopper of the order is {order}")
STRANGE_ISSUER = message("VE-3063", "emit is {nota}, and the store issues as {store}")
OLDER_THAN_ORDER = message(
    "VE-3064", "ide/dhEmi is of {issued}, and the order was placed on {placed}"
)
OTHER_ORDER_NUMBER = message("VE-3065", "xPed is {nota}, and the order is {order}")
OTHER_REFERENCE = message("VE-3066", "refNFe is {nota}, and the invoices of the order are {order}")
RETURN_TO_SUPPLIER = message(
    "VE-3067",
    "ide/finNFe is 4, ide/tpNF is 1 and emit is not the shopper, so the nota returns goods to a "
    "supplier",
    "Keep this nota in the ERP",
)

# --- its lines and the order ------------------------------------------------------------------
LINES_DIFFER = message("VE-3051", "{faults}. The order has {items}")
NO_ITEM_FITS = message(
    "VE-3052",
    "{line} does not match an item of the order by {keys}: add its code to the product map",
)
MAPPED_ITEM_MISSING = message(
    "VE-3053",
    "{line} does not match an item of the order by {keys} (the product map says SKU {sku_id})",
)
NOT_WHOLE = message(
    "VE-3054",
    "{lines}: makes {units} of SKU {sku_id}, which is not a whole number: correct the product map "
    "or the unit multiplier of the SKU",
)
SERVICES_ONLY = message("VE-3055", "the nota holds services only, and VTEX invoices items")
BROKEN_KIT = message(
    "VE-3056",
    "kit SKU {sku_id}: its parts do not make whole kits ({parts}): put whole kits on the nota, or "
    "map the code of one part to the kit's SKU and the others to it with 0",
)
UNIT_UNCLEAR = message(
    "VE-3058",
    "{line} is {quantity} {unit} by qTrib and uTrib, and the file does not show which of the two "
    "SKU {sku_id} counts: add the code to the product map with its units, or write the SKU's EAN "
    "into cEAN or cEANTrib",
)
SIMILAR_CODE = message(
    "VE-3059",
    "{line} does not match an item of the order by {keys}, but {code!r} differs from its code by "
    "case or leading zeros alone: correct the code, or add it to the product map",
)
WEIGHT_DIFFERS = message(
    "VE-3057",
    "{lines}: weighs {weight} of SKU {sku_id}, and the order has {sold} in {units} units, so no "
    "whole number of units is within {percent} %: correct the nota, the product map or the unit "
    "multiplier of the SKU, or raise NFE_WEIGHT_TOLERANCE_PERCENT",
)
