"""The list of strategies: each handler for its own module, none where there is none."""

from __future__ import annotations

import numpy as np

import extrema_nb as xnb
from extrema_nb.events import EventKind
from extrema_nb.jit import kernel
from extrema_nb.strategy.group import KernelGroup
from extrema_nb.strategy.hlist import make_chain, nil
from extrema_nb.strategy.risk import RiskLimits
from extrema_nb.strategy.state import C_MODULE, make_context
from extrema_nb.testing import bbo, instrument_table, row, rows, trade


class Bits(xnb.Strategy):
    class Params:
        bit: xnb.i8 = 1

    class State:
        total: xnb.f8 = 0.0
        seen: xnb.i8 = 0

    def on_trade(ctx, p, s, trade):  # noqa: N805  # handlers have no self
        s.seen += p.bit
        s.total += trade.qty


class Quotes(xnb.Strategy):
    class State:
        last: xnb.f8[2, 2]  # another layout than that of `Bits`

    def on_bbo(ctx, p, s, bbo):  # noqa: N805  # handlers have no self
        s.last[0, 0] = bbo.bid_price
        s.last[1, 1] = bbo.ask_qty


def test_strategies_of_several_classes_keep_their_own_params_and_states():
    group = KernelGroup([Bits(bit=1), Quotes(), Bits(bit=4)], instrument_table())
    group.step(rows(trade(1.0, 2.0), bbo(9.0, 1.0, 10.0, 3.0), trade(1.0, 0.5)))
    assert (group.state(0).seen, group.state(2).seen) == (2, 8)
    assert group.state(0).total == group.state(2).total == 2.5
    np.testing.assert_array_equal(group.state(1).last, [[9.0, 0.0], [0.0, 3.0]])


def test_a_chain_calls_in_order_of_modules_those_whose_bit_is_set():
    order = np.zeros(8, np.int64)

    def note(ctx, p, s, row):
        row[row[0] + 1] = ctx.clock[C_MODULE] + 1
        row[0] += 1

    cell = np.zeros(1, np.dtype((np.record, [("x", "<i8")])))
    types = ((cell.dtype, cell.dtype),) * 3
    chain = make_chain([note, None, note], types)
    memory = []
    ctx = make_context(instrument_table().specs(), memory, modules=3, limits=RiskLimits())
    places = np.array([cell.ctypes.data] * 6)
    cells = places.ctypes.data

    @kernel
    def call(ctx, cells, row, mask):
        chain(ctx, cells, row, mask)

    call(ctx, cells, order, 0b111)
    assert order[:4].tolist() == [2, 1, 3, 0]
    order[:] = 0
    call(ctx, cells, order, 0b110)
    assert order[:3].tolist() == [1, 3, 0]


class Squeezed(xnb.Strategy):
    class State:
        sold: xnb.f8 = 0.0

    def on_liquidation(ctx, p, s, liquidation):  # noqa: N805  # handlers have no self
        if liquidation.side < 0:
            s.sold += liquidation.qty


def test_liquidations_reach_those_who_ask_for_them():
    group = KernelGroup([Squeezed(), Bits()], instrument_table())
    kind = EventKind.LIQUIDATION
    group.step(rows(row(kind, 1, side=-1, qty=2.5), row(kind, 2, side=1, qty=9.0)))
    assert group.state(0).sold == 2.5
    assert group.state(1).seen == 0


def test_the_end_of_a_chain_does_nothing():
    assert nil()(0, (), 0, 0) is None
