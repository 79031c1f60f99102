"""How orders are shown."""

from __future__ import annotations

from decimal import Decimal

from replay.local_venue.orders import UserOrder, plain
from replay.local_venue.specs import known_spec


def test_an_order_shows_what_was_done_of_it():
    order = UserOrder(5, "id", known_spec("BTCUSDT"), -1, "LIMIT", "GTX", 600_001, 10, 7)
    order.done, order.quote, order.status = 4, Decimal("240.0004"), "PARTIALLY_FILLED"
    shown = order.view()
    assert (shown["side"], shown["timeInForce"], shown["status"]) == (
        "SELL", "GTX", "PARTIALLY_FILLED",
    )  # fmt: skip
    assert (shown["origQty"], shown["executedQty"]) == ("0.010", "0.004")
    assert shown["avgPrice"] == "60000.10000"
    assert (shown["time"], order.leaves) == (7, 6)


def test_nothing_is_open_of_an_order_that_ended():
    order = UserOrder(5, "id", known_spec("BTCUSDT"), 1, "LIMIT", "GTC", 1, 10, 7)
    order.status = "CANCELED"
    assert order.leaves == 0
    assert order.average == 0


def test_numbers_have_fixed_digits():
    assert plain(Decimal("1e-9")) == "0.00000000"
    assert plain(Decimal(5), 2) == "5.00"
