"""Frames of a journal that nobody ran: nothing in them, contracts, reports without requests."""

from __future__ import annotations

import numpy as np

from extrema_nb.events import BUY, EVENT, SELL, EventKind, OrderEvent
from extrema_nb.instruments import Instrument, InstrumentTable, InstrumentType
from extrema_nb.testing import instrument_table, row, rows
from replay.exchange.model import MARK
from replay.run_frames import account_frame, fills_frame, funding_frame, orders_frame


def test_the_value_of_a_fill_counts_contracts_also_inverse_ones():
    table = InstrumentTable(
        Instrument(
            venue="v", symbol=name, name=name, inst_type=InstrumentType.PERPETUAL, base="BTC",
            quote="USD", tick_size=0.1, lot_size=1.0, contract_value=100.0, inverse=inverse,
        )
        for name, inverse in (("A", False), ("B", True))
    )  # fmt: skip
    journal = rows(
        *(
            row(
                EventKind.FILL, inst=inst, side=BUY, price=50.0, qty=3.0, fee=0.0,
                client_order_id=1, trade_id=1,
            )
            for inst in (0, 1)
        )
    )  # fmt: skip
    assert fills_frame(journal, table)["value"].to_list() == [15_000.0, 6.0]


def test_a_journal_without_rows_has_frames_with_all_columns():
    nothing = np.zeros(0, EVENT)
    orders, fills = orders_frame(nothing), fills_frame(nothing, instrument_table())
    assert orders.height == fills.height == 0
    assert orders.columns == [
        "ts_local", "ts_exch", "client_order_id", "inst", "side", "event", "price", "qty",
        "leaves", "exec_price", "exec_qty", "maker", "code",
    ]  # fmt: skip
    assert account_frame(np.zeros(0, MARK)).columns == list(MARK.names)
    assert funding_frame(nothing).columns == ["ts_local", "ts_exch", "inst", "position", "paid"]


def test_a_payment_stands_beside_the_position_that_paid_it():
    def fill(ts, side, inst=0):
        return row(EventKind.FILL, ts, inst=inst, side=side, price=50.0, qty=2.0, fee=0.0)

    def paid(ts, change, inst=0):
        return row(EventKind.ACC_BAL, ts, ts_event=ts - 3, inst=inst, change=change)

    journal = rows(
        fill(1, BUY),
        fill(2, SELL, 1),
        paid(9, -0.5),
        paid(9, 0.25, 1),
        fill(9, BUY),
        paid(20, -1.0),
    )
    assert funding_frame(journal).rows() == [
        (9, 6, 0, 2.0, 0.5), (9, 6, 1, -2.0, -0.25), (20, 17, 0, 4.0, 1.0),
    ]  # fmt: skip


def test_an_execution_stands_in_the_row_of_its_report():
    head = {"inst": 1, "side": SELL, "client_order_id": 7}
    journal = rows(
        row(EventKind.INTENT, 10, **head, price=5.0, qty=2.0, module=0, action=1, seq=0),
        row(EventKind.FILL, 30, ts_event=20, **head, trade_id=1, price=4.9, qty=0.5, fee=0.0),
        row(EventKind.INTENT, 30, **head, price=6.0, qty=1.0, module=0, action=3, seq=1),
        row(EventKind.ACC_ORDER, 30, ts_event=20, **head, venue_order_id=1, price=5.0,
            leaves_qty=1.5, status=3, event=OrderEvent.TRADE),
    )  # fmt: skip
    asked, amended, traded = orders_frame(journal).to_dicts()
    assert (amended["event"], amended["exec_qty"]) == ("amend", None)
    assert (asked["event"], asked["ts_exch"], asked["qty"], asked["leaves"]) == (
        "submit", None, 2.0, None,
    )  # fmt: skip
    assert (traded["event"], traded["ts_exch"], traded["leaves"]) == ("trade", 20, 1.5)
    assert (traded["exec_price"], traded["exec_qty"], traded["maker"]) == (4.9, 0.5, False)
    assert fills_frame(journal, instrument_table())["position"].to_list() == [-0.5]
