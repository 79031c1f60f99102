"""Record for a long time: memory flat, nothing lost, row counts equal to the source's.

::

    python -m tests.bench.soak --seconds 1200 --json out/soak.json \\
        --data ../shared/data/binance_usdm/capture/btcusdt_20240808.gz

A server in a process of its own sends the frames of a captured day again and again over loopback,
as fast as they are taken, or at `--rate`. Each round continues the book ids of the one before, so
that one message that is lost anywhere is a gap. Every row that the feed published must lie on disk,
which is read to its last byte at the end.
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

from extrema_nb.events import STATUS, EventKind, Flag, StatusCode
from extrema_nb.store import check_recording
from recorders.recorder import record
from recorders.settings import RecordSettings
from replay.sources import ParquetSource
from tests.bench.loopback import Loopback, tape_of

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


def counted(folder: Path) -> dict[str, Any]:
    """Return how many market rows lie on disk, and what the recording says of itself."""
    source, market, codes = ParquetSource(folder), 0, {}
    for batch in source.batches():
        own = (batch["flags"] & int(Flag.SYNTHETIC)) != 0
        market += int((np.isin(batch["kind"], MARKET) & ~own).sum())
        status = batch[batch["kind"] == EventKind.STATUS].view(STATUS)
        for code in status["code"].tolist():
            name = StatusCode(code).name
            codes[name] = codes.get(name, 0) + 1
    return {"market_rows": market, "status": codes}


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Return all figures."""
    tape = tape_of(args.data, args.messages)
    folder = Path(tempfile.mkdtemp(dir=args.folder))
    began = time.monotonic()
    try:
        with Loopback(tape, rate=args.rate, again=True) as venue:
            out = asyncio.run(soak(args, venue, folder / "rec"))
        report = out.pop("report")
        checked = check_recording(folder / "rec")
        found = counted(folder / "rec")
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
