"""Faults of the venue and of the way to it: what is lost, whether that is marked, how long it lasts.

A local venue plays a captured minute; a feed listens; in mid-stream something goes wrong::

    python -m tests.bench.faults --json out/faults.json \\
        --data ../shared/data/binance_usdm/capture/ethusdt_20240718.gz

What is lost is found by the venue's own numbers: trade ids, update ids of quotes and of the book.
A loss counts as marked if a STATUS row (GAP, STALE or DISCONNECTED) stands between the row before
it and the row after it. Time to heal is from the fault to the first row after which book, quotes
and trades have all come again, and nothing is STALE.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from extrema_nb.channels import Endpoints, Lob, Subscription, Trades
from extrema_nb.clock import SystemClock
from extrema_nb.events import BBO, LOB_LEVEL, STATUS, TRADE, EventArray, EventKind, Flag, StatusCode
from extrema_nb.feeds.history import load_instruments
from extrema_nb.feeds.market import MarketFeed, make_http
from extrema_nb.feeds.settings import FeedSettings
from extrema_nb.instruments import InstrumentTable
from extrema_nb.net.http import HttpError
from extrema_nb.net.ws import WsSettings
from extrema_nb.venues.binance_usdm import VENUE
from replay.local_venue.public.faults import Order
from replay.local_venue.public.server import PublicVenue
from replay.local_venue.public.tape import Tape

AT_S = 2.0  # when the fault comes
MARKS = (StatusCode.GAP, StatusCode.STALE, StatusCode.DISCONNECTED)
KINDS = {"trade": EventKind.TRADE, "book": EventKind.LOB, "quote": EventKind.BBO}
Settings = dict[str, object]


class World:
    """What a fault can reach."""

    def __init__(self, venue: PublicVenue, feed: MarketFeed, clock: SystemClock) -> None:
        self.venue = venue
        self.feed = feed
        self.clock = clock


Fault = Callable[[World], Awaitable[None]]


def ordered(**fields: object) -> Fault:
    """Return a fault that is one order to the venue."""

    async def fault(world: World) -> None:
        world.venue.order(Order(**fields))

    return fault


async def silent(world: World) -> None:
    """Send nothing on the connections that are open; new ones work."""
    before = world.venue.connects
    world.venue.order(Order(silence=True))
    while world.venue.connects == before:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    world.venue.order(Order(silence=False))


async def refusing(world: World) -> None:
    """Cut, and refuse the next connections."""
    world.venue.order(Order(cut=True, refuse=6))


async def no_snapshot(world: World) -> None:
    """Lose a book message, and fail the snapshots that shall mend it."""
    world.venue.order(Order(drop=1, match="depth"))
    world.venue.order(Order(fail=3))


async def forwards(world: World) -> None:
    """Set the wall clock an hour ahead, and let our clock follow it."""
    real = time.time_ns
    time.time_ns = lambda: real() + 3_600_000_000_000  # type: ignore[assignment]
    world.clock.resync()


async def backwards(world: World) -> None:
    """Set the wall clock an hour back."""
    real = time.time_ns
    time.time_ns = lambda: real() - 3_600_000_000_000  # type: ignore[assignment]
    world.clock.resync()


async def nothing(_world: World) -> None:
    """Do nothing."""


class Case(NamedTuple):
    """One fault."""

    name: str
    fault: Fault
    settings: Settings = {}  # noqa: RUF012  # read only
    dns_s: float = 0.0  # names do not resolve for so long at the start


CASES = (
    Case("nothing happens", nothing),
    Case("the venue closes all connections", ordered(close=True)),
    Case("connections are cut without a word", ordered(cut=True)),
    Case("… and the next six are refused", refusing),
    Case("the venue goes silent, sockets live", silent),
    Case("three book messages are dropped", ordered(drop=3, match="depth")),
    Case("… and the next three snapshots fail", no_snapshot),
    Case("three trades are dropped", ordered(drop=3, match="trade")),
    Case("twenty messages come twice", ordered(duplicate=20)),
    Case("three book messages come too late", ordered(reorder=3, match="depth")),
    Case("two messages are cut in half", ordered(garble=2)),
    Case("one of two lines (A/B) is cut", ordered(cut=True, only=1), {"lines": 2}),
    Case("planned replacement every 1.5 s", nothing, {"life_s": 1.5, "overlap_s": 0.3}),
    Case("names do not resolve for 2 s at the start", nothing, dns_s=2.0),
    Case("the clock is set an hour ahead", forwards),
    Case("the clock is set an hour back", backwards),
)


def numbers_of(path: Path) -> dict[str, list[int]]:
    """Return the venue's numbers of all captured trades, book messages and quotes."""
    out: dict[str, list[int]] = {name: [] for name in KINDS}
    for said in Tape([path]):
        if not said.frame.startswith(b'{"stream"'):
            continue
        data = json.loads(said.frame)["data"]
        if data["e"] == "trade" and data.get("X", "MARKET") == "MARKET":
            out["trade"].append(data["t"])
        elif data["e"] == "depthUpdate":
            out["book"].append(data["u"])
        elif data["e"] == "bookTicker":
            out["quote"].append(data["u"])
    return out


