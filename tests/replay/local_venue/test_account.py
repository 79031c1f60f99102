"""Money is conserved whatever is traded."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from replay.local_venue.account import Account, Position
from replay.local_venue.orders import UserOrder
from replay.local_venue.specs import known_spec

BTC = known_spec("BTCUSDT")
FILLS = st.lists(
    st.tuples(st.sampled_from([1, -1]), st.integers(500_000, 700_000), st.integers(1, 5_000),
              st.booleans()),
    max_size=40,
)  # fmt: skip


def order(side, lots=1, ticks=0, *, reduce_only=False):
    return UserOrder(1, "a", BTC, side, "LIMIT", "GTC", ticks, lots, 0, reduce_only)


@given(FILLS)
def test_fills_add_up_to_position_and_balance(fills):
    account = Account({"BTCUSDT": BTC})
    cash = Decimal(0)
    fees = Decimal(0)
    for number, (side, ticks, lots, maker) in enumerate(fills):
        account.fill(order(side), ticks, lots, number, 0, maker=maker)
        value = BTC.price(ticks) * BTC.qty(lots)
        cash -= side * value
        fees += value * (account.maker_fee if maker else account.taker_fee)
    position = account.positions["BTCUSDT"]
    assert position.lots == sum(side * lots for side, _, lots, _ in fills)
    assert account.fees == fees
    assert account.wallet - account.start == position.realized - fees
    # cash flows = realised profit + what the open position cost
    assert cash == position.realized - position.cost


def test_a_position_that_is_closed_realises_the_whole_profit():
    position = Position(BTC)
    assert position.apply(3, Decimal(100)) == 0
    assert position.apply(3, Decimal(110)) == 0
    assert position.entry == 105
    assert position.apply(-6, Decimal(120)) == Decimal("0.090")
    assert (position.lots, position.cost, position.entry) == (0, 0, 0)


def test_a_position_that_is_turned_opens_at_its_own_price():
    position = Position(BTC)
    position.apply(2, Decimal(100))
    assert position.apply(-5, Decimal(90)) == Decimal("-0.020")
    assert (position.lots, position.entry) == (-3, 90)
    assert position.unrealized(Decimal(80)) == Decimal("0.030")


def test_open_orders_bind_the_larger_side_only():
    account = Account({"BTCUSDT": BTC})
    orders = [order(1, 1000, 600_000), order(-1, 2000, 600_000)]
    assert account.order_margin(orders) == Decimal(120_000) / 20
    assert account.order_margin([order(1, 1000, 600_000, reduce_only=True)]) == 0


def test_available_is_what_margins_leave():
    account = Account({"BTCUSDT": BTC}, maker_fee=Decimal(0))
    account.fill(order(1), 600_000, 1000, 1, 0, maker=True)
    free = account.available({"BTCUSDT": Decimal(60_100)}, [])
    assert free == 100_000 + 100 - Decimal(60_100) / 20


def test_a_fill_shows_its_fee_and_profit():
    account = Account({"BTCUSDT": BTC})
    fill = account.fill(order(1), 600_000, 1000, 9, 5, maker=False)
    shown = fill.view()
    assert (shown["commission"], shown["id"], shown["maker"]) == ("30.00000000", 9, False)
    assert (shown["price"], shown["qty"], shown["quoteQty"]) == (
        "60000.00",
        "1.000",
        "60000.00000000",
    )
