"""Stamps of published rows."""

from __future__ import annotations

from extrema_nb import venues
from extrema_nb.clock import Clock
from extrema_nb.events import EventKind, Flag, OrderEvent, OrderStatus, StatusCode
from extrema_nb.execution.credentials import Credentials
from extrema_nb.execution.desk import Desk, RouteSettings
from extrema_nb.execution.rest import SignedRest
from extrema_nb.net.http import HttpClient
from extrema_nb.wire import OrderReport
from tests.extrema_nb.execution.desk_of import Told, table


class Backwards(Clock):
    """A clock that goes back, as no clock should."""

    def __init__(self):
        self.at = 1_000

    def now(self):
        self.at -= 10
        return self.at


def desk():
    venue = venues.load("binance-usdm")
    clock = Backwards()
    rest = SignedRest(venue, HttpClient("http://127.0.0.1:9"), Credentials("k", "s"), clock=clock)
    made = Desk(venue, table(), "s1", rest, clock=clock, settings=RouteSettings(), task_id=7)
    told = Told()
    made.publish = told.publish
    return made, told


def fill(ts):
    return OrderReport(0, 1, 5, OrderEvent.TRADE, OrderStatus.PARTIALLY_FILLED, 1, 100.0, 1.0, 0.5,
                       ts, last_qty=0.5, last_price=100.0, trade_id=3, fee=0.0)  # fmt: skip


def test_rows_never_go_back_in_time_whatever_the_clock_does():
    made, told = desk()
    for _ in range(3):
        made.tell([fill(5)])
    assert (told.rows["ts_recv"] == told.rows["ts_recv"][0]).all()


def test_a_report_without_the_venues_time_gets_ours():
    made, told = desk()
    made.tell([fill(0), fill(77)])
    assert told.rows["ts_event"].tolist() == [990, 990, 77, 77]


def test_nothing_is_published_for_nothing():
    made, told = desk()
    made.tell([])
    assert told.parts == []


def test_a_fill_that_the_last_positions_may_hold_is_noticed():
    made, _ = desk()
    late = []
    made.on_late_fill = lambda: late.append(1)
    made.snapshot_ts = 100
    made.tell([fill(101)])
    assert late == []
    made.tell([fill(100)])
    assert late == [1]
    assert made.fills == 2


def test_a_status_row_names_the_route():
    made, told = desk()
    made.tell_status(StatusCode.ACCOUNT_UP)
    row = told.of(EventKind.STATUS)[0]
    assert (row.code, row.task, row.inst) == (StatusCode.ACCOUNT_UP, 7, -1)
    assert row.flags == Flag.LAST | Flag.SYNTHETIC


def test_todays_filters_win_over_the_table():
    made, _ = desk()
    assert made.spec(1).symbol == "ETHUSDT"
    made.specs[1] = made.table[0]
    assert made.spec(1).symbol == "BTCUSDT"
