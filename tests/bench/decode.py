"""Captured frames to rows: ``python -m tests.bench.decode --json OUT [--peer-python PYTHON]``.

For each venue and channel: the compiled scanner in bursts, the venue's own decoder frame by frame
(what all frames went through before), and cryptofeed where its interpreter is given. All three take
turns, round by round, over the same frames; the least processor time of each counts. Rows of the
first two are compared to the byte before anything is measured.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import json
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from extrema_nb.errors import VenueError
from extrema_nb.events import empty_events
from extrema_nb.feeds.burst import BurstPipeline
from extrema_nb.feeds.pipeline import MarketPipeline
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.venues import FrameDecoding, MarketVenue, load
from replay.sources.collector import CaptureSource

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared/data"
HERE = Path(__file__).resolve().parent
BURST = 1000  # frames
LEAST = 20_000  # frames of a case; fewer are repeated, in a fresh pipeline each time
Frames = list[tuple[int, bytes]]


def collector(name: str) -> Frames:
    """Return (ts_recv µs, frame) of a collector's capture."""
    out = []
    with gzip.open(DATA / name) as file:
        for line in file:
            stamp, _, frame = line.rstrip().partition(b" ")
            local = int(stamp)
            out.append((local // 1000 if local > 10**17 else local, frame))
    return out


def cryptofeed(name: str) -> Frames:
    """Return (ts_recv µs, frame) of what a venue sent in a capture of cryptofeed."""
    heard = re.compile(rb"(\d+\.\d+): ([\[{].*)")
    with gzip.open(DATA / name) as file:
        found = [heard.fullmatch(line.rstrip()) for line in file]
    return [(int(float(m[1]) * 1e6), m[2]) for m in found if m]


def of_today(frames: Frames) -> Frames:
    """Return OKX's book frames of 2021 with the numbers, and without the checksum, of 2026.

    The changes come end to end until there are many; their snapshots come once.
    """
    out, last = [], {}
    changes = [frame for frame in frames if b'"action":"update"' in frame[1]]
    for number, (stamp, raw) in enumerate(frames + changes * (LEAST // len(changes)), 1):
        push = json.loads(raw)
        if "action" not in push:
            out.append((stamp, raw))
            continue
        book, key = push["data"][0], push["arg"]["instId"]
        fresh = push["action"] == "snapshot"
        book["checksum"] = 0
        book["prevSeqId"], book["seqId"] = -1 if fresh else last[key], number
        last[key] = number
        out.append((stamp, json.dumps(push, separators=(",", ":")).encode()))
    return out


def laid(
    frames: Frames, path: tuple[str, ...], key: str, numbers: tuple[str, ...], time: str
) -> Frames:
    """Return frames of books end to end until there are `LEAST`: their numbers and times go on.

    Parameters
    ----------
    path, key : where in a frame the message stands, and what in it names its book
    numbers, time : which of its values rise, by message and by ms
    """
    messages = [json.loads(raw) for _, raw in frames]
    inner = []
    for message in messages:
        for word in path:
            message = message[word]  # noqa: PLW2901  # deeper and deeper
        inner.append(message)
    span: dict[str, int] = {}
    for message in inner:
        if numbers:
            values = [m[name] for m in inner if m[key] == message[key] for name in numbers]
            span.setdefault(message[key], max(values) - min(values) + 1)
    lasts = 1 + max(m[time] for m in inner) - min(m[time] for m in inner)
    out = []
    for turn in range(-(-LEAST // len(frames))):
        for (stamp, _), message, part in zip(frames, messages, inner, strict=True):
            out.append(
                (stamp + 1000 * turn * lasts, json.dumps(message, separators=(",", ":")).encode())
            )
            part[time] += lasts
            for name in numbers:
                part[name] += span[part[key]]
    return out


def of_v4(frames: Frames) -> Frames:
    """Return dYdX's frames of v3 in the words of v4, changes and trades end to end, numbered anew."""
    answers = [
        frame for frame in frames if b'"subscribed"' in frame[1] and b"orderbook" in frame[1]
    ]
    pushes = [frame for frame in frames if b'"channel_data"' in frame[1]]
    out = []
    for number, (stamp, raw) in enumerate(answers + pushes * -(-LEAST // len(pushes))):
        frame = re.sub(
            rb'"message_id":\d+', b'"message_id":%d' % number, raw.replace(b"v3_", b"v4_")
        )
        frame = re.sub(rb'"offset":"\d+",', b"", frame)
        trade = b'{"id":"%08x0000000200000002","type":"LIMIT","side"' % (2**24 + number)
        out.append((stamp, frame.replace(b'{"side"', trade)))
    return out


def whole_trades(frames: Frames) -> Frames:
    """Return trades as aggregates: the only ones that cryptofeed knows."""
    out = []
    for stamp, raw in frames:
        frame = raw.replace(b'@trade"', b'@aggTrade"').replace(b'"e":"trade"', b'"e":"aggTrade"')
        out.append((stamp, re.sub(rb'"t":(\d+)', rb'"a":\1,"f":\1,"l":\1', frame)))
    return out


SOURCES: dict[str, tuple[Callable[[], Frames], dict[str, bytes]]] = {
    "binance-usdm": (
        lambda: collector("binance_usdm/capture/btcusdt_20240808.gz"),
        {"all": b"", "trade": b"@trade", "bookTicker": b"@bookTicker", "depth": b"@depth@"},
    ),
    "binance-spot": (
        lambda: collector("binance_spot/capture/btcusdt_20240808.gz"),
        {"all": b"", "trade": b"@trade", "bookTicker": b"@bookTicker", "depth": b"@depth@"},
    ),
    "binance-cm": (
        lambda: collector("binance_cm/capture/btcusd_perp_20240808.gz"),
        {"all": b"", "trade": b"@trade", "bookTicker": b"@bookTicker", "depth": b"@depth@"},
    ),
    "okx": (
        lambda: of_today(cryptofeed("okx/capture_cryptofeed/20210722/OKEX.ws.1.0.txt.gz")),
        {"trades": b'{"arg":{"channel":"trades"', "books": b'{"arg":{"channel":"books'},
    ),
    "gate-spot": (
        lambda: cryptofeed("gate_spot/capture_cryptofeed/20210422/GATEIO.ws.1.0.txt.gz"),
        {"trades": b'"spot.trades","event":"update"',
         "order_book_update": b'"spot.order_book_update","event":"update"'},
    ),
    "gate-futures": (
        lambda: cryptofeed("gate_futures/capture_cryptofeed/20230524/GATEIO_FUTURES.ws.1.0.txt.gz"),
        {"trades": b'"futures.trades","event":"update"',
         "order_book_update": b'"futures.order_book_update","event":"update"'},
    ),
    "hyperliquid": (
        lambda: collector("hyperliquid/capture/btcusd_20250126.gz"),
        {"trades": b'"channel":"trades"', "l2Book": b'"channel":"l2Book"'},
    ),
    "coinbase": (
        lambda: cryptofeed("coinbase/capture_cryptofeed/20210417/COINBASE.ws.28.0.txt.gz"),
        {"all": b""},  # changes of books nearly all; they pass only behind their snapshots
    ),
    "dydx": (
        lambda: cryptofeed("dydx_v3/capture_cryptofeed/20211028/DYDX.ws.1.0.txt.gz"),
        {"orderbook": b'"v3_orderbook"', "trades": b'"v3_trades"'},
    ),
}  # fmt: skip
LAID: dict[str, tuple[tuple[str, ...], str, tuple[str, ...], str]] = {
    "hyperliquid l2Book": (("data",), "coin", (), "time"),
    "gate-spot order_book_update": (("result",), "s", ("U", "u"), "t"),
    "gate-futures order_book_update": (("result",), "s", ("U", "u"), "t"),
}  # fmt: skip
PEER = {
    "binance-usdm": ("BTC-USDT-PERP", "BTCUSDT"),
    "binance-spot": ("BTC-USDT", "BTCUSDT"),
    "binance-cm": ("BTC-USD-PERP", "BTCUSD_PERP"),
}  # fmt: skip
_SYMBOL = re.compile(
    rb'"(?:s|instId|coin|product_id|contract|currency_pair|id)":"([A-Za-z][^"]{1,40})"'
)


def table_of(venue: MarketVenue, frames: Frames) -> InstrumentTable:
    """Return the instruments that frames name."""
    names = {}
    for _, frame in frames[:5000]:
        for found in _SYMBOL.findall(frame[:600]):
            names[found.decode()] = None
    return InstrumentTable(Instrument(venue=venue.id, symbol=name, name=name) for name in names)


class Case:
    """Frames of one channel, and the ways to rows."""

    def __init__(self, venue: MarketVenue, channel: str, frames: Frames) -> None:
        self.channel = channel
        self.venue = venue
        self.table = table_of(venue, frames)
        self.waits = 2000 if any(venue.is_snapshot(frame) for _, frame in frames) else 0
        self.captured = len(frames)
        if venue.id == "dydx":
            frames = of_v4(frames)
        if f"{venue.id} {channel}" in LAID:
            frames = laid(frames, *LAID[f"{venue.id} {channel}"])
        books = "depth" in channel or "book" in channel.lower() or channel in {"all", "l2update"}
        if not books and venue.id != "dydx":  # what has no sequence may come again
            frames = frames * -(-BURST // len(frames))
        self.frames = [frame for _, frame in frames]
        self.stamps = np.array([stamp for stamp, _ in frames])
        self.times = max(1, -(-LEAST // len(frames)))
        self.text = np.frombuffer(b"".join(self.frames), np.uint8)
        self.ends = np.cumsum([len(frame) for frame in self.frames])
        self.starts = self.ends - [len(frame) for frame in self.frames]
        self.errors = 0
        self.most_rows = 1  # of a burst
        self.room = empty_events(20_000)

    def plain(self) -> MarketPipeline:
        return MarketPipeline(self.venue, self.table, max_buffered=self.waits)

    def burst(self) -> BurstPipeline:
        """A pipeline that has its memory, as one has after its first second."""
        pipeline = BurstPipeline(self.venue, self.table, max_buffered=self.waits)
        none = np.zeros(0, np.int64)
        pipeline.on_burst(self.text, none, none, none, lambda _: pipeline._out[:0])
        if pipeline._scanner is not None:
            pipeline._scanner.grow(self.most_rows, 0)
            pipeline._scanner.out.view(np.int64)[:] = 0
        return pipeline

    def one_by_one(self, pipeline: MarketPipeline) -> list[np.ndarray]:
        """The venue's own decoder."""
        parts = []
        for frame, stamp in zip(self.frames, self.stamps.tolist(), strict=True):
            try:
                parts.append(pipeline.on_frame(frame, stamp))
            except VenueError:
                self.errors += 1
        return parts

    def alone(self, decoder: FrameDecoding) -> None:
        """The venue's own decoder without the books' state machines."""
        for frame, stamp in zip(self.frames, self.stamps.tolist(), strict=True):
            if self.venue.is_snapshot(frame):
                continue
            try:
                decoder.decode(frame, stamp, self.room, 0)
            except VenueError:
                self.errors += 1

    def in_bursts(
        self, pipeline: BurstPipeline, keep: list[np.ndarray] | None = None
    ) -> BurstPipeline:
        """The scanner."""
        frames, stamps = self.frames, self.stamps
        for at in range(0, len(frames), BURST):
            part = slice(at, at + BURST)

            def slow(number: int, at: int = at) -> np.ndarray:
                try:
                    return pipeline.on_frame(frames[at + number], int(stamps[at + number]))
                except VenueError:
                    return pipeline._out[:0]

            rows = pipeline.on_burst(
                self.text, self.starts[part], self.ends[part], stamps[part], slow
            )
            if keep is not None:
                keep.append(rows.copy())
        return pipeline

    def check(self) -> dict[str, float]:
        """Compare the rows of both ways to the byte."""
        pipeline = self.plain()
        expected = []
        for frame, stamp in zip(self.frames, self.stamps.tolist(), strict=True):
            try:
                expected.append(pipeline.on_frame(frame, stamp).copy())
            except VenueError:
                self.errors += 1
        found: list[np.ndarray] = []
        slow = self.in_bursts(self.burst(), found).slow
        rows = np.concatenate(found)
        self.most_rows = max(map(len, found)) + BURST
        if rows.tobytes() != np.concatenate(expected).tobytes():
            raise SystemExit(f"{self.venue.id}: the rows differ")
        return {
            "captured": self.captured, "frames": len(self.frames), "bytes": len(self.text), "rows": len(rows),
            "left_to_decoder": slow, "refused": self.errors,
        }  # fmt: skip


def timed(make: Callable[[], object], call: Callable[[object], object], times: int) -> float:
    """Return the seconds of one call, each with an object of its own, made beforehand."""
    made = [make() for _ in range(times)]
    gc.collect()
    began = time.process_time()
    for thing in made:
        call(thing)
    return (time.process_time() - began) / times


class Peer:
    """cryptofeed in its own interpreter."""

    def __init__(self, python: str, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [python, str(HERE / "peer/feed.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        self.versions = json.loads(self.process.stdout.readline())

    def prepare(self, case: Case) -> dict[str, str]:
        """Write the frames of a case for the peer; return its task."""
        venue = case.venue
        snapshots = [frame for frame in case.frames if venue.is_snapshot(frame)]
        frames = [frame for frame in case.frames if not venue.is_snapshot(frame)]
        frames = [frame for frame in frames if b"@markPrice" not in frame[:60]]
        path = self.folder / "frames"
        path.write_bytes(b"\n".join(frames))
        name, symbol = PEER[venue.id]
        snapshot = snapshots[0].decode() if snapshots else ""
        return {"venue": venue.id, "name": name, "symbol": symbol, "frames": str(path),
                "snapshot": snapshot}  # fmt: skip

    def run(self, task: dict[str, str]) -> dict[str, float]:
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def measure(case: Case, rounds: int, peer: Peer | None) -> dict[str, object]:
    told: dict[str, object] = dict(case.check())
    task = None
    if peer is not None and case.venue.id in PEER:
        same = Case(
            case.venue, case.channel, whole_trades(list(zip(case.stamps, case.frames, strict=True)))
        )
        same.check()
        case = same  # ours and theirs see the same bytes
        task = peer.prepare(case)
    ours, decoder, alone, theirs = [], [], [], []
    for _ in range(rounds):
        ours.append(timed(case.burst, case.in_bursts, case.times))
        decoder.append(timed(case.plain, case.one_by_one, max(1, case.times // 5)))
        alone.append(timed(lambda: case.venue.decoder(case.table), case.alone, 1))
        if task is not None:
            said = peer.run(task)
            theirs.append(said["seconds"])
            told["peer_heard"] = said["heard"]
    n = len(case.frames)
    told |= {
        "messages_per_second": n / min(ours),
        "gigabytes_per_second": len(case.text) / min(ours) / 1e9,
        "decoder_messages_per_second": n / min(decoder),
        "times_decoder": min(decoder) / min(ours),
        "times_decoder_alone": min(alone) / min(ours),
    }
    if theirs:
        told |= {
            "cryptofeed_messages_per_second": n / min(theirs),
            "times_cryptofeed": min(theirs) / min(ours),
        }
    return told


def command(rounds: int) -> dict[str, float]:
    """A captured day to rows, unpacking and finding its lines included."""
    taken = []
    for _ in range(rounds):
        source = CaptureSource([DATA / "binance_usdm/capture/btcusdt_20240808.gz"])
        began = time.process_time()
        rows = sum(len(batch) for batch in source.batches())
        taken.append(time.process_time() - began)
    return {
        "rows_per_second": rows / min(taken),
        "messages_per_second": source.counts.lines / min(taken),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="write the figures here as well")
    parser.add_argument("--peer-python", metavar="PYTHON", help="interpreter with cryptofeed")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--venues", default=",".join(SOURCES))
    args = parser.parse_args()
    told: dict[str, object] = {"python": platform.python_version(), "rounds": args.rounds}
    with tempfile.TemporaryDirectory() as folder:
        peer = Peer(args.peer_python, Path(folder)) if args.peer_python else None
        if peer is not None:
            told["peer"] = peer.versions
        for name in args.venues.split(","):
            source, channels = SOURCES[name]
            frames, venue = source(), load(name)
            for channel, mark in channels.items():
                some = [
                    (stamp, frame) for stamp, frame in frames
                    if mark in frame or (channel == "depth" and venue.is_snapshot(frame))
                ]  # fmt: skip
                if not some:
                    continue
                found = measure(Case(venue, channel, some), args.rounds, peer)
                told[f"{name} {channel}"] = found
                sys.stderr.write(
                    f"{name} {channel}: " + " ".join(
                        f"{k}={v:.3g}" for k, v in found.items() if isinstance(v, (int, float))
                    ) + "\n"
                )  # fmt: skip
    told["captured day to rows"] = command(args.rounds)
    text = json.dumps(told, indent=1)
    if args.json:
        Path(args.json).write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
