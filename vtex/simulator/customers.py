"""Shoppers and their addresses. Every person is invented."""

from random import Random
from typing import Any

FIRST = ("Ana", "João", "Márcia", "Pedro", "Luíza", "Antônio", "Beatriz", "Tomás", "Inês", "Caio")
LAST = ("Prado", "da Silva", "Gonçalves", "Araújo", "Müller", "Conceição", "Nakamura", "D'Ávila")
CITIES = (("São Paulo", "SP"), ("Niterói", "RJ"), ("Florianópolis", "SC"), ("Goiânia", "GO"))
CNPJ_WEIGHTS = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)


def client_of(kind: str, rng: Random) -> dict[str, Any]:
    """Draw a natural person, or a company with the person who buys for it."""
    company = kind in ("company", "b2b")
    return {
        "id": "clientProfileData",
        "email": f"{rng.getrandbits(128):032x}@ct.vtex.com.br",
        "firstName": rng.choice(FIRST),
        "lastName": rng.choice(LAST),
        "documentType": "cpf",
        "document": _cpf(rng),
        "phone": f"+55119{rng.randrange(10**7, 10**8)}",
        "corporateName": "Comércio Exemplo Ltda" if company else None,
        "tradeName": "Exemplo" if company else None,
        "corporateDocument": _cnpj(rng) if company else None,
        "stateInscription": "110042490114" if company else "",
        "corporatePhone": "+551133334444" if company else None,
        "isCorporate": company,
        "userProfileId": f"{rng.getrandbits(64):x}",
        "userProfileVersion": None,
        "customerClass": None,
        "customerCode": None,
    }


def _cpf(rng: Random) -> str:
    digits = [rng.randrange(10) for _ in range(9)]
    for length in (9, 10):
        rest = sum(d * (length + 1 - i) for i, d in enumerate(digits)) * 10 % 11
        digits.append(rest % 10)
    return "".join(map(str, digits))


def _cnpj(rng: Random) -> str:
    digits = [rng.randrange(10) for _ in range(8)] + [0, 0, 0, 1]
    for weights in (CNPJ_WEIGHTS[1:], CNPJ_WEIGHTS):
        rest = sum(d * w for d, w in zip(digits, weights, strict=True)) % 11
        digits.append(0 if rest < 2 else 11 - rest)
    text = "".join(map(str, digits))
    return f"{text[:2]}.{text[2:5]}.{text[5:8]}/{text[8:12]}-{text[12:]}"


def address_of(kind: str, receiver: str, rng: Random) -> dict[str, Any]:
    """Draw an address. As in real orders, numbers and complements may be absent."""
    city, state = rng.choice(CITIES)
    return {
        "addressType": "pickup" if kind == "pickup" else "residential",
        "receiverName": receiver,
        "addressId": "addr-1",
        "versionId": None,
        "entityId": None,
        "postalCode": f"{rng.randrange(1000, 99999):05}-{rng.randrange(1000):03}",
        "city": city,
        "state": state,
        "country": "BRA",
        "street": "Rua das Palmeiras",
        "number": rng.choice(("12", "450", "S/N", None)),
        "neighborhood": "Centro",
        "complement": rng.choice(("", None, "Apto 71")),
        "reference": None,
        "geoCoordinates": [-46.6, -23.5],
    }
