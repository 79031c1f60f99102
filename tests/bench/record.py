"""Recording end to end over loopback: what it costs beside receiving alone, and beside cryptofeed.

A server in a process of its own sends captured frames as fast as they are taken. Each of these runs
in a fresh process, in turn, `rounds` times, and the least of each counts::

    python -m tests.bench.record --json out/record.json --peer-python PEER/bin/python \\
        --data ../shared/data/binance_usdm/capture/btcusdt_20240808.gz

`bare` receives and counts, with each WebSocket client; `native` counts the frames of a read at once.
`ours` is feed, books in sequence, snapshots, and the log with checksums, in one process; Parquet is
made in another, as `extrema-nb record` does it, and counted apart. All run on the event loop that
`extrema-nb record` takes. `cryptofeed` runs its feed handler with its recorder, which keeps frames
(pcap), and callbacks that count.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib.metadata
import json
import multiprocessing
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from extrema_nb.channels import Endpoints, Subscription, parse_channel
from extrema_nb.clock import SystemClock
from extrema_nb.feeds.history import load_instruments
from extrema_nb.feeds.market import MarketFeed, make_http
from extrema_nb.feeds.settings import FeedSettings
from extrema_nb.instruments import InstrumentTable
from extrema_nb.net.loop import choose_loop
from extrema_nb.net.loop import run as run_loop
from extrema_nb.net.transport import choose_transport, installed, make_transport
from extrema_nb.store import check_recording
from extrema_nb.venues import load
from recorders.parquet import ParquetRecorder
from recorders.recorder import Janitor
from recorders.settings import RecordSettings
from tests.bench.loopback import DONE, Loopback, repeated, tape_of

PEER = Path(__file__).parent / "peer" / "cryptofeed_record.py"
OPTIONS = {"max_frame": 16 << 20, "ping_s": None, "close_timeout_s": 1.0}


def cpu_s() -> float:
    """Return the CPU seconds of this process and of those that it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


async def bare(url: str, client: str) -> dict[str, float]:
    """Receive and count."""
    transport = make_transport(client)
    await transport.open(f"{url}/bare", **OPTIONS)
    finished, seen = asyncio.Event(), [0]

    def handle(frame: bytes) -> None:
        if frame == DONE:
            finished.set()
        seen[0] += 1

    def handle_many(text: Any, starts: Any, ends: Any) -> None:
        if text[starts[-1] : ends[-1]].tobytes() == DONE:
            finished.set()
        seen[0] += len(starts)

    gc.freeze()
    began, cpu = time.perf_counter(), cpu_s()
    many = getattr(transport, "pump_bursts", None)
    pump = asyncio.ensure_future(many(handle_many) if many else transport.pump(handle))
    await finished.wait()
    out = {"frames": seen[0] - 1, "seconds": time.perf_counter() - began, "cpu_s": cpu_s() - cpu}
    await transport.close()
    pump.cancel()
    await asyncio.gather(pump, return_exceptions=True)
    return out


async def ours(rest: str, ws: str, frames: int, folder: Path) -> dict[str, float]:
    """Record, first to the log, then to Parquet."""
    venue, endpoints, table = load("binance-usdm"), Endpoints(rest=rest, ws=ws), InstrumentTable()
    http = make_http(venue, endpoints)
    await load_instruments(venue, http, table)
    roller = Janitor(RecordSettings(out=str(folder)))
    recorder = ParquetRecorder(
        folder, table, snapshot_s=300.0, status_s=10.0, asked=frozenset({venue.id}),
        roll=roller.roll,
    )  # fmt: skip
    subscriptions = [Subscription(0, parse_channel(word)) for word in ("trade", "bbo", "book")]
    feed = MarketFeed(
        venue, table, subscriptions, publish=recorder.write, clock=SystemClock(),
        endpoints=endpoints, http=http, settings=FeedSettings(gather=True),
    )  # fmt: skip
    stop = asyncio.Event()
    task = asyncio.ensure_future(feed.run(stop))
    gc.freeze()
    while feed.stats.resyncs == 0:  # noqa: ASYNC110 - the server goes on when it was fetched
        await asyncio.sleep(0.001)
    began, cpu = time.perf_counter(), cpu_s()
    scale = frames / (frames - feed.stats.frames)  # as if all had come since
    while feed.stats.frames < frames:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.005)
    await asyncio.to_thread(recorder.flush)
    out = {"seconds": (time.perf_counter() - began) * scale, "cpu_s": (cpu_s() - cpu) * scale}
    stop.set()
    await task
    await http.close()
    rolling = cpu_s()
    await asyncio.to_thread(recorder.close)
    rolling = cpu_s() - rolling
    stats = recorder.stats
    return out | {
        "frames": feed.stats.frames,
        "rows": stats.rows,
        "lost": stats.lost,
        "gaps": feed.stats.gaps,
        "all_seconds": (time.perf_counter() - began) * scale,
        "all_cpu_s": out["cpu_s"] + rolling,
        "parquet_cpu_s": rolling,
        "bytes_a_row": stats.parquet_bytes / stats.rows,
    }


