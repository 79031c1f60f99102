"""What is left of each order, for feeds that tell a fill twice: as a fill, then as a cancel."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb import jit

__all__ = ["ADD", "CANCEL", "CLEAR", "EXECUTE", "MODIFY", "NOTHING", "OrderSizes", "take_orders"]

NOTHING, ADD, MODIFY, CANCEL, EXECUTE = range(5)  # as `action` of MBO rows
CLEAR = -1
FIRST_SLOTS = 1024

Ints = npt.NDArray[np.int64]

# a slot of the table: instrument, order id, size that is left (-1 not known), executed and not yet
# cancelled, and whether it is used
INST, ORDER, LEFT, OWED, USED = range(5)


@jit.kernel
def find_slot(table: Any, inst: Any, order_id: Any) -> Any:
    """Return the place of an order in the table, or the free one where it belongs."""
    mask = table.shape[0] - 1
    mixed = (order_id ^ (order_id >> 31) ^ (order_id >> 17) ^ (inst << 7)) & 0x7FFFFFFF
    at = ((mixed * 0x9E3779B1) >> 12) & mask
    while table[at, USED] != 0 and (table[at, INST] != inst or table[at, ORDER] != order_id):
        at = (at + 1) & mask
    return at


@jit.kernel
def apply_event(action: Any, size: Any, left: Any, owed: Any) -> Any:
    """Return action and quantity of the row, and what is left of the order and owed after it."""
    if action == EXECUTE:
        return action, size, max(left - size, 0) if left >= 0 else left, owed + size
    if action != CANCEL:
        return action, size, size, owed * 0
    said = min(size, owed)
    rest, owed = size - said, owed - said
    if rest == 0 and said > 0:
        return NOTHING, rest, -1 if left == 0 else left, owed
    if 0 < rest < left:
        return MODIFY, left - rest, left - rest, owed
    return CANCEL, rest, -1, owed


@jit.kernel
def take_orders(
    inst: Any, action: Any, order_id: Any, size: Any, table: Any, done: Any, begin: Any, room: Any
) -> Any:
    """Put events into the table and say what their rows are; stop when there is no room.

    Parameters
    ----------
    inst, action, order_id, size : (n,) int64
    table : (2**k, 5) int64, **written**
    done : (n, 2) int64, **written**, action and quantity of each row
    begin : place of the first event
    room : slots that may still be taken

    Returns
    -------
    place of the first event that was not taken, n at the end; slots that were taken
    """
    taken, i = 0, begin
    while i < inst.size:
        what, n = action[i], size[i]
        if what == CLEAR:
            for k in range(table.shape[0]):
                if table[k, INST] == inst[i]:
                    table[k, LEFT], table[k, OWED] = -1, 0
            what, n = NOTHING, 0
        elif what != NOTHING:
            at = find_slot(table, inst[i], order_id[i])
            if table[at, USED] == 0:
                if taken == room:
                    break
                taken += 1
                table[at, INST], table[at, ORDER] = inst[i], order_id[i]
                table[at, LEFT], table[at, OWED], table[at, USED] = -1, 0, 1
            what, n, left, owed = apply_event(what, n, table[at, LEFT], table[at, OWED])
            table[at, LEFT], table[at, OWED] = left, owed
        done[i, 0], done[i, 1] = what, n
        i += 1
    return i, taken


@jit.kernel
def move_orders(old: Any, new: Any) -> Any:
    """Put the orders of which something is known into a new table; return how many they are."""
    count = 0
    for k in range(old.shape[0]):
        if old[k, USED] != 0 and (old[k, LEFT] >= 0 or old[k, OWED] > 0):
            at = find_slot(new, old[k, INST], old[k, ORDER])
            for word in range(5):
                new[at, word] = old[k, word]
            count += 1
    return count


class OrderSizes:
    """Turns what a feed says of its orders into actions that each change an order once.

    An execution takes its size off the order. The cancels that follow until that size is reached
    say the same again and become nothing. Any other cancel takes its size off: a modify to what is
    left, or a delete.
    """

    def __init__(self) -> None:
        self._table = np.zeros((FIRST_SLOTS, 5), np.int64)
        self._used = 0

    def take(self, inst: int, action: int, order_id: int, size: int) -> tuple[int, int]:
        """Return the action of an MBO row and its quantity."""
        event = (np.array([word], np.int64) for word in (inst, action, order_id, size))
        actions, sizes = self.take_all(*event)
        return int(actions[0]), int(sizes[0])

    def take_all(self, inst: Ints, action: Ints, order_id: Ints, size: Ints) -> tuple[Ints, Ints]:
        """Return actions and quantities of MBO rows, (n,) int64 each, for events in order."""
        done, at = np.empty((inst.size, 2), np.int64), 0
        while True:
            room = len(self._table) // 2 - self._used  # half of the slots stay free
            at, taken = take_orders(inst, action, order_id, size, self._table, done, at, room)
            self._used += taken
            if at == inst.size:
                return done[:, 0], done[:, 1]
            self._grow()

    def _grow(self) -> None:
        """Forget the orders that are gone; take a larger table where that does not help."""
        known = self._table[:, USED] != 0
        known &= (self._table[:, LEFT] >= 0) | (self._table[:, OWED] > 0)
        size = len(self._table)
        while int(known.sum()) > size // 4:
            size *= 2
        new = np.zeros((size, 5), np.int64)
        self._used = int(move_orders(self._table, new))
        self._table = new
