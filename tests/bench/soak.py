"""Record for a long time: memory flat, nothing lost, row counts equal to the source's.

::

    python -m tests.bench.soak --seconds 1200 --json out/soak.json \\
        --data ../shared/data/binance_usdm/capture/btcusdt_20240808.gz

A server in a process of its own sends the frames of a captured day again and again over loopback,
as fast as they are taken, or at `--rate`. Each round continues the book ids of the one before, so
that one message that is lost anywhere is a gap. Every row that the feed published must lie on disk,
which is read to its last byte at the end. Of trades, best prices and book changes, the last row on
disk must be the one that stands so many rows behind the first in what the server sent.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from extrema_nb.events import STATUS, VIEWS, EventArray, EventKind, Flag, StatusCode, empty_events
from extrema_nb.instruments import InstrumentTable
from extrema_nb.net.loop import run as run_loop
from extrema_nb.store import check_recording
from extrema_nb.venues import load
from recorders.recorder import record
from recorders.settings import RecordSettings
from replay.sources import ParquetSource
from tests.bench.loopback import BOOK_IDS, TRADE_ID, Loopback, Tape, instrument, span_of, tape_of

MARKET = (EventKind.TRADE, EventKind.BBO, EventKind.LOB)


def memory_mb() -> float:
    """Return the memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def soak(args: argparse.Namespace, venue: Loopback, folder: Path) -> dict[str, Any]:
    """Record until the time is over."""
    samples: list[tuple[float, float]] = []
    stop = asyncio.Event()

    def tell(report: dict[str, Any]) -> None:
        samples.append((report["seconds"], memory_mb()))
        if len(samples) % 30 == 0:
            sys.stderr.write(
                f"{report['seconds']:7.0f} s {report['rows']:>14,} rows {samples[-1][1]:7.1f} MB "
                f"{report['lost']} lost, {report['recorder']['waiting']:,} waiting\n"
            )

    settings = RecordSettings(
        out=str(folder), rest=venue.rest, ws=venue.ws, instruments=["BTC_USDT_PERP"],
        seconds=args.seconds, rotate_mb=args.rotate_mb, snapshot_s=30.0, keep_gb=args.keep_gb,
    )  # fmt: skip
    report = await record(settings, stop, tell=tell)
    times = np.array([at for at, _ in samples])
    held = np.array([mb for _, mb in samples])
    late = times > times[-1] * 0.25  # buffers and caches have their size by then
    slope = np.polyfit(times[late], held[late], 1)[0] * 3600 if late.sum() > 2 else float("nan")
    return {
        "report": report,
        "memory_mb": {
            "quarter": float(np.median(held[late][: max(1, late.sum() // 8)])),
            "end": float(np.median(held[late][-max(1, late.sum() // 8) :])),
            "most": float(held.max()),
            "growth_mb_an_hour": float(slope),
        },
    }


def counted(folder: Path, told: Source) -> dict[str, Any]:
    """Return how many market rows lie on disk, whether they are the source's, and STATUS rows."""
    source, counts, ends, codes = ParquetSource(folder), dict.fromkeys(MARKET, 0), {}, {}
    fetched = int(Flag.SYNTHETIC | Flag.SNAPSHOT)
    for batch in source.batches():
        for kind in MARKET:
            rows = batch[(batch["kind"] == kind) & ((batch["flags"] & fetched) == 0)]
            if len(rows):
                counts[kind] += len(rows)
                ends[kind] = (ends.get(kind, (rows[:1].copy(),))[0], rows[-1:].copy())
        status = batch[batch["kind"] == EventKind.STATUS].view(STATUS)
        for code in status["code"].tolist():
            name = StatusCode(code).name
            codes[name] = codes.get(name, 0) + 1
    return {
        "rows_of": {kind.name: count for kind, count in counts.items()},
        "differs": [told.differs(kind, *ends[kind], counts[kind]) for kind in MARKET],
        "status": codes,
    }


class Source:
    """The rows that the server's frames hold, by the venue's plain decoder, round after round."""

    def __init__(self, tape: Tape) -> None:
        venue = load("binance-usdm")
        listed = {"rateLimits": [], "symbols": [instrument("BTCUSDT")]}
        table = InstrumentTable(venue.parse_instruments(json.dumps(listed).encode()))
        decoder, out = venue.decoder(table), empty_events(65_536)
        rows = np.concatenate(
            [out[: decoder.decode(frame, 0, out, 0)].copy() for frame in tape.frames]
        )
        self._rows = {kind: rows[rows["kind"] == kind] for kind in MARKET}
        self._spans = {
            EventKind.TRADE: span_of(tape.frames, TRADE_ID),
            EventKind.LOB: span_of(tape.frames, BOOK_IDS),
            EventKind.BBO: 0,  # its numbers begin anew each round
        }

    def differs(self, kind: EventKind, first: EventArray, last: EventArray, count: int) -> str:
        """Say how the last of `count` rows that lie on disk differs from that row of the source."""
        rows, name = self._rows[kind], "trade_id" if kind is EventKind.TRADE else "seq"
        ids = rows.view(VIEWS[kind])[name]
        begin = int(np.flatnonzero(ids == first.view(VIEWS[kind])[name][0])[0])
        turn, place = divmod(begin + count - 1, len(rows))
        expected = rows[place : place + 1].copy()
        expected["ts_recv"] = last["ts_recv"]
        view = expected.view(VIEWS[kind])
        for field in [name, "prev_seq"] if kind is EventKind.LOB else [name]:
            view[field] += turn * self._spans[kind]
        if expected.tobytes() == last.tobytes():
            return ""
        return f"{kind.name}: row {count} is {last.view(VIEWS[kind])}, the source's is {view}"


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Return all figures."""
    tape = tape_of(args.data, args.messages)
    folder = Path(tempfile.mkdtemp(dir=args.folder))
    began = time.monotonic()
    try:
        with Loopback(tape, rate=args.rate, again=True) as venue:
            out = run_loop(soak(args, venue, folder / "rec"))
        report = out.pop("report")
        checked = check_recording(folder / "rec")
        found = counted(folder / "rec", Source(tape)) if not args.keep_gb else {"differs": []}
        made = report["recorder"]["made"]
        out |= {
            "seconds": report["seconds"],
            "frames": report["frames"],
            "frames_a_second": report["frames"] / report["seconds"],
            "rows": report["rows"],
            "rows_a_second": report["rows_per_second"],
            "rows_published": report["feed"]["rows"],
            "rows_made": made,
            "rows_on_disk": checked.rows + checked.removed_rows,
            "lost": report["lost"],
            "gaps": report["gaps"],
            "decode_errors": report["decode_errors"],
            "upkeep": report["upkeep"],
            "parts": checked.parts,
            "bytes_a_row": checked.bytes / max(1, checked.rows),
            "problems": checked.problems,
            "wall_s": time.monotonic() - began,
            **found,
        }
    finally:
        shutil.rmtree(folder)
    # every row that the feed published, and clocks that were asked for, is on disk, and no other
    assert not out["problems"], out["problems"]
    assert out["rows_on_disk"] == out["rows"], (out["rows_on_disk"], out["rows"])
    assert not any(out["differs"]), out["differs"]
    assert out["lost"] == out["decode_errors"] == 0, out
    return out


def main() -> None:
    """Soak and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a collector capture (.gz)")
    parser.add_argument("--seconds", type=float, default=1200.0)
    parser.add_argument("--messages", type=int, default=90_000, help="frames of a round")
    parser.add_argument("--rate", type=float, default=0.0, help="frames a second; 0: all it can")
    parser.add_argument("--rotate-mb", type=float, default=128.0)
    parser.add_argument("--keep-gb", type=float, default=0.0)
    parser.add_argument("--folder", help="where to record; default: the temporary folder")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found = run(args)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
