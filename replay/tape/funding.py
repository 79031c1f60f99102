"""When funding is due, and at what rate: read once from FUNDING rows, for all runs over a tape.

Rules
-----
1. A payment is due at the time that FUNDING rows state as the next one (``next_ts``, the venue's
   clock), at the last rate and mark price stated until then; of rows stamped with that very time
   those count that stand before the first one that states a later time.
2. A statement holds until another one comes: a venue that moves the next time moves the payment.
3. A time that has passed is not stated any more, whatever later rows say.
4. Rows that state a rate and no time pay nothing; they are counted.
5. A row that states a time and no rate says that the rate stated last holds: some venues send a
   rate only when it changes, and it may stay for hours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.jit import kernel

__all__ = ["PAYMENT", "PENDING", "due_until", "new_pending", "settle_funding", "state_funding"]

PAYMENT = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("ts", "<i8"),  # µs, when it is due by the venue's clock
                ("rate", "<f8"),  # fraction of the position's value; longs pay a positive one
                ("price", "<f8"),  # mark, quote units; NaN where the venue states none
                ("inst", "<i8"),
            ],
            align=True,
        ),
    )
)
PENDING = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("next_ts", "<i8"),  # µs, of the payment that is stated; -1 for none
                ("paid", "<i8"),  # µs, of the last payment
                ("rate", "<f8"),
                ("price", "<f8"),
                ("untimed", "<i8"),  # rows that state a rate and no time
            ],
            align=True,
        ),
    )
)


def new_pending(n: int) -> npt.NDArray[Any]:
    """Return (n,) PENDING of instruments that have stated nothing."""
    out = np.zeros(n, PENDING)
    out["next_ts"] = out["paid"] = -1
    out["rate"] = out["price"] = np.nan
    return out


@kernel
def state_funding(pending: Any, row: Any, now: int, payment: Any) -> bool:
    """Take a FUNDING row in; say whether it shows that a payment was due, written to `payment`.

    Parameters
    ----------
    pending : PENDING of the row's instrument
    now : µs, the exchange's clock at the row
    payment : PAYMENT
    """
    was_due = pending.next_ts >= 0 and (
        pending.next_ts < now or (pending.next_ts == now and row.next_ts > now)
    )
    if was_due:
        settle_funding(pending, row.inst, payment)
    if not np.isnan(row.mark_price):
        pending.price = row.mark_price
    if row.next_ts < 0:
        pending.untimed += 0 if np.isnan(row.rate) else 1
    elif row.next_ts > pending.paid and row.next_ts >= now:
        if not np.isnan(row.rate):
            pending.rate = row.rate
        if not np.isnan(pending.rate):
            pending.next_ts = row.next_ts
    return was_due


@kernel
def settle_funding(pending: Any, inst: int, payment: Any) -> None:
    """Write the payment that is stated, which is due, and wait for the next statement."""
    payment.ts = pending.next_ts
    payment.rate = pending.rate
    payment.price = pending.price
    payment.inst = inst
    pending.paid = pending.next_ts
    pending.next_ts = -1


def due_until(pending: npt.NDArray[Any], seen: npt.NDArray[Any], until: int) -> npt.NDArray[Any]:
    """Return (n,) PAYMENT: those `seen` in a stretch and those due by its end, in order.

    Parameters
    ----------
    pending : PENDING of all instruments, moved on
    until : µs; nothing stated for this time or before is still to come
    """
    late = np.flatnonzero((pending["next_ts"] >= 0) & (pending["next_ts"] <= until))
    out = np.concatenate([seen, np.zeros(len(late), PAYMENT)]).view(PAYMENT)
    for place, inst in enumerate(late.tolist(), len(seen)):
        settle_funding(pending[inst], inst, out[place])
    order: npt.NDArray[Any] = np.lexsort((out["inst"], out["ts"]))
    return out[order]
