"""Turn an error into one line for a person, with the command or setting that fixes it."""

import traceback
from pathlib import Path

from amqp.exceptions import AMQPError
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from erp.port import ErpError, ErpUnavailable
from journal.model import JournalError, JournalUnavailable
from tasks.errors import ContractNewer, RequestRefused
from vtex.errors import OrderNotFound, VtexError, VtexUnauthorized, VtexUnavailable


def in_a_line(error: Exception) -> str:
    """Return an error as one line that quotes no document."""
    match error:
        case JournalUnavailable():
            # If only the tables are missing, the error itself names the command.
            todo = "" if "vtex-erp migrate" in str(error) else ": start it, or fix JOURNAL_URL"
            return f"{error}{todo}; vtex-erp check shows more"
        case OrderNotFound():
            return f"{error}; check the store, and the -01 at the end of the order id"
        case VtexUnauthorized() | VtexUnavailable() | ErpUnavailable():
            return f"{error}; vtex-erp check shows more"
        case JournalError() | VtexError() | ErpError() | RequestRefused() | ContractNewer():
            return str(error)
        case RedisError() | OperationalError():
            return (
                f"the broker does not answer ({type(error).__name__}): start it, or fix "
                "BROKER_URL (REDIS_URL if that is unset); the workers continue with the "
                "journal's jobs once it is back"
            )
        case AMQPError():
            return f"the broker refuses access ({type(error).__name__}); vtex-erp check shows more"
        case OSError(strerror=str(reason)):
            return f"{error.filename or type(error).__name__}: {reason}"
        case _:
            # The message of an unforeseen error may quote a document.
            frame = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(frame.filename).name}:{frame.lineno}"
            return f"unforeseen {type(error).__name__} at {place}: a bug; please report this line"
