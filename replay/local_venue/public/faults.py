"""Faults on command: what a venue does when it does not behave.

A count says how many of the next messages are harmed; `match` restricts that to streams whose name
holds it.
"""

from __future__ import annotations

import msgspec

__all__ = ["Order", "WireFaults"]


class Order(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is to go wrong, also the body of ``POST /_faults``."""

    match: str = ""  # only streams whose name holds this
    drop: int = 0  # the next messages are kept back
    duplicate: int = 0  # … sent twice
    reorder: int = 0  # … sent after the one that follows them
    garble: int = 0  # … cut in half
    silence: bool | None = None  # nothing is sent until it is set to false again
    refuse: int = 0  # the next connections are refused
    fail: int = 0  # the next REST requests are answered with status 500
    delay_s: float | None = None  # before each REST answer, until set back to 0
    close: bool = False  # all connections are closed with code 1001
    cut: bool = False  # all connections are cut without a word
    only: int = 0  # … the first so many of them; 0 all


class WireFaults:
    """What will go wrong next."""

    def __init__(self) -> None:
        self.match = ""
        self.drop = self.duplicate = self.reorder = self.garble = 0
        self.refuse = self.fail = 0
        self.silence = False
        self.delay_s = 0.0
        self.harmed = 0
        self._late: dict[str, list[bytes]] = {}  # stream -> messages that wait for the next one

    def order(self, order: Order) -> None:
        """Take a command; counts add up."""
        self.match = order.match
        for name in ("drop", "duplicate", "reorder", "garble", "refuse", "fail"):
            setattr(self, name, getattr(self, name) + getattr(order, name))
        if order.silence is not None:
            self.silence = order.silence
        if order.delay_s is not None:
            self.delay_s = order.delay_s

    def frames(self, key: str, frame: bytes) -> list[bytes]:
        """Return what is sent instead of `frame`."""
        if self.match not in key:
            return [frame]
        if self.silence:
            self.harmed += 1
            return []
        late = self._late.pop(key, [])
        if self.drop:
            self.drop -= 1
            self.harmed += 1
            return late
        if self.reorder:
            self.reorder -= 1
            self.harmed += 1
            self._late[key] = [*late, frame]
            return []
        out = [frame]
        if self.duplicate:
            self.duplicate -= 1
            self.harmed += 1
            out = [frame, frame]
        elif self.garble:
            self.garble -= 1
            self.harmed += 1
            out = [frame[: len(frame) // 2]]
        return out + late

    @property
    def armed(self) -> bool:
        """Whether the next messages may be harmed."""
        return bool(
            self.silence or self.drop or self.duplicate or self.reorder or self.garble or self._late
        )
