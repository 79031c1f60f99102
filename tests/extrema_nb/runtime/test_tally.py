"""What a session did so far."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.events import BUY, INTENT, SELL, Action, EventKind, Flag, OrderEvent, OrderStatus
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.runtime.tally import Tally
from extrema_nb.testing import bbo, instrument_table, row, rows, trade


def intent(client_order_id, action=Action.SUBMIT):
    out = np.zeros(1, INTENT)
    out["client_order_id"], out["action"] = client_order_id, action
    return out


def fill(client_order_id, side, qty, price, fee=0.0, inst=0):
    return row(
        EventKind.FILL,
        client_order_id=client_order_id,
        side=side,
        qty=qty,
        price=price,
        fee=fee,
        inst=inst,
        trade_id=1,
    )


def report(client_order_id, status, event=OrderEvent.NONE):
    return row(EventKind.ACC_ORDER, client_order_id=client_order_id, status=status, event=event)


def test_orders_are_open_until_a_report_ends_them():
    tally = Tally(instrument_table())
    tally.take_intents(np.concatenate([intent(1), intent(2), intent(1, Action.CANCEL)]))
    tally.take_reports(rows(report(1, OrderStatus.LIVE), report(2, OrderStatus.FILLED)))
    assert set(tally.open) == {1}
    tally.take_reports(report(1, OrderStatus.CANCELED))
    assert not tally.open
    assert (tally.orders, tally.cancels) == (2, 1)


def test_a_cancel_that_came_too_late_is_no_rejected_order():
    tally = Tally(instrument_table())
    tally.take_intents(np.concatenate([intent(1), intent(2), intent(1, Action.CANCEL)]))
    tally.take_reports(report(1, OrderStatus.FILLED, OrderEvent.TRADE))
    tally.take_reports(report(1, OrderStatus.REJECTED, OrderEvent.CANCEL_REJECTED))
    assert tally.rejected == 0
    tally.take_reports(report(2, OrderStatus.REJECTED, OrderEvent.REJECTED))
    assert tally.rejected == 1
    assert not tally.open


def test_profit_is_cash_plus_position_at_the_last_price_less_fees():
    tally = Tally(instrument_table())
    tally.take_reports(rows(fill(1, BUY, 2.0, 100.0, 0.1), fill(2, SELL, 1.0, 110.0, 0.1)))
    tally.take_market(rows(trade(105.0, 1.0), bbo(119.0, 1, 121.0, 1)))
    assert tally.position == {0: 1.0}
    assert tally.profit() == pytest.approx(-200 + 110 + 120 - 0.2)
    assert tally.summary()["position"] == {"BTC_USDT_PERP": 1.0}


def test_profit_of_a_flat_position_needs_no_price():
    tally = Tally(instrument_table())
    tally.take_reports(rows(fill(1, BUY, 1.0, 100.0), fill(2, SELL, 1.0, 101.0)))
    assert tally.profit() == pytest.approx(1.0)


def test_without_a_price_profit_is_unknown_and_not_zero():
    tally = Tally(instrument_table())
    tally.take_reports(fill(1, BUY, 1.0, 100.0))
    assert tally.summary()["profit"] is None


def test_profit_of_an_inverse_contract_is_in_base_units():
    spec = Instrument(
        venue="x", symbol="BTCUSD", name="BTC_USD_PERP", contract_value=100.0, inverse=True
    )
    tally = Tally(InstrumentTable([spec]))
    tally.take_reports(rows(fill(1, BUY, 5.0, 10_000.0), fill(2, SELL, 5.0, 12_500.0)))
    assert tally.profit() == pytest.approx(500 / 10_000 - 500 / 12_500)


def test_fills_of_others_do_not_count():
    tally = Tally(instrument_table())
    tally.take_reports(fill(-1, BUY, 1.0, 100.0))
    assert tally.fills == 0
    assert tally.position == {}


def test_funding_of_a_simulated_exchange_counts_and_a_balance_that_a_venue_tells_does_not():
    tally = Tally(instrument_table())
    tally.take_reports(
        rows(
            row(EventKind.ACC_BAL, change=-1.5, flags=Flag.LAST | Flag.SYNTHETIC),
            row(EventKind.ACC_BAL, change=0.5, flags=Flag.LAST | Flag.SYNTHETIC),
            row(EventKind.ACC_BAL, change=-7.0, flags=Flag.LAST, inst=-1),
        )
    )
    assert tally.summary()["funding"] == pytest.approx(1.0)
    assert tally.profit() == pytest.approx(-1.0)


def test_what_a_simulated_exchange_closes_for_want_of_margin_counts():
    tally = Tally(instrument_table())
    closed = fill(-1, SELL, 2.0, 90.0, 0.1)
    closed["flags"] = Flag.LIQUIDATED
    tally.take_reports(rows(fill(1, BUY, 2.0, 100.0), closed))
    assert tally.position == {0: 0.0}
    assert tally.profit() == pytest.approx(-20.1)
