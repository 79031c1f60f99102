"""Faults on request, so that clients can be tested against a venue that misbehaves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from replay.local_venue.errors import ApiError

__all__ = ["Faults", "Planned"]


@dataclass(slots=True)
class Planned:
    """An answer that replaces what a request would have got."""

    code: int
    text: str = ""
    status: int = 0
    path: str = ""  # only requests to this path; empty for all
    method: str = ""
    count: int = 1


class Faults:
    """What will go wrong next; `armed` is true while market data is affected."""

    def __init__(self) -> None:
        self.skip_depth = 0
        self.garble = 0
        self.delay_s = 0.0
        self.lose = 0  # answers that are dropped after the request was carried out
        self.planned: list[Planned] = []

    @property
    def armed(self) -> bool:
        """Return whether the next market messages are to be harmed."""
        return self.skip_depth > 0 or self.garble > 0

    def market(self, stream: str, raw: bytes) -> bytes | None:
        """Return what is sent instead of `raw`; None to send nothing."""
        if self.skip_depth and "@depth" in stream:
            self.skip_depth -= 1
            return None
        if self.garble:
            self.garble -= 1
            return raw[: len(raw) // 2] + b"\x00"
        return raw

    async def before(self, method: str, path: str) -> None:
        """Delay a request, or raise the planned answer."""
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        for plan in self.planned:
            if plan.path in {"", path} and plan.method in {"", method}:
                plan.count -= 1
                if plan.count <= 0:
                    self.planned.remove(plan)
                raise ApiError(plan.code, text=plan.text, status=plan.status)

    def loses(self, method: str) -> bool:
        """Return whether the answer to a request that was carried out is to be dropped."""
        if self.lose and method != "GET":
            self.lose -= 1
            return True
        return False