class Published:
    """Rows of a feed, and when they came."""

    def __init__(self) -> None:
        self.parts: list[EventArray] = []
        self.times: list[float] = []

    def __call__(self, rows: EventArray) -> None:
        self.parts.append(rows.copy())
        self.times.append(time.monotonic())


def found_numbers(rows: EventArray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers that were published and the place of each in the rows."""
    kind = KINDS[name]
    chosen = rows["kind"] == kind
    if name == "book":
        chosen &= (rows["flags"] & Flag.SNAPSHOT) == 0
        chosen &= (rows["flags"] & Flag.LAST) != 0
    places = np.flatnonzero(chosen)
    view = {"trade": TRADE, "book": LOB_LEVEL, "quote": BBO}[name]
    field = "trade_id" if name == "trade" else "seq"
    return rows[places].view(view)[field], places


def losses(rows: EventArray, name: str, numbers: list[int]) -> dict[str, int]:
    """Return how many numbers between the first and the last published are missing or doubled."""
    got, places = found_numbers(rows, name)
    marks = np.flatnonzero(
        (rows["kind"] == EventKind.STATUS) & np.isin(rows["w0"], [int(code) for code in MARKS])
    )
    where = dict(zip(got.tolist(), places.tolist(), strict=True))
    wanted = [n for n in numbers if int(got.min()) <= n <= int(got.max())]
    lost = unmarked = 0
    before = -1
    hole = 0
    for number in wanted:
        place = where.get(number)
        if place is None:
            hole += 1
            continue
        if hole:
            lost += hole
            low, high = np.searchsorted(marks, [before, place])
            unmarked += hole if low == high else 0
            hole = 0
        before = place
    return {
        "lost": lost,
        "unmarked": unmarked,
        "doubled": len(got) - len(set(got.tolist())),
        "sent": len(wanted),
    }


def healed_after(published: Published, at: float) -> float:
    """Return the seconds from `at` until all streams have come again and nothing is STALE."""
    stale, waiting, hurt = False, set(KINDS.values()), False
    healed = at
    for rows, when in zip(published.parts, published.times, strict=True):
        if when < at:
            continue
        for row in rows:
            kind = EventKind(int(row["kind"]))
            if kind is EventKind.STATUS:
                code = int(row["w0"])
                if code in {StatusCode.GAP, StatusCode.STALE}:
                    hurt, waiting = True, set(KINDS.values())
                    stale = stale or code == StatusCode.STALE
                elif code == StatusCode.RESYNCED:
                    stale = False
            elif not row["flags"] & Flag.STALE:
                waiting.discard(kind)
        if hurt and not waiting and not stale:
            healed, hurt = when, False
    return healed - at


class Names:
    """The resolver of this process, which can be made to fail."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._real = socket.getaddrinfo
        self.failed = 0

    def __call__(self, host: object, *args: object, **kwargs: object) -> object:
        if time.monotonic() < self._until:
            self.failed += 1
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return self._real(host, *args, **kwargs)  # type: ignore[arg-type]

    def __enter__(self) -> Self:
        socket.getaddrinfo = self  # type: ignore[assignment]
        return self

    def __exit__(self, *_: object) -> None:
        socket.getaddrinfo = self._real


async def _table(endpoints: Endpoints) -> InstrumentTable:
    http, table = make_http(VENUE, endpoints), InstrumentTable()
    try:
        while True:
            try:
                await load_instruments(VENUE, http, table)
            except HttpError:
                await asyncio.sleep(0.2)
            else:
                return table
    finally:
        await http.close()


async def run_case(
    case: Case, path: Path, speed: float
) -> tuple[Published, MarketFeed, float, int]:
    """Play the capture with one fault; return what was published, and when the fault came."""
    real_time = time.time_ns
    clock = SystemClock()
    async with PublicVenue("binance-usdm", [path], speed=speed, settle_s=0.3) as venue:
        with Names(case.dns_s) as names:
            host = f"localhost:{venue.port}"
            endpoints = Endpoints(f"http://{host}", f"ws://{host}")
            begun = time.monotonic()
            table = await _table(endpoints)
            published = Published()
            feed = MarketFeed(
                VENUE,
                table,
                [Subscription(0, channel) for channel in (Lob(), Lob("bbo"), Trades())],
                endpoints=endpoints,
                publish=published,
                clock=clock,
                settings=FeedSettings(
                    ws=WsSettings(backoff_first_s=0.25),
                    **{"book_silence_s": 1.0, "trade_silence_s": 2.0, **case.settings},
                ),
            )
            stop = asyncio.Event()
            task = asyncio.ensure_future(feed.run(stop))
            try:
                if case.dns_s:
                    at = begun
                else:
                    while not venue.player.played:  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
                    await asyncio.sleep(AT_S)
                    at = time.monotonic()
                    await case.fault(World(venue, feed, clock))
                await venue.finished.wait()
                await asyncio.sleep(0.5)
            finally:
                time.time_ns = real_time
                stop.set()
                await task
        return published, feed, at, names.failed


def measure(
    case: Case, path: Path, numbers: dict[str, list[int]], speed: float
) -> dict[str, object]:
    """Return the row of a fault."""
    published, feed, at, failed = asyncio.run(run_case(case, path, speed))
    ending = sum(int(c.open) for link in feed._links for c in link.lines)
    assert not ending
    while published.parts and int(published.parts[-1]["w0"][0]) in {
        int(StatusCode.DISCONNECTED), int(StatusCode.STALE),
    } and int(published.parts[-1]["kind"][0]) == EventKind.STATUS:  # fmt: skip
        published.parts.pop()  # the end of the measurement
        published.times.pop()
    rows = np.concatenate(published.parts)
    codes = rows[rows["kind"] == EventKind.STATUS].view(STATUS)["code"]
    found = {name: losses(rows, name, numbers[name]) for name in KINDS}
    row: dict[str, object] = {"fault": case.name}
    for what in ("sent", "lost", "unmarked", "doubled"):
        row[what] = {name: found[name][what] for name in KINDS}
    row["marks"] = {code.name: int((codes == code).sum()) for code in MARKS}
    if case.dns_s:
        first = next(
            when
            for part, when in zip(published.parts, published.times, strict=True)
            if int(part["kind"][0]) == EventKind.LOB
        )
        row["heal_s"], row["dns_failures"] = round(first - at - case.dns_s, 3), failed
    else:
        row["heal_s"] = round(healed_after(published, at), 3)
    stats = feed.stats
    for name in ("connects", "failures", "gaps", "resyncs", "replaced", "dropped", "decode_errors"):
        row[name] = getattr(stats, name)
    row["in_order"] = bool((np.diff(rows["ts_recv"]) >= 0).all())
    return row


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a collector capture of USD-M")
    parser.add_argument("--speed", type=float, default=25.0)
    parser.add_argument("--only", default="", help="faults whose name holds this")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    logging.getLogger("extrema_nb").setLevel(logging.CRITICAL)
    logging.getLogger("picows").setLevel(logging.CRITICAL)
    numbers = numbers_of(args.data)
    rows = []
    for case in CASES:
        if args.only not in case.name:
            continue
        row = measure(case, args.data, numbers, args.speed)
        rows.append(row)
        texts = [
            "/".join(str(row[what][name]) for name in KINDS)
            for what in ("lost", "unmarked", "doubled")
        ]
        marks = ", ".join(f"{n} {code}" for code, n in row["marks"].items() if n)
        sys.stdout.write(
            f"{case.name:<44} lost {texts[0]:<12} unmarked {texts[1]:<8} doubled {texts[2]:<8} "
            f"heal {row['heal_s']:.2f} s  {marks}\n"
        )
        sys.stdout.flush()
    if args.json:
        found = {"capture": args.data.name, "speed": args.speed, "order": list(KINDS), "rows": rows}
        args.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
