"""What is left of each order, order by order in dictionaries."""

from __future__ import annotations

NOTHING, ADD, MODIFY, CANCEL, EXECUTE = range(5)  # as `action` of MBO rows
CLEAR = -1


class NaiveSizes:
    """Turns what a feed says of its orders into actions that each change an order once.

    An execution takes its size off the order. The cancels that follow until that size is reached
    say the same again and become nothing. Any other cancel takes its size off: a modify to what is
    left, or a delete.
    """

    def __init__(self):
        self._left = {}  # instrument -> order -> size
        self._owed = {}  # executed, and not cancelled yet

    def take(self, inst, action, order_id, size):
        """Return the action of an MBO row and its quantity."""
        if action == CLEAR:
            self._left.pop(inst, None)
            self._owed.pop(inst, None)
            return NOTHING, 0
        left = self._left.setdefault(inst, {})
        owed = self._owed.setdefault(inst, {})
        if action in {ADD, MODIFY}:
            left[order_id] = size
            owed.pop(order_id, None)
        elif action == EXECUTE:
            if order_id in left:
                left[order_id] = max(left[order_id] - size, 0)
            owed[order_id] = owed.get(order_id, 0) + size
        elif action == CANCEL:
            return self._cancel(left, owed, order_id, size)
        return action, size

    @staticmethod
    def _cancel(left, owed, order_id, size):
        executed = owed.pop(order_id, 0)
        said = min(size, executed)
        if executed > said:
            owed[order_id] = executed - said
        rest = size - said
        known = left.get(order_id)
        if rest == 0 and said:
            if known == 0:
                del left[order_id]
            return NOTHING, 0
        if known is not None and 0 < rest < known:
            left[order_id] = known - rest
            return MODIFY, known - rest
        left.pop(order_id, None)
        return CANCEL, rest
