"""Sales orders of every kind that a shop has."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from erp.conformance.checks import same, sample
from erp.port import Erp, erp_orders
from erp.sales_order import (
    Attribute,
    Customer,
    Flag,
    FlagName,
    KitPart,
    Marketing,
    OrderLine,
    PaymentPart,
    PostalAddress,
    SaleContext,
    SalesOrder,
)

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
        payments=(PaymentPart(1, "2", "Visa", "creditCard", total, share=total),),
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
    buyer = Customer(
        kind="F", document="C123456", name="Lucía Núñez O'Brien", document_type="passport"
    )
    place = PostalAddress(
        receiver="Lucía Núñez",
        street="Calle 25 de Mayo",
        number="123",
        city="Montevideo",
        postal_code="11000",
        country="URY",
    )
    return _order(_line(1, "310045", 1, "49.90"), customer=buyer, addresses=(place,))


def foreign_document() -> SalesOrder:
    """A CUIL of Argentina, with 11 digits like a CPF, and a postal code with letters."""
    buyer = Customer(kind="F", document="20123456786", name="Martín Gómez", document_type="CUIL")
    place = PostalAddress(
        receiver="Martín Gómez",
        street="Av. Corrientes",
        number="1234",
        city="Buenos Aires",
        postal_code="C1043AAZ",
        country="ARG",
    )
    return _order(
        _line(1, "310045", 1, "49.90"),
        customer=buyer,
        addresses=(place, replace(place, kind="BILL", address_no=2)),
    )


def removed_line() -> SalesOrder:
    """A change removed one line before the order came in. It stays with a quantity of 0."""
    return _order(_line(1, "310045", 1, "49.90"), _line(2, "310102", 0, "0.00", removed_quantity=2))


def group_payment() -> SalesOrder:
    """A cart of two sellers: one payment of 150.00, of which this order has 49.90."""
    order = _order(_line(1, "310045", 1, "49.90", seller="1"))
    payment = replace(
        order.payments[0],
        value=Decimal("150.00"),
        transaction_id="9A8B7C6D5E4F43219A8B7C6D5E4F4321",
        payment_id="0F1E2D3C4B5A43210F1E2D3C4B5A4321",
    )
    doubt = Flag(FlagName.PAYMENT_GROUP, "the payment covers other orders, too", Decimal("100.10"))
    return replace(order, payments=(payment,), flags=(doubt,), order_group="v1357924680123acme")


def pickup_with_two_addresses() -> SalesOrder:
    """A pickup in a shop. The address for the nota is the shopper's."""
    shop = PostalAddress(
        kind="PICK",
        address_id="1_VAZ",
        address_type="pickup",
        receiver="Conceição D'Ávila",
        street="Rua Augusta",
        number="1500",
        city="São Paulo",
        state="SP",
        postal_code="01304001",
        country="BRA",
    )
    home = PostalAddress(
        kind="BILL",
        address_no=2,
        address_id="casa",
        street="Rua das Palmeiras",
        number="10",
        city="São Paulo",
        state="SP",
        postal_code="01226010",
        country="BRA",
    )
    line = _line(
        1,
        "310045",
        1,
        "49.90",
        delivery_channel="pickup-in-point",
        address_no=1,
        pickup_point_id="1_VAZ",
        pickup_point="Loja Augusta",
    )
    return _order(
        line,
        addresses=(shop, home),
        delivery_channel="pickup",
        pickup_point="Loja Augusta",
        pickup_point_id="1_VAZ",
    )


def attributes_and_flags() -> SalesOrder:
    """An engraving, a custom field, a coupon, a marketplace, a delivery window, two doubts."""
    line = _line(
        1,
        "310045",
        1,
        "49.90",
        promotions=("a1b2", "c3d4"),
        window_starts_at=datetime(2026, 3, 12, 17, tzinfo=UTC),
        window_ends_at=datetime(2026, 3, 12, 21, tzinfo=UTC),
    )
    return _order(
        line,
        affiliate_id="MLB",
        marketing=Marketing(coupon="BEMVINDA10", utm_source="newsletter"),
        context=SaleContext(
            intermediary_name="Mercado Livre", intermediary_document="03007331000141"
        ),
        attributes=(
            Attribute("attachments", "gravacao.texto", "Para Ana, com amor 💍", line_no=1),
            Attribute("customApps.loja", "embalagem", "azul"),
        ),
        flags=(
            Flag(FlagName.DOCUMENT_CHECK_DIGIT, "a check digit is wrong"),
            Flag(FlagName.LINE_FREIGHT_UNKNOWN, "the lines' freight differs", Decimal("3.00"), 1),
        ),
    )


def weighed_to_the_milligram() -> SalesOrder:
    """Goods that were weighed: the multiplier has six decimals."""
    return _order(
        _line(
            1,
            "310300",
            2,
            "14.0614",
            unit_multiplier=Decimal("0.352417"),
            measurement_unit="kg",
            total=Decimal("28.12"),
        )
    )


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
        foreign_document,
        removed_line,
        group_payment,
        pickup_with_two_addresses,
        attributes_and_flags,
        weighed_to_the_milligram,
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
