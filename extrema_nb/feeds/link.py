"""The connections that carry one plan: one, two side by side, or a second while one is replaced.

Rules
-----
1. A connection is replaced before the venue ends it (`StreamPlan.life_s`), and when a stream of it
   stays silent although it was subscribed again. The second one is opened first; both deliver, and
   what comes twice is dropped (`extrema_nb.feeds.arbiter`), until the new one has brought every
   stream that the old one still brings and nothing waits for the old one. Then the old one goes.
2. A new connection that does not get that far within `overlap_most_s` goes itself, and the old one
   stays; the next try comes later.
3. `lines` 2 keeps two connections for good (A/B): either of them may fail without a gap.
4. Where a venue counts its sequence by connection the two cannot be compared: the connection is
   then closed and opened anew.
5. Not all connections of a feed are replaced in the same minute: each lives a little less than it
   may, by chance.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable

from extrema_nb.errors import VenueDisconnected
from extrema_nb.feeds.arbiter import Admitted, Arbiter
from extrema_nb.feeds.settings import FeedSettings
from extrema_nb.net.ws import PLANNED, WsConnection
from extrema_nb.venues import StreamPlan

__all__ = ["Line", "Link"]

log = logging.getLogger(__name__)

SHARE = (0.96, 0.99)  # of its life that a connection is kept
LINGER_S = 10.0  # what the old connection brought is remembered for so long
AGAIN = 0.02  # of its life, after which a failed replacement is tried again


class Line:
    """One connection of a link."""

    def __init__(self, number: int, *, replaces: Line | None = None) -> None:
        self.number = number
        self.replaces = replaces
        self.connection: WsConnection
        self.stop = asyncio.Event()
        self.open = False
        self.heard: set[tuple[int, int]] = set()  # streams, since a replacement began
        self.leave_at_s = 0.0  # age at which it is replaced; 0: never


Connect = Callable[["Link", Line], WsConnection]


class Link:
    """Keeps the streams of a plan coming.

    Parameters
    ----------
    connect : makes the connection of a line
    make_arbiter : makes the judge of two lines; None where they cannot be compared
    overdue : takes what the arbiter gives up waiting for
    """

    def __init__(
        self,
        plan: StreamPlan,
        name: str,
        settings: FeedSettings,
        *,
        connect: Connect,
        make_arbiter: Callable[[], Arbiter] | None,
        overdue: Callable[[list[Admitted]], None],
        rng: random.Random | None = None,
    ) -> None:
        self.plan = plan
        self.name = name
        self.lines: list[Line] = []
        self.arbiter: Arbiter | None = None  # there while two connections deliver
        self.connects = self.reconnects = self.failures = self.attempts = self.sent = 0
        self.replaced = 0  # connections that went because a new one had taken over
        self.dropped = self.healed = 0  # by arbiters that are gone
        self._settings = settings
        self._connect = connect
        self._make_arbiter = make_arbiter
        self._overdue = overdue
        self._rng = rng or random.Random()  # noqa: S311 - no secret
        self._group: asyncio.TaskGroup | None = None
        self._made = 0
        self._quiet_since_s = 0.0
        self._sending: set[asyncio.Task[None]] = set()

    @property
    def open(self) -> bool:
        """Whether a connection is open."""
        return any(line.open for line in self.lines)

    async def run(self, stop: asyncio.Event) -> None:
        """Keep connected until `stop` is set."""
        if self._settings.lines > 1 and self._make_arbiter is not None:
            self.arbiter = self._make_arbiter()
        try:
            async with asyncio.TaskGroup() as self._group:
                for _ in range(self._settings.lines):
                    self._add()
                await self._keep(stop)
                for line in list(self.lines):
                    line.stop.set()
        finally:
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)

    def replace(self, reason: str) -> None:
        """Replace every connection that is not being replaced."""
        busy = [line.replaces for line in self.lines if line.replaces is not None]
        for line in list(self.lines):
            if line not in busy and line.replaces is None:
                self._replace(line, reason)

    def send(self, frames: tuple[str, ...]) -> None:
        """Send frames on all open connections, as their pace allows."""
        for line in self.lines:
            if line.open:
                task = asyncio.get_running_loop().create_task(self._send(line, frames))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)

    async def _send(self, line: Line, frames: tuple[str, ...]) -> None:
        try:
            for frame in frames:
                await line.connection.send(frame)
        except VenueDisconnected as error:
            log.info("%s: %s", self.name, error)

    def opened(self, line: Line) -> bool:
        """Take note that a line is open; return whether it is the only one."""
        first = not self.open
        line.open = True
        life_s = self.plan.life_s
        line.leave_at_s = life_s * self._rng.uniform(*SHARE)
        if self.arbiter is not None and not first:
            self.arbiter.opened(line.number)
        return first

    def closed(self, line: Line) -> bool:
        """Take note that a line has ended; return whether it was the only one."""
        line.open = False
        return not self.open

    def _add(self, replaces: Line | None = None) -> Line:
        self._made += 1
        line = Line(self._made, replaces=replaces)
        line.connection = self._connect(self, line)
        self.lines.append(line)
        if self._group is not None:
            self._group.create_task(self._run_line(line))
        return line

    async def _run_line(self, line: Line) -> None:
        await line.connection.run(line.stop)
        self.lines.remove(line)
        self.connects += line.connection.connects
        self.failures += line.connection.failures
        self.attempts += line.connection.attempts
        self.sent += line.connection.sent
        self.reconnects += max(line.connection.connects - 1, 0)

    def _replace(self, line: Line, reason: str) -> None:
        if self._make_arbiter is None:
            line.connection.reconnect(reason)
            return
        if self.arbiter is None:
            self.arbiter = self._make_arbiter()
        log.info("%s: a second connection is opened: %s", self.name, reason)
        line.heard.clear()
        self._add(replaces=line)

    async def _keep(self, stop: asyncio.Event) -> None:
        """Look after replacements until `stop` is set."""
        settings = self._settings
        while not stop.is_set():
            busy = self.arbiter is not None
            step_s = min(settings.hold_s, settings.overlap_s, 1.0) / 2 if busy else 1.0
            if self.plan.life_s:
                step_s = min(step_s, self.plan.life_s / 50)
            try:
                async with asyncio.timeout(step_s):
                    await stop.wait()
            except TimeoutError:
                self.look(time.monotonic())

    def look(self, now_s: float) -> None:
        """Do what is due."""
        if self.arbiter is not None:
            late = self.arbiter.overdue(now_s)
            if late:
                self._overdue(late)
        going = {line.replaces for line in self.lines}
        for line in list(self.lines):
            if line.replaces is not None:
                self._judge(line, line.replaces)
            elif line.open and line not in going and 0 < line.leave_at_s < line.connection.age_s:
                self._replace(line, PLANNED)
        self._forget(now_s)

    def _judge(self, line: Line, old: Line) -> None:
        """Decide which of two lines stays."""
        settings, age_s = self._settings, line.connection.age_s
        arbiter = self.arbiter
        if old.open and line.open:
            holding = arbiter is not None and arbiter.holding
            if age_s >= settings.overlap_s and old.heard <= line.heard and not holding:
                self._retire(old, line)
            elif age_s > settings.overlap_most_s:
                lacks = len(old.heard - line.heard)
                log.warning("%s: the new connection lacks %d streams, it goes", self.name, lacks)
                self._give_up(line, old)
        elif line.open:
            self._retire(old, line)
        elif not old.open and line.connection.failures:
            self._give_up(line, old)  # both are down: the old one goes on trying

    def _retire(self, old: Line, line: Line) -> None:
        log.info("%s: the new connection has taken over", self.name)
        line.replaces = None
        self.replaced += 1
        old.stop.set()

    def _give_up(self, line: Line, old: Line) -> None:
        line.replaces = None
        line.leave_at_s = 0.0
        line.stop.set()
        old.leave_at_s = old.connection.age_s + self.plan.life_s * AGAIN if self.plan.life_s else 0

    def _forget(self, now_s: float) -> None:
        """Let the arbiter go when there has been one connection for a while."""
        if self.arbiter is None or self._settings.lines > 1 or len(self.lines) > 1:
            self._quiet_since_s = now_s
        elif now_s - self._quiet_since_s > LINGER_S and not self.arbiter.holding:
            self.dropped += self.arbiter.dropped
            self.healed += self.arbiter.healed
            self.arbiter = None
