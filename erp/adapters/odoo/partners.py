"""Customers and addresses in Odoo: found or created, and never overwritten."""

from collections.abc import Mapping
from typing import Any

from erp.adapters.odoo import sale_mapping
from erp.adapters.odoo.external_ids import Records
from erp.adapters.odoo.rpc import OdooClient, OdooRefuses, Row
from erp.sales_order import PostalAddress, SalesOrder


class Partners:
    """Finds or creates an order's partners. Methods raise OdooRefuses and ErpUnavailable."""

    def __init__(self, odoo: OdooClient, records: Records) -> None:
        self._odoo = odoo
        self._records = records
        self._seldom: dict[tuple[str, str, str], int] = {}

    def of(self, order: SalesOrder) -> tuple[int, int, int]:
        """Return customer, invoice address and delivery address. Create missing ones."""
        billing = order.customer_address
        shipping = order.shipping_address or billing
        partner = self._known(order)
        if partner is None:
            partner = self._new_partner(order, self._address(billing))
        known: list[Row] = []
        if shipping is not None:
            domain = [["id", "child_of", partner]]
            known = self._odoo.search("res.partner", domain, ("name", *sale_mapping.SAME))
        invoiced = self._placed(partner, known, billing, order, "invoice")
        shipped = self._placed(partner, known, shipping, order, "delivery")
        return partner, invoiced, shipped

    def _known(self, order: SalesOrder) -> int | None:
        if not order.customer.document:
            return None
        ways = sale_mapping.documents(order)
        domain: list[Any] = [["vat", "in", ways]]
        if "cnpj_cpf" in self._odoo.fields("res.partner"):
            domain = ["|", *domain, ["cnpj_cpf", "in", ways]]
        domain.append(["parent_id", "=", False])
        partners = self._odoo.search("res.partner", domain, ("name",), limit=1)
        if partners:
            return int(partners[0]["id"])
        named = sale_mapping.partner_name(order)
        return self._records.numbers("res.partner", [named]).get(named)

    def _new_partner(self, order: SalesOrder, place: Mapping[str, str]) -> int:
        fields = self._odoo.fields("res.partner")
        values = sale_mapping.partner_values(order, fields, place)
        named = sale_mapping.partner_name(order)
        try:
            return self._records.made("res.partner", named, values)
        except OdooRefuses:
            # Odoo refuses a wrong check digit. The external id still names the customer.
            document = values.pop("vat", None)
            if document is None:
                raise
            return self._records.made("res.partner", named, values | {"ref": document})

    def _placed(
        self,
        partner: int,
        known: list[Row],
        place: PostalAddress | None,
        order: SalesOrder,
        kind: str,
    ) -> int:
        if place is None:
            return partner
        values = self._address(place)
        receiver = place.receiver if place.receiver != order.customer.name else None
        for address in known:
            called = receiver or order.customer.name
            if not receiver and address["id"] == partner:
                called = address["name"]
            if sale_mapping.is_same(values, called, address):
                return int(address["id"])
        called = receiver or order.customer.name
        named = sale_mapping.address_name(partner, values, called)
        made = {"parent_id/.id": str(partner), "type": kind, "name": called, **values}
        number = self._records.made("res.partner", named, made)
        known.append(
            {
                "id": number,
                "name": called,
                **{field: values.get(field) for field in sale_mapping.SAME},
            }
        )
        return number

    def _address(self, place: PostalAddress | None) -> dict[str, str]:
        country = state = None
        if place is not None and place.country:
            code = sale_mapping.COUNTRIES.get(place.country)
            country = self.named("res.country", "code", code) if code else None
        if place is not None and country and place.state:
            state = self.named(
                "res.country.state", "code", place.state, ["country_id", "=", country]
            )
        return sale_mapping.address_values(place, country, state)

    def named(self, model: str, field: str, code: str, *more: list[Any]) -> int | None:
        """Return the first record with a code, such as a country. The result is cached."""
        key = (model, code, str(more))
        if key not in self._seldom:
            domain = [*more, [field, "=", code]]
            rows = self._odoo.search(model, domain, (field,), limit=1)
            if not rows:
                return None
            self._seldom[key] = rows[0]["id"]
        return self._seldom[key]
