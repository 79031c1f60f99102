"""One id space for several owners of orders.

Each kernel group numbers its orders 1, 2, 3 …, and so does the relay for async modules.
At the route they share one space: owner k of n sends its order i as (i - 1) * n + k + 1.
With one owner nothing changes. Reports go back translated; what is another's looks like an order
that is not of this session (-1).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.events import ACC_ORDER, EventArray, EventKind

__all__ = ["IdSpace"]


class IdSpace:
    """Translation between the ids of `owners` owners and those on the wire."""

    def __init__(self, owners: int) -> None:
        self.owners = owners

    def outbound(self, owner: int, intents: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return (n,) INTENT rows with wire ids; the same array if nothing changes."""
        if self.owners <= 1:
            return intents
        out = intents.copy()
        ids = out["client_order_id"]
        out["client_order_id"] = np.where(ids > 0, (ids - 1) * self.owners + owner + 1, ids)
        return out

    def inbound(self, owner: int, rows: EventArray) -> EventArray:
        """Return EVENT rows as `owner` may see them; the same array if nothing changes."""
        if self.owners <= 1:
            return rows
        reports = np.isin(rows["kind"], (EventKind.ACC_ORDER, EventKind.FILL))
        if not reports.any():
            return rows
        out = rows.copy()
        words = out.view(ACC_ORDER)["client_order_id"]  # in the same place in a FILL
        ids = words[reports]
        mine = (ids > 0) & ((ids - 1) % self.owners == owner)
        words[reports] = np.where(mine, (ids - 1) // self.owners + 1, -1)
        return out
