"""Look at this machine and say what is there, what is missing and how to get it.

Exit code 1 if something is missing that the library can not do without.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.metadata
import os
import platform
import re
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from extrema_nb import __version__
from extrema_nb.cli.common import emit_json
from extrema_nb.errors import ConfigError, ExtremaError, VenueError

__all__ = ["HELP", "Check", "add_arguments", "examine", "run"]

HELP = "check versions, folders, clock, ports, and say what is missing"

OK, NOTE, MISSING = "ok", "note", "missing"

PYTHON_FLOOR = (3, 11)
IMPORT_NAMES = {"python-dotenv": "dotenv", "pyzmq": "zmq"}  # where they differ from the package's
OPTIONAL = {
    "uvloop": ("a quicker event loop for live trading", "pip install 'extrema-nb[fast]'"),
    "onnx": ("builds ONNX models; running them needs only onnxruntime", "pip install onnx"),
}
DISK_LOW, DISK_NONE = 5e9, 0.5e9  # bytes: a busy day of one venue is some 5 GB of Parquet
CLOCK_NOTE_US, CLOCK_MISSING_US = 100_000, 1_000_000  # µs; Binance refuses 1 s ahead of its clock
CLOCK_TRIES = 5  # the quickest answer counts
TIME_PATH = "/fapi/v1/time"  # where --url names only a host


class Check(msgspec.Struct):
    """One thing that was looked at."""

    name: str
    status: str  # "ok", "note" (works without), "missing" (does not)
    found: str
    remedy: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--url", help="a venue's time endpoint, to compare our clock with")
    parser.add_argument("--port", type=int, default=0, help="a port that must be free on 127.0.0.1")
    parser.add_argument("--out", default=".", help="the folder where recordings will go")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Run all checks; return 1 if something needed is missing."""
    checks = examine(url=args.url, port=args.port, out=Path(args.out))
    missing = [check for check in checks if check.status == MISSING]
    if args.json:
        emit_json({"ok": not missing, "version": __version__, "checks": checks})
        return int(bool(missing))
    width = max(len(check.name) for check in checks)
    for check in checks:
        print(f"{check.status:8}{check.name:{width}}  {check.found}")
        if check.remedy:
            print(f"{'':8}{'':{width}}  → {check.remedy}")
    names = ", ".join(check.name for check in missing)
    print(f"missing: {names}" if missing else "everything that is needed is there")
    return int(bool(missing))


def examine(*, url: str | None = None, port: int = 0, out: Path = Path()) -> list[Check]:
    """Return the result of every check, in the order in which they are best read."""
    probes: list[Callable[[], Check]] = [
        _python,
        _machine,
        _cache,
        _compiler,
        lambda: _disk(out),
        lambda: _venue_clock(url) if url else _own_clock(),
        lambda: _port(port),
    ]
    head, *rest = [probe() for probe in probes]
    return [head, *_packages(), *rest, *_optional(), *_credentials()]


def _python() -> Check:
    found = f"{platform.python_version()} ({platform.python_implementation()})"
    if sys.version_info < PYTHON_FLOOR:
        wanted = ".".join(map(str, PYTHON_FLOOR))
        return Check("python", MISSING, found, f"install Python {wanted} or later")
    return Check("python", OK, found)


def _packages() -> Iterator[Check]:
    """Check what the installed package says that it requires."""
    try:
        requirements = importlib.metadata.requires("extrema-nb") or []
    except importlib.metadata.PackageNotFoundError:
        yield Check("extrema-nb", MISSING, "not installed", "pip install -e . in the checkout")
        return
    for requirement in sorted(requirements):
        match = re.match(r"([\w.-]+)(?:>=([\d.]+))?", requirement)
        if match and "extra ==" not in requirement:
            yield _package(match[1], match[2] or "0")


def _package(name: str, floor: str) -> Check:
    try:
        found = importlib.metadata.version(name)
        importlib.import_module(IMPORT_NAMES.get(name, name))
    except importlib.metadata.PackageNotFoundError:
        return Check(name, MISSING, "not installed", f"pip install '{name}>={floor}'")
    except ImportError as error:
        remedy = f"pip install --force-reinstall '{name}>={floor}'"
        return Check(name, MISSING, f"cannot be imported: {error}", remedy)
    if _numbers(found) < _numbers(floor):
        return Check(name, MISSING, f"{found}, too old", f"pip install '{name}>={floor}'")
    return Check(name, OK, found)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def _machine() -> Check:
    return Check("machine", OK, f"{os.cpu_count()} cores, {platform.platform(terse=True)}")


def _cache() -> Check:
    try:
        from extrema_nb import jit

        folder = jit.cache_dir()
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except ImportError:
        return Check("kernel cache", NOTE, "not looked at", "first make numba importable")
    except (ConfigError, OSError) as error:
        remedy = "set EXTREMA_NB_CACHE_DIR to a folder that can be written"
        return Check("kernel cache", MISSING, str(error), remedy)
    files = [entry.stat().st_size for entry in os.scandir(folder) if entry.is_file()]
    found = f"{folder}, {len(files)} files, {sum(files) / 1e6:.1f} MB"
    return Check("kernel cache", OK, found)


