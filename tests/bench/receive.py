"""Receive loop by client: messages a second, latency and memory, each client with each loop.

A server in a process of its own replays captured frames over loopback; each client runs in a fresh
process, in turn, `rounds` times; the best round of each counts::

    python -m tests.bench.receive --json out/receive.json \\
        --data ../shared/data/binance_usdm/capture/btcusdt_20240808.gz

Without captured data a frame of the usual size is repeated, and the result says so.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import gzip
import hashlib
import importlib.metadata
import importlib.util
import itertools
import json
import multiprocessing
import os
import platform
import statistics
import sys
import time
from pathlib import Path

from extrema_nb.net.transport import NATIVE, installed, make_transport

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
LOOPS = ("asyncio", "uvloop")
OPTIONS = {"max_frame": 16 << 20, "ping_s": None, "close_timeout_s": 1.0}
RATE = 2_000  # messages a second while latency is measured: a busy book
DONE = b"done"


def frames_of(path: Path | None, count: int) -> tuple[list[bytes], str]:
    """Return frames to send, and what they are."""
    if path is None or not path.is_file():
        frame = b'{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":1,"s":"BTCUSDT"}}'
        return [frame + b" " * 120] * count, "made up"
    with gzip.open(path) as lines:
        found = [line.partition(b" ")[2].strip() for line in itertools.islice(lines, count)]
    return list(itertools.islice(itertools.cycle(found), count)), path.name


def encode(payload: bytes) -> bytes:
    """Return a text frame of a server."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    """Shake hands; return the path."""
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
    key = next(v.strip() for k, v in fields.items() if k.lower() == b"sec-websocket-key")
    accept = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
    return head.split(b" ")[1].decode()


async def _flood(writer: asyncio.StreamWriter, frames: list[bytes]) -> None:
    """Send everything as fast as it is taken."""
    blocks = [b"".join(frames[i : i + 200]) for i in range(0, len(frames), 200)]
    for block in blocks:
        writer.write(block)
        await writer.drain()


async def _paced(writer: asyncio.StreamWriter, raw: list[bytes], rate: float) -> None:
    """Send frames at a steady rate, each with the time at which it left."""
    begun = time.monotonic()
    for number, payload in enumerate(raw):
        due = begun + number / rate
        while (left := due - time.monotonic()) > 0:
            if left > 0.001:
                await asyncio.sleep(left - 0.0005)
        stamp = b'{"t":%020d,' % time.monotonic_ns()
        writer.write(encode(stamp + payload[1:]))


def serve(port: multiprocessing.Queue, raw: list[bytes]) -> None:
    """Serve until killed."""
    flood = [encode(frame) for frame in raw]

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            path = await _answer(reader, writer)
            if path == "/flood":
                await _flood(writer, flood)
            else:
                await _paced(writer, raw[: int(path.rpartition("/")[2])], RATE)
            writer.write(encode(DONE))
            await reader.read(100)  # a close frame, which nobody answers
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        port.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


async def _receive(client: str, url: str, take) -> tuple[float, float]:
    """Receive until all has come; return wall and CPU seconds from the opened connection on."""
    transport = make_transport(client)
    await transport.open(url, **OPTIONS)
    finished = asyncio.Event()

    def handle(frame: bytes) -> None:
        if frame == DONE:
            finished.set()
        else:
            take(frame)

    began, cpu = time.perf_counter(), time.process_time()
    pump = asyncio.ensure_future(transport.pump(handle))
    await finished.wait()
    taken = time.perf_counter() - began, time.process_time() - cpu
    await transport.close()
    pump.cancel()
    await asyncio.gather(pump, return_exceptions=True)
    return taken


def _most_memory_mb() -> float:
    """Return the most memory that this process has held since it began."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return float("nan")


async def _measure(client: str, host: str, paced: int) -> dict[str, float]:
    seen = [0, 0]

    def count(frame: bytes) -> None:
        seen[0] += 1
        seen[1] += len(frame)

    seconds, cpu_s = await _receive(client, f"ws://{host}/flood", count)
    late: list[int] = []
    await _receive(
        client,
        f"ws://{host}/paced/{paced}",
        lambda frame: late.append(time.monotonic_ns() - int(frame[5:25])),
    )
    late.sort()
    return {
        "messages": seen[0],
        "messages_s": seen[0] / seconds,
        "messages_cpu_s": seen[0] / cpu_s,  # a second of this process: the server's part is not in
        "p50_us": late[len(late) // 2] / 1e3,
        "p99_us": late[len(late) * 99 // 100] / 1e3,
        "rss_mb": _most_memory_mb(),
    }


def client_process(result: multiprocessing.Queue, client: str, loop: str, host: str, paced: int):
    """Measure one client with one loop."""
    if loop == "uvloop":
        import uvloop

        result.put(uvloop.run(_measure(client, host, paced)))
    else:
        result.put(asyncio.run(_measure(client, host, paced)))


def run(args: argparse.Namespace) -> dict[str, object]:
    """Return all figures."""
    raw, what = frames_of(args.data, args.messages)
    context = multiprocessing.get_context("spawn")
    port: multiprocessing.Queue = context.Queue()
    server = context.Process(target=serve, args=(port, raw), daemon=True)
    server.start()
    host = f"127.0.0.1:{port.get()}"
    loops = [loop for loop in LOOPS if importlib.util.find_spec(loop)]
    rounds: dict[tuple[str, str], list[dict[str, float]]] = {}
    try:
        for _ in range(args.rounds):
            for client, loop in itertools.product(installed(), loops):
                result: multiprocessing.Queue = context.Queue()
                worker = context.Process(
                    target=client_process, args=(result, client, loop, host, args.paced)
                )
                worker.start()
                rounds.setdefault((client, loop), []).append(result.get(timeout=300))
                worker.join()
    finally:
        server.terminate()
        server.join()
    rows = []
    for (client, loop), found in rounds.items():
        assert all(row["messages"] == len(raw) for row in found), "messages were lost"
        best: dict[str, object] = {"client": client, "loop": loop}
        for name in ("messages_s", "messages_cpu_s"):
            best[name] = max(row[name] for row in found)
        for name in ("p50_us", "p99_us"):
            best[name] = min(row[name] for row in found)
        best["rss_mb"] = statistics.median(row["rss_mb"] for row in found)
        rows.append(best)
    slowest = min(row["messages_s"] for row in rows)
    for row in rows:
        row["ratio"] = row["messages_s"] / slowest
    return {
        "frames": what,
        "messages": len(raw),
        "bytes_a_message": sum(map(len, raw)) / len(raw),
        "rate": RATE,
        "rounds": args.rounds,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "versions": {
            n: importlib.metadata.version(n) for n in (*installed(), *loops[1:]) if n != NATIVE
        },
        "rows": sorted(rows, key=lambda row: -row["messages_s"]),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="a collector capture (.gz)")
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--paced", type=int, default=6_000, help="messages for latency")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found = run(args)
    sys.stdout.write("client      loop      msg/s    msg/cpu s   p50 us   p99 us  RSS MB  ratio\n")
    for row in found["rows"]:
        sys.stdout.write(
            f"{row['client']:<11} {row['loop']:<8} {row['messages_s']:>9,.0f} "
            f"{row['messages_cpu_s']:>9,.0f} {row['p50_us']:>8.1f} {row['p99_us']:>8.1f} "
            f"{row['rss_mb']:>7.1f} {row['ratio']:>6.2f}\n"
        )
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
