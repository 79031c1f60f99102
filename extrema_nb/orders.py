"""Orders: the state machine as a table, one for live, paper and backtest.

Rules
-----
1. A state changes only by a request of ours (`on_submit`, `on_cancel`, `on_amend`) or by a report.
2. `NEXT_STATUS[status, event]` is the status after a report; -1 means that the report makes no
   sense in that state and is counted, not obeyed. Terminal states never change.
3. A report of CANCEL_REJECTED or AMEND_REJECTED puts a pending order back to what it was:
   PARTIALLY_FILLED if something was executed, else LIVE.
"""

from __future__ import annotations

import numpy as np

from extrema_nb.events import OrderEvent, OrderStatus, Row

__all__ = ["BACK", "NEXT_STATUS", "OPEN", "ORDER", "TERMINAL", "TRANSITIONS", "transition_rows"]

ORDER = np.dtype(
    (
        Row,
        np.dtype(
            [
                ("client_order_id", "<i8"),  # 1, 2, 3 … in order of submission
                ("venue_order_id", "<i8"),  # -1 until known
                ("price", "<f8"),  # limit price as acknowledged, NaN for market
                ("qty", "<f8"),  # quantity as acknowledged: cum_qty + leaves_qty
                ("leaves_qty", "<f8"),  # still open
                ("ts_submit", "<i8"),  # µs, when the strategy asked
                ("new_price", "<f8"),  # of a pending amend
                ("new_qty", "<f8"),  # of a pending amend: the new leaves
                ("inst", "<i4"),
                ("module", "<i4"),  # index of the strategy that owns it
                ("side", "<i1"),
                ("status", "<i1"),  # OrderStatus
                ("tif", "<i1"),
                ("order_type", "<i1"),
                ("flags", "<i4"),
            ],
            align=True,
        ),
    )
)  # one open order as the strategy sees it

OPEN = (
    OrderStatus.PENDING_NEW,
    OrderStatus.LIVE,
    OrderStatus.PARTIALLY_FILLED,
    OrderStatus.PENDING_CANCEL,
    OrderStatus.PENDING_AMEND,
)
TERMINAL = (
    OrderStatus.FILLED,
    OrderStatus.CANCELED,
    OrderStatus.REJECTED,
    OrderStatus.EXPIRED,
)

_S, _E = OrderStatus, OrderEvent
_BACK = -2  # written as LIVE or PARTIALLY_FILLED by what was executed, see `transition_rows`

TRANSITIONS: dict[tuple[OrderStatus, OrderEvent], int] = {
    (_S.PENDING_NEW, _E.ACCEPTED): _S.LIVE,
    (_S.PENDING_NEW, _E.TRADE): _S.PARTIALLY_FILLED,  # a fill may overtake the acknowledgement
    (_S.PENDING_NEW, _E.CANCELED): _S.CANCELED,
    (_S.PENDING_NEW, _E.REJECTED): _S.REJECTED,
    (_S.PENDING_NEW, _E.EXPIRED): _S.EXPIRED,
    (_S.LIVE, _E.ACCEPTED): _S.LIVE,  # repeated by REST and the user stream
    (_S.LIVE, _E.TRADE): _S.PARTIALLY_FILLED,
    (_S.LIVE, _E.CANCELED): _S.CANCELED,
    (_S.LIVE, _E.EXPIRED): _S.EXPIRED,
    (_S.LIVE, _E.AMENDED): _S.LIVE,
    (_S.PARTIALLY_FILLED, _E.ACCEPTED): _S.PARTIALLY_FILLED,
    (_S.PARTIALLY_FILLED, _E.TRADE): _S.PARTIALLY_FILLED,
    (_S.PARTIALLY_FILLED, _E.CANCELED): _S.CANCELED,
    (_S.PARTIALLY_FILLED, _E.EXPIRED): _S.EXPIRED,
    (_S.PARTIALLY_FILLED, _E.AMENDED): _S.PARTIALLY_FILLED,
    (_S.PENDING_CANCEL, _E.ACCEPTED): _S.PENDING_CANCEL,  # cancel sent before the acknowledgement
    (_S.PENDING_CANCEL, _E.TRADE): _S.PENDING_CANCEL,
    (_S.PENDING_CANCEL, _E.CANCELED): _S.CANCELED,
    (_S.PENDING_CANCEL, _E.REJECTED): _S.REJECTED,
    (_S.PENDING_CANCEL, _E.EXPIRED): _S.EXPIRED,
    (_S.PENDING_CANCEL, _E.CANCEL_REJECTED): _BACK,
    (_S.PENDING_CANCEL, _E.AMENDED): _S.PENDING_CANCEL,
    (_S.PENDING_CANCEL, _E.AMEND_REJECTED): _S.PENDING_CANCEL,
    (_S.PENDING_AMEND, _E.ACCEPTED): _S.PENDING_AMEND,
    (_S.PENDING_AMEND, _E.TRADE): _S.PENDING_AMEND,
    (_S.PENDING_AMEND, _E.CANCELED): _S.CANCELED,
    (_S.PENDING_AMEND, _E.REJECTED): _S.REJECTED,
    (_S.PENDING_AMEND, _E.EXPIRED): _S.EXPIRED,
    (_S.PENDING_AMEND, _E.AMENDED): _BACK,
    (_S.PENDING_AMEND, _E.AMEND_REJECTED): _BACK,
}

BACK = _BACK
NEXT_STATUS = np.full((len(OrderStatus), len(OrderEvent)), -1, np.int8)  # two cache lines
for (_status, _event), _next in TRANSITIONS.items():
    NEXT_STATUS[_status, _event] = _next
NEXT_STATUS.flags.writeable = False


def transition_rows() -> list[tuple[str, str, str]]:
    """Return the table as (status, event, next status) names, for the documentation."""
    return [
        (s.name, e.name, "LIVE or PARTIALLY_FILLED" if n == _BACK else OrderStatus(n).name)
        for (s, e), n in TRANSITIONS.items()
    ]
