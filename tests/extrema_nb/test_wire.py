"""Reports as rows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from extrema_nb.events import (
    ACC_ORDER,
    FILL,
    EventKind,
    Flag,
    OrderEvent,
    OrderStatus,
    TimeInForce,
    empty_events,
)
from extrema_nb.wire import LocalCode, OrderReport, write_report


def rows_of(**changes):
    report = OrderReport(
        3, 7, 42, OrderEvent.TRADE, OrderStatus.PARTIALLY_FILLED, -1, 100.0, 0.3, 0.1, 5,
        TimeInForce.GTX, last_qty=0.1, last_price=100.5, trade_id=9, fee=-0.01, maker=True,
    )  # fmt: skip
    out = empty_events(4)
    n = write_report(report._replace(**changes), 11, out, 1)
    return out[1:n]


def test_an_execution_is_two_rows_and_the_second_is_the_last():
    rows = rows_of()
    assert rows["kind"].tolist() == [EventKind.FILL, EventKind.ACC_ORDER]
    assert rows["flags"].tolist() == [Flag.MAKER, Flag.LAST]
    fill, order = rows[:1].view(FILL)[0], rows[1:].view(ACC_ORDER)[0]
    assert (fill.price, fill.qty, fill.fee, fill.trade_id, fill.side) == (100.5, 0.1, -0.01, 9, -1)
    assert (order.price, order.leaves_qty, order.tif) == (100.0, 0.2, TimeInForce.GTX)
    assert (rows["ts_event"] == 5).all()
    assert (rows["ts_recv"] == 11).all()
    assert (rows["inst"] == 3).all()


@pytest.mark.parametrize(
    "changes", [{"last_qty": 0.0}, {"event": OrderEvent.ACCEPTED}, {"event": OrderEvent.CANCELED}]
)
def test_without_an_execution_there_is_one_row(changes):
    rows = rows_of(**changes)
    assert rows["kind"].tolist() == [EventKind.ACC_ORDER]


@pytest.mark.parametrize(
    "status",
    [OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED],
)
def test_nothing_is_left_of_an_order_that_is_over(status):
    assert rows_of(status=status).view(ACC_ORDER)["leaves_qty"][-1] == 0.0


def test_flags_of_the_report_are_on_each_row():
    assert all(rows_of(flags=Flag.SYNTHETIC)["flags"] & Flag.SYNTHETIC)


def test_a_code_that_fits_no_row_is_cut_and_stays_negative():
    assert rows_of(code=-(2**40)).view(ACC_ORDER)["code"][-1] < 0


def test_codes_of_our_own_are_below_those_of_every_venue():
    assert max(LocalCode) <= -100_001


def test_an_unknown_fee_is_not_a_number():
    assert np.isnan(rows_of(fee=math.nan)[:1].view(FILL)["fee"][0])
