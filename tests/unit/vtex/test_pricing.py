"""The choice of readings at any size of an order."""

from support.documents.written import item, old_item, order, tag, totals
from vtex import schemas
from vtex.pricing import closing
from vtex.pricing.closing import choose
from vtex.pricing.prices import price_lines
from vtex.pricing.readings import Reading

LINES = 500


def test_two_lines_of_500_that_are_read_otherwise_are_found() -> None:
    odd = (7, 400)
    items = [
        old_item(str(n), 1000 + n, priceTags=[tag("DISCOUNT@MANUALPRICE", -100 - n)])
        if n in odd
        else old_item(str(n), 1000 + n, priceTags=[tag("discount@price", -10)])
        for n in range(LINES)
    ]
    gross = sum(1000 + n for n in range(LINES))
    document = order(items, totals(gross, -10 * (LINES - len(odd))))

    prices = price_lines(schemas.read_order(document))

    assert prices.goods.closes
    assert [prices.lines[n].total_cents for n in odd] == [1007, 1400]


def test_a_search_that_cannot_end_is_given_up_with_the_nearest_reading() -> None:
    items = [
        item(str(n), 100_000, priceTags=[tag("discount@price", -(3 ** (n % 12)))])
        for n in range(LINES)
    ]

    prices = price_lines(schemas.read_order(order(items, totals(100_000 * LINES, -1_234_567))))

    assert not prices.goods.closes
    assert prices.goods.nearest is not None


def test_a_search_stops_at_its_bound(monkeypatch) -> None:
    lines = [(Reading("a", 0), Reading("b", 2**n)) for n in range(6)]
    usual = [readings[0] for readings in lines]

    within = choose(usual, [0b111], lambda: lines)
    monkeypatch.setattr(closing, "MOST_STEPS", 10)
    beyond = choose(usual, [0b111], lambda: lines)

    assert (within.closes, beyond.closes) == (True, False)


def test_the_alternatives_of_lines_that_close_are_not_computed() -> None:
    def options() -> list[list[Reading]]:
        raise AssertionError

    assert choose([Reading("a", 5), Reading("a", 7)], [12], options).closes


def test_a_mixture_has_as_few_exceptions_as_possible() -> None:
    lines = [(Reading("a", 0), Reading("b", 1)) for _ in range(3)]
    lines.append((Reading("a", 0), Reading("b", 2)))

    choice = choose([readings[0] for readings in lines], [2], lambda: lines)

    assert [reading.cents for reading in choice.readings] == [0, 0, 0, 2]
