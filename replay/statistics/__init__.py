"""What a run amounts to: returns, risk, trading, orders, mark-outs.

Rules
-----
1. Account marks are a step function: what a mark says holds until the next one.
2. What cannot be computed (no fills, no variance, no capital) is None, never NaN or infinity.
3. Marks whose equity is not known (no mid yet) say nothing and are passed over.
4. Times of the exchange are taken for what happens there: queue times, order lives, mark-outs.

Columns of `account`: ts, mid, position, balance, fee, equity, trades, volume; and inst where there
are several instruments, whose equities are then added up.
Columns of `fills`: ts_local, ts_exch, client_order_id, inst, side, price, qty, value, maker, fee,
position, balance.
Columns of `orders`: those of ``orders.parquet``.
Only those that a figure needs must be there; times are µs.
"""

from __future__ import annotations

from replay.statistics.mark_outs import HORIZONS_US, edges_of, mark_outs, mark_outs_by_group
from replay.statistics.market_mids import mids_at
from replay.statistics.order_lives import order_figures, order_lives, outcomes
from replay.statistics.returns import drawdown, period_returns, sharpe, sortino, totals
from replay.statistics.summary import Figure, by_instrument, summarize

__all__ = [
    "HORIZONS_US",
    "Figure",
    "by_instrument",
    "drawdown",
    "edges_of",
    "mark_outs",
    "mark_outs_by_group",
    "mids_at",
    "order_figures",
    "order_lives",
    "outcomes",
    "period_returns",
    "sharpe",
    "sortino",
    "summarize",
    "totals",
]
