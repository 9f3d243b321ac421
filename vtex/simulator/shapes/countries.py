"""Shoppers, addresses and money outside Brazil. Every person is invented."""

from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from stdnum.ar import cuit
from stdnum.cl import rut
from stdnum.co import nit
from stdnum.mx import rfc
from stdnum.pe import ruc
from stdnum.pt import nif
from stdnum.ro import cnp


class Checked(Protocol):
    """A kind of document with check digits."""

    def calc_check_digit(self, number: str) -> str:
        """Return the check digit of a number that lacks it."""

    def is_valid(self, number: str) -> bool:
        """Return whether a number's check digit is right."""


@dataclass(frozen=True)
class Country:
    """How a country's documents look.

    Attributes:
        document_type: as VTEX writes it. Empty where shoppers need no document.
        beginning: first characters of a document.
        digits: number of digits between the beginning and the check digit.
        checked: the kind of document, if it has a check digit.
    """

    code: str
    currency: str
    city: str
    state: str
    postal_code: str
    document_type: str = ""
    beginning: str = ""
    digits: int = 0
    checked: Checked | None = None
    is_company: bool = False

    def document(self, rng: Random) -> str | None:
        """Draw a document with a right check digit."""
        if not self.document_type:
            return None
        number = self.beginning + "".join(str(rng.randrange(10)) for _ in range(self.digits))
        return number + (self.checked.calc_check_digit(number) if self.checked else "")


COUNTRIES = {
    "argentina": Country("ARG", "ARS", "Córdoba", "CBA", "X5000ABC", "DNI", "3", 7),
    "argentina_company": Country(
        "ARG", "ARS", "Rosario", "SF", "S2000XYZ", "CUIT", "30", 8, cuit, is_company=True
    ),
    "colombia": Country("COL", "COP", "Medellín", "Antioquia", "050021", "cedulaCOL", "10", 8),
    "colombia_company": Country(
        "COL", "COP", "Bogotá", "Cundinamarca", "110111", "NIT", "9", 8, nit, is_company=True
    ),
    "chile": Country("CHL", "CLP", "Valparaíso", "V Región", "2340000", "rut", "1", 7, rut),
    "mexico": Country("MEX", "MXN", "Puebla", "PUE", "72000", "RFC", "PRAA850310AB", 0, rfc),
    "peru": Country("PER", "PEN", "Arequipa", "Arequipa", "04001", "RUC", "10", 8, ruc),
    "usa": Country("USA", "USD", "Portland", "OR", "97204-1234"),
    "romania": Country("ROU", "RON", "Cluj-Napoca", "CJ", "400001", "cnp", "285031012", 3, cnp),
    "portugal": Country("PRT", "EUR", "Coimbra", "Coimbra", "3000-213", "NIF", "2", 7, nif),
}


def move(order: dict[str, Any], country: Country, rng: Random) -> None:
    """Move an order to another country."""
    client, document = order["clientProfileData"], country.document(rng)
    client.update(documentType=country.document_type or None, document=document)
    if country.is_company:
        client.update(isCorporate=True, corporateName="Comercio Ejemplo S.A.", document=None)
        client.update(corporateDocument=document, corporatePhone=client["phone"])
    for address in _addresses(order):
        address.update(
            country=country.code,
            city=country.city,
            state=country.state,
            postalCode=country.postal_code,
        )
    for row in order["shippingData"]["logisticsInfo"]:
        row["shipsTo"] = [country.code]
    preferences = order["storePreferencesData"]
    preferences.update(countryCode=country.code, currencyCode=country.currency)


def _addresses(order: dict[str, Any]) -> list[dict[str, Any]]:
    shipping = order["shippingData"]
    every = [shipping["address"], *shipping["selectedAddresses"], *shipping["availableAddresses"]]
    return list({id(address): address for address in every}.values())
