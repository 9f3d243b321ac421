"""Values of the settings of notas fiscais: CNPJs, CFOPs and days."""

import re
from datetime import date

from marshmallow import ValidationError

from foundation.messages import settings as messages

_SEPARATORS = re.compile(r"[\s./-]")
_ISSUER = re.compile(r"[0-9A-Z]{12}[0-9]{2}|[0-9]{11}")
_CFOP = re.compile(r"[1-7][0-9]{3}")


def cnpjs(value: object) -> tuple[str, ...]:
    """Return CNPJs from text with commas between them, or from a TOML list.

    Raises:
        ValidationError: one of them is neither a CNPJ nor a CPF.
    """
    texts = value if isinstance(value, list) else str(value).split(",")
    listed = tuple(_SEPARATORS.sub("", str(text)).upper() for text in texts if str(text).strip())
    if not all(_ISSUER.fullmatch(issuer) for issuer in listed):
        raise ValidationError(messages.NOT_CNPJS())
    return listed


def cfops(text: str) -> tuple[str, ...]:
    """Return CFOPs from text with commas between them.

    Raises:
        ValidationError: one of them is not four digits, as in ``5949``.
    """
    listed = tuple(code.strip().replace(".", "") for code in text.split(",") if code.strip())
    if not all(_CFOP.fullmatch(code) for code in listed):
        raise ValidationError(messages.NOT_CFOPS())
    return listed


def day(text: str) -> date:
    """Return a day from ``2027-01-01``.

    Raises:
        ValidationError: the text is not a day.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValidationError(messages.NOT_A_DAY()) from None
