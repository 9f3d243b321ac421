"""Turn an error into one line for a person, with the command or setting that fixes it."""

import traceback
from pathlib import Path

from amqp.exceptions import AMQPError
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from erp.port import ErpError, ErpUnavailable
from foundation.messages import commands as messages
from journal.model import JournalError, JournalUnavailable
from tasks.errors import ContractNewer, RequestRefused
from vtex.errors import OrderNotFound, VtexError, VtexUnauthorized, VtexUnavailable


def in_a_line(error: Exception) -> str:
    """Return an error as one line that quotes no document."""
    match error:
        case JournalUnavailable():
            # If only the tables are missing, the error itself names the command.
            migrates = "vtex-erp migrate" in str(error)
            away = messages.CHECK_SHOWS_MORE if migrates else messages.JOURNAL_AWAY
            return away(error=error)
        case OrderNotFound():
            return messages.ORDER_NOT_FOUND(error=error)
        case VtexUnauthorized() | VtexUnavailable() | ErpUnavailable():
            return messages.CHECK_SHOWS_MORE(error=error)
        case JournalError() | VtexError() | ErpError() | RequestRefused() | ContractNewer():
            return str(error)
        case RedisError() | OperationalError():
            return messages.BROKER_SILENT(error=type(error).__name__)
        case AMQPError():
            return messages.BROKER_REFUSES(error=type(error).__name__)
        case OSError(strerror=str(reason)):
            return messages.FILE_FAILED(file=error.filename or type(error).__name__, error=reason)
        case _:
            # The message of an unforeseen error may quote a document.
            frame = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(frame.filename).name}:{frame.lineno}"
            return messages.UNFORESEEN(error=type(error).__name__, place=place)
