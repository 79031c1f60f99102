"""One instrument at two venues in one run, from two recordings: one clock, money by venue."""

from __future__ import annotations

import json

import numpy as np
import pytest

from extrema_nb.events import FILL, EventKind
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.store import RowWriter
from extrema_nb.testing import book, rows, trade
from replay.backtest import Backtest, BacktestConfig
from replay.exchange.config import ExchangeConfig
from replay.results import account_frame, summary_of, write_run
from replay.sources import open_together
from tests.naive.exchange import MARKET, Wanted
from tests.replay.exchange.scripted import T0, Scripted, params

MS = 1_000
AHEAD = 700  # µs, of the second venue's clock
PERPS = {"binance-usdm": "BTCUSDT", "okx": "BTC-USDT-SWAP"}
LONG, SHORT = "binance-usdm:BTC_USDT_PERP", "okx:BTC_USDT_PERP"


def record(folder, venue, events, **spec):
    table = InstrumentTable(
        [
            Instrument(
                venue=venue, symbol=PERPS[venue], name="BTC_USDT_PERP", base="BTC", quote="USDT",
                tick_size=0.1, lot_size=0.25, **{"maker_fee": 0.0, "taker_fee": 0.001} | spec,
            )
        ]
    )  # fmt: skip
    writer = RowWriter(folder, table, venue)
    writer.write(events, 0)
    writer.flush()
    return folder


def level(bid, ask, at, ahead=0, **kwargs):
    return book([(bid, 9.0)], [(ask, 9.0)], T0 + at, ts_event=T0 + at + ahead, **kwargs)


def pair(root, **second):
    """Record a venue that stands at 100 and moves to 101, and one that moves from 102 to 101 later."""
    first = rows(
        level(99.9, 100.1, 0, snapshot=True),
        book([(100.9, 9.0)], [(100.1, 0.0), (101.1, 9.0)], T0 + 20 * MS),
        trade(101.0, 1.0, ts=T0 + 60 * MS),
    )
    then = rows(
        level(101.9, 102.1, MS, AHEAD, snapshot=True),
        book(
            [(101.9, 0.0), (100.9, 9.0)],
            [(101.1, 9.0)],
            T0 + 40 * MS,
            ts_event=T0 + 40 * MS + AHEAD,
        ),
        trade(101.0, 1.0, ts=T0 + 61 * MS, ts_event=T0 + 61 * MS + AHEAD),
    )
    return [
        record(root / "first", "binance-usdm", first),
        record(root / "second", "okx", then, **second),
    ]


def run(paths, *script):
    config = BacktestConfig(
        exchange=ExchangeConfig(entry_latency_us=300, response_latency_us=300),
        timers=((1, 0.001),), mark_every_s=0.01,
    )  # fmt: skip
    test = Backtest(open_together(paths), [Scripted(script=params(list(script)))], config=config)
    return test, test.run()


def fills_of(result):
    fills = result.journal[result.journal["kind"] == EventKind.FILL].view(FILL)
    return [
        (
            int(f["inst"]),
            int(f["side"]),
            float(f["price"]),
            float(f["qty"]),
            int(f["ts_event"]) - T0,
        )
        for f in np.atleast_1d(fills)
    ]


OPEN = [Wanted(4, MARKET, 0, 1, qty=2.0), Wanted(4, MARKET, 1, -1, qty=2.0)]
CLOSE = [Wanted(30, MARKET, 0, -1, qty=2.0), Wanted(50, MARKET, 1, 1, qty=2.0)]


def test_a_spread_between_venues_earns_what_arithmetic_says(tmp_path):
    """Bought at 100.1 and sold at 101.9; sold at 100.9 and bought at 101.1: 2 x (0.8 + 0.8)."""
    test, result = run(pair(tmp_path), *OPEN, *CLOSE)
    # the one clock is ours, moved by what the second venue is ahead; timers begin at its next ms
    assert result.clock_shift_us == AHEAD
    assert fills_of(result) == [
        (0, 1, 100.1, 2.0, 5 * MS + 300), (1, -1, 101.9, 2.0, 5 * MS + 300),
        (0, -1, 100.9, 2.0, 31 * MS + 300), (1, 1, 101.1, 2.0, 51 * MS + 300),
    ]  # fmt: skip
    told = summary_of(test, result)
    fees = [0.001 * 2.0 * (100.1 + 100.9), 0.001 * 2.0 * (101.9 + 101.1)]
    assert told["settled"][LONG]["profit"] == pytest.approx(2 * 0.8 - fees[0])
    assert told["settled"][SHORT]["profit"] == pytest.approx(2 * 0.8 - fees[1])
    assert told["profit"] == pytest.approx(3.2 - sum(fees))
    assert told["position"] == {LONG: 0.0, SHORT: 0.0}
    assert list(told["instruments"]) == told["data"]["instruments"] == [LONG, SHORT]
    assert told["counters"]["odd_reports"] == 0


def test_which_recording_is_given_first_changes_numbers_and_nothing_else(tmp_path):
    paths = pair(tmp_path)
    _, one = run(paths, *OPEN, *CLOSE)
    turned = [want.__class__(**{**want.__dict__, "inst": 1 - want.inst}) for want in OPEN + CLOSE]
    _, other = run(paths[::-1], *turned)
    assert [(1 - inst, *rest) for inst, *rest in fills_of(other)] == fills_of(one)
    last = [account_frame(result.marks)["equity"].to_list()[-2:] for result in (one, other)]
    assert last[0] == last[1][::-1]


def test_venues_that_are_settled_in_different_assets_have_no_total(tmp_path):
    paths = pair(tmp_path, inverse=True, contract_value=100.0)
    test, result = run(paths, *OPEN, *CLOSE)
    told = summary_of(test, result)
    assert (told["settled_in"], told["profit"]) == (["BTC", "USDT"], None)
    # short 2 contracts of 100 at 101.9, back at 101.1: in coins the price of a contract is 100 / p
    gross = 200 / 101.1 - 200 / 101.9
    fee = 0.001 * (200 / 101.9 + 200 / 101.1)
    assert told["settled"][SHORT]["profit"] == pytest.approx(gross - fee)
    folder = write_run(tmp_path / "run", test, result, told)
    kept = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert kept["settled"] == told["settled"]