def child(result: Any, name: str, *args: Any) -> None:
    """Run one measurement in a process of its own."""
    if name == "bare":  # a URL and a client
        found = run_loop(bare(*args))
    else:
        found = run_loop(ours(*args))
        checked = check_recording(args[-1])
        assert not checked.problems, checked.problems
        assert checked.rows == found["rows"], "rows were lost"
    found["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result.put(found)


def apart(name: str, *args: Any) -> dict[str, float]:
    """Return what `name` measures in a fresh process."""
    context = multiprocessing.get_context("spawn")
    result: Any = context.Queue()
    worker = context.Process(target=child, args=(result, name, *args))
    worker.start()
    found: dict[str, float] = result.get(timeout=300)
    worker.join()
    return found


def peer(python: str, rest: str, ws: str, frames: int, folder: Path) -> dict[str, float]:
    """Return what cryptofeed takes, in its own interpreter."""
    done = subprocess.run(
        [python, str(PEER), rest, ws, str(frames), str(folder / "lines")],
        capture_output=True, text=True, check=True, timeout=600,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Return all figures."""
    tape = repeated(tape_of(args.data, args.messages), args.times)
    n = len(tape.frames)
    rounds: dict[str, list[dict[str, float]]] = {}
    for _ in range(args.rounds):
        folder = Path(tempfile.mkdtemp(dir=args.folder))
        try:
            with Loopback(tape) as venue:
                for client in installed():
                    name = f"bare {client}"
                    rounds.setdefault(name, []).append(apart("bare", venue.ws, client))
            with Loopback(tape) as venue:
                rounds.setdefault("ours", []).append(
                    apart("ours", venue.rest, venue.ws, n, folder / "rec")
                )
            if args.peer_python:
                with Loopback(tape) as venue:
                    rounds.setdefault("cryptofeed", []).append(
                        peer(args.peer_python, venue.rest, venue.ws, n, folder)
                    )
        finally:
            shutil.rmtree(folder)
    least = {
        name: {
            key: value if isinstance(value, str) else min(one[key] for one in found)
            for key, value in found[0].items()
        }
        for name, found in rounds.items()
    }
    ours_ = least["ours"]
    assert ours_["lost"] == ours_["gaps"] == 0
    ratios = {}
    for client in installed():
        bare_ = least[f"bare {client}"]
        assert bare_["frames"] == n
        ratios[f"log over bare {client}, CPU"] = ours_["cpu_s"] / bare_["cpu_s"]
        ratios[f"Parquet over bare {client}, CPU"] = ours_["all_cpu_s"] / bare_["cpu_s"]
    if "cryptofeed" in least:
        theirs = least["cryptofeed"]
        ratios["cryptofeed over log, CPU"] = theirs["cpu_s"] / ours_["cpu_s"]
        ratios["cryptofeed over Parquet, CPU"] = theirs["cpu_s"] / ours_["all_cpu_s"]
        ratios["cryptofeed over log, time"] = theirs["seconds"] / ours_["seconds"]
    return {
        "frames": n, "rounds": args.rounds, "client": choose_transport(bursts=True), "loop": choose_loop(), "least": least,
        "ratios": ratios, "python": platform.python_version(), "cores": os.cpu_count(),
        "polars": importlib.metadata.version("polars"),
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a collector capture (.gz)")
    parser.add_argument("--messages", type=int, default=90_000)
    parser.add_argument(
        "--times", type=int, default=5, help="how often they are sent, with new ids"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-python", default="", help="interpreter that has cryptofeed")
    parser.add_argument("--folder", help="where to record; default: the temporary folder")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found = run(args)
    for name, least in found["least"].items():
        per = least["cpu_s"] / found["frames"] * 1e6
        sys.stdout.write(
            f"{name:<16} {found['frames'] / least['seconds']:>9,.0f} frames/s  {per:6.2f} us CPU a frame"
            f"  {least.get('rss_mb', 0):6.0f} MB\n"
        )
    for name, ratio in found["ratios"].items():
        sys.stdout.write(f"{name:<40} {ratio:6.2f}\n")
    sys.stdout.write(f"Parquet {found['least']['ours']['bytes_a_row']:.2f} bytes a row\n")
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
