"""Sales orders of every kind that a shop has."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from erp.conformance.checks import same, sample
from erp.port import Erp, erp_orders
from erp.sales_order import Customer, KitPart, OrderLine, PaymentPart, PostalAddress, SalesOrder

_NONE = Decimal(0)


def _line(number: int, sku: str, quantity: int, price: str, **more: Any) -> OrderLine:
    total = (Decimal(price) * quantity).quantize(Decimal("0.01"))
    made = OrderLine(
        line_no=number,
        item_index=number - 1,
        sku_id=sku,
        quantity=quantity,
        unit_price=Decimal(price),
        discount=_NONE,
        total=total,
        name="Camiseta básica",
        ref_id=f"REF-{sku}",
    )
    return replace(made, **more)


def _order(*lines: OrderLine, shipping: str = "0.00", **more: Any) -> SalesOrder:
    goods = sum((line.total for line in lines), _NONE)
    discounts = -sum((line.discount for line in lines), _NONE)
    total = goods + Decimal(shipping)
    made = replace(
        sample(),
        lines=lines,
        items_total=goods - discounts,
        discounts=discounts,
        shipping=Decimal(shipping),
        total=total,
        payments=(PaymentPart(1, "2", "Visa", "creditCard", total),),
    )
    return replace(made, **more)


def half_cent_discount() -> SalesOrder:
    """5 % off 2 x 49.90: VTEX splits the line, so that each row has a price of whole cents."""
    return _order(
        _line(1, "310045", 1, "47.40", discount=Decimal("2.50"), list_price=Decimal("49.90")),
        _line(2, "310045", 1, "47.41", discount=Decimal("2.49"), list_price=Decimal("49.90")),
    )


def freight() -> SalesOrder:
    """Freight that does not divide evenly over the lines."""
    return _order(
        _line(1, "310045", 1, "10.00", freight=Decimal("6.67")),
        _line(2, "310102", 2, "5.00", freight=Decimal("3.33")),
        shipping="10.00",
    )


def gift() -> SalesOrder:
    """A line with price 0."""
    return _order(
        _line(1, "310045", 1, "99.90"),
        _line(2, "310999", 1, "0.00", is_gift=True, discount=Decimal("19.90")),
    )


def kit() -> SalesOrder:
    """A line that is three of one thing and one of another."""
    parts = (KitPart("310045", 3, "REF-310045"), KitPart("310102", 1, "REF-310102"))
    return _order(_line(1, "310700", 2, "129.90", parts=parts))


def repeated_sku() -> SalesOrder:
    """One SKU on two lines with two prices: a promotion for the first unit only."""
    return _order(_line(1, "310045", 1, "0.01"), _line(2, "310045", 3, "49.90"))


def weighed_goods() -> SalesOrder:
    """Goods sold by the kilogram, in steps of 350 g."""
    return _order(
        _line(
            1,
            "310300",
            3,
            "13.9650",
            unit_multiplier=Decimal("0.35"),
            measurement_unit="kg",
            total=Decimal("41.90"),
        )
    )


def two_sellers() -> SalesOrder:
    """A marketplace's order: one line of the shop's own and one of a partner."""
    return _order(
        _line(1, "310045", 1, "49.90", seller="1"),
        _line(2, "420001", 1, "20.10", seller="parceiro"),
    )


def company_with_state_registration() -> SalesOrder:
    """A company with letters in its CNPJ, which are allowed since July 2026."""
    buyer = Customer(
        kind="J",
        document="12ABC34501DE35",
        name="Padaria São João Ltda",
        trade_name="Pão & Cia",
        state_registration="110.042.490.114",
        email="compras@padaria.example",
        phone="+551130000000",
    )
    place = PostalAddress(
        receiver="Recebimento",
        street="Av. Brasil",
        number="S/N",
        complement="Galpão 2",
        neighborhood="Centro",
        city="São Paulo",
        state="SP",
        postal_code="01310100",
        country="BRA",
    )
    return _order(
        _line(1, "310045", 12, "49.90"),
        customer=buyer,
        addresses=(place, replace(place, kind="BILL", address_no=2)),
    )


def foreign_address() -> SalesOrder:
    """An address in Uruguay: five-digit postal code, passport, without a state."""
    buyer = Customer(kind="F", document="C123456", name="Lucía Núñez O'Brien")
    place = PostalAddress(
        receiver="Lucía Núñez",
        street="Calle 25 de Mayo",
        number="123",
        city="Montevideo",
        postal_code="11000",
        country="URY",
    )
    return _order(_line(1, "310045", 1, "49.90"), customer=buyer, addresses=(place,))


ORDERS: Mapping[str, Callable[[], SalesOrder]] = {
    made.__name__: made
    for made in (
        half_cent_discount,
        freight,
        gift,
        kit,
        repeated_sku,
        weighed_goods,
        two_sellers,
        company_with_state_registration,
        foreign_address,
    )
}


def _is_taken(name: str, made: Callable[[], SalesOrder]) -> Callable[[Erp], None]:
    def check(erp: Erp) -> None:
        order = made()
        reference = erp.insert(order)
        same(erp.insert(order), reference)
        there = erp_orders(erp, order.store, [order.order_id])
        same({name: row.reference for name, row in there.items()}, {order.order_id: reference})
        same(there[order.order_id].total in (order.total, None), True)

    check.__name__ = f"{name}_is_taken_once_with_its_total"
    check.__doc__ = made.__doc__
    return check


CHECKS = tuple(_is_taken(name, made) for name, made in ORDERS.items())