def _compiler() -> Check:
    try:
        from extrema_nb import jit
    except ImportError as error:
        return Check("compiler", MISSING, f"cannot be imported: {error}", "reinstall numba")
    if not jit.ENABLED:
        remedy = "unset NUMBA_DISABLE_JIT to trade or backtest at full speed"
        return Check("compiler", NOTE, "off: kernels run as plain Python", remedy)

    def probe(n: int) -> int:
        total = 0
        for i in range(n):
            total += i
        return total

    started = time.perf_counter()
    try:
        result = jit.kernel(probe, cache=False)(10)
    except (ImportError, OSError, RuntimeError) as error:  # a broken LLVM or a forbidden mmap
        return Check("compiler", MISSING, f"{type(error).__name__}: {error}", "reinstall numba")
    seconds = time.perf_counter() - started
    if result != 45:
        return Check("compiler", MISSING, f"computed {result} instead of 45", "reinstall numba")
    bounds = ", bounds checks on" if jit.BOUNDS_CHECK else ""
    return Check("compiler", OK, f"a small kernel compiled in {seconds:.2f} s{bounds}")


def _disk(folder: Path) -> Check:
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Check(
            "disk", MISSING, f"{folder}: {error.strerror}", "give an existing --out folder"
        )
    found = f"{free / 1e9:.1f} GB free in {folder.resolve()}"
    remedy = "a busy venue records some 5 GB a day; free some space or choose another --out"
    if free < DISK_LOW:
        return Check("disk", MISSING if free < DISK_NONE else NOTE, found, remedy)
    return Check("disk", OK, found)


def _own_clock() -> Check:
    """Compare the wall clock with the monotonic one for a moment: a step shows as a difference."""
    before = time.time_ns() - time.monotonic_ns()
    time.sleep(0.05)
    step_us = abs(time.time_ns() - time.monotonic_ns() - before) // 1000
    if step_us > 1_000:
        return Check(
            "clock", NOTE, f"wall clock stepped {step_us} µs in 50 ms", "let ntpd or chrony run"
        )
    remedy = "compare it with a venue: extrema-nb doctor --url https://HOST" + TIME_PATH
    return Check("clock", OK, "wall and monotonic clock agree", remedy)


def _venue_clock(url: str) -> Check:
    try:
        offset_us, round_trip_us = asyncio.run(_clock_offset(url))
    except VenueError as error:
        return Check("clock", MISSING, str(error), "give a --url that can be reached")
    found = f"venue is {offset_us:+,} µs from ours (round trip {round_trip_us:,} µs)"
    remedy = "let ntpd or chrony set the clock; orders far from the venue's time are refused"
    if abs(offset_us) > CLOCK_NOTE_US:
        status = MISSING if abs(offset_us) > CLOCK_MISSING_US else NOTE
        return Check("clock", status, found, remedy)
    return Check("clock", OK, found)


async def _clock_offset(url: str) -> tuple[int, int]:
    """Return (offset of the venue's clock, round trip), both µs, of the quickest of some tries."""
    from extrema_nb.net.http import HttpClient

    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ConfigError(f"--url {url!r} is no address; expected https://HOST{TIME_PATH}")
    path = parts.path if parts.path.strip("/") else TIME_PATH
    client = HttpClient(f"{parts.scheme}://{parts.netloc}", timeout_s=5.0)
    best = (0, 1 << 62)
    try:
        for _ in range(CLOCK_TRIES):
            sent = time.time_ns() // 1000
            answer = await client.request("GET", path, parts.query)
            back = time.time_ns() // 1000
            offset = _server_time_us(answer.body) - (sent + back) // 2
            best = min(best, (offset, back - sent), key=lambda pair: pair[1])
    finally:
        await client.close()
    return best


class _ServerTime(msgspec.Struct, rename="camel"):
    server_time: int  # ms


def _server_time_us(raw: bytes) -> int:
    try:
        return msgspec.json.decode(raw, type=_ServerTime).server_time * 1000
    except msgspec.DecodeError as error:
        raise VenueError(f"the time endpoint answered something else: {error}") from error


def _port(port: int) -> Check:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            remedy = "choose another --port; 0 takes any free one"
            return Check("port", MISSING, f"127.0.0.1:{port}: {reason}", remedy)
        return Check("port", OK, f"127.0.0.1:{probe.getsockname()[1]} can be opened")


def _optional() -> Iterator[Check]:
    for name, (use, how) in OPTIONAL.items():
        try:
            yield Check(name, OK, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Check(name, NOTE, f"not installed: {use}", how)


def _credentials() -> Iterator[Check]:
    """Say which credentials are set: names only, never a value."""
    from extrema_nb.execution.credentials import VARIABLES, load_credentials

    for venue, names in VARIABLES.items():
        both = " and ".join(names)
        try:
            load_credentials(venue)
        except ExtremaError:
            remedy = f"set {both} in the environment or in .env to trade live; paper needs none"
            yield Check(f"credentials {venue}", NOTE, "not set", remedy)
        else:
            yield Check(f"credentials {venue}", OK, f"{both} are set")
