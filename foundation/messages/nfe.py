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
    "{root} is an event of a nota, such as its cancellation, and not a nota",
    "Send a return to undo an invoice that VTEX has",
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
    "ide/finNFe is {purpose}, and VTEX gets sales (1) and returns (4) only: complementary (2), "
    "adjustment (3) and other notas stay in the ERP",
)
DIRECTION = message("VE-3033", "ide/tpNF is {direction}, and must be 0 or 1", _ORIGINAL)
NOT_A_TIME = message("VE-3034", "ide/dhEmi is not a valid time", _ORIGINAL)
NO_VALUE = message(
    "VE-3035", "total/ICMSTot/vNF is 0, and VTEX accepts an invoice with a value only"
)
NO_LINES = message("VE-3036", "det is missing", _ORIGINAL)
TOO_MANY_LINES = message("VE-3037", "det stands {count} times, and a nota has {most} at most")
NO_QUANTITY = message("VE-3038", "{path} is 0, and a line of a sale or return has goods")
DISCOUNT_TOO_HIGH = message("VE-3039", "{path} is more than vProd", _ORIGINAL)

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
WEIGHT_DIFFERS = message(
    "VE-3057",
    "{lines}: weighs {weight} of SKU {sku_id}, and the order has {sold} in {units} units, so no "
    "whole number of units is within {percent} %: correct the nota, the product map or the unit "
    "multiplier of the SKU, or raise NFE_WEIGHT_TOLERANCE_PERCENT",
)
