"""Record venues' public streams to Parquet until it is told to stop.

    extrema-nb record CONFIG.toml
    extrema-nb record --venue okx --instruments 'top 20 by volume' --channels trade,book --out rec

Ctrl-C or SIGTERM stops cleanly. A recording that was killed loses at most --flush-s and is mended
by the next start; the same --out continues it. What the command line says wins over the file.
Instruments are names, symbols, patterns such as '*_USDT_PERP', 'top 50 by volume', '!NOT_THIS*'.
On a terminal a table shows how it goes, elsewhere a line every five seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from typing import Any

HELP = "live rows of venues into Parquet"

__all__ = ["HELP", "add_arguments", "run"]

PLAIN_S = 5.0  # between lines where stderr is a file
LISTS = ("instruments", "channels")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add("file", nargs="?", metavar="CONFIG.toml", help="settings; the options win")
    add("--config", metavar="FILE.toml", help="the same")
    add("--venue", metavar="V", help="venue id (binance-usdm); several stand in the file")
    add("--instruments", metavar="WORDS", help="BTC_USDT_PERP,'*_USDC_PERP','top 50 by volume',…")
    add("--channels", metavar="WORDS", help="trade,bbo,book,agg_trade,candle_1m,… (trade,bbo,book)")
    add("--out", metavar="DIR", help="folder, an existing one is continued; or s3://bucket/prefix")
    add("--rest", "--endpoint-rest", dest="rest", metavar="URL", help="another REST address, such as a local venue's")  # fmt: skip
    add("--ws", "--endpoint-ws", dest="ws", metavar="URL", help="another WebSocket address")
    add(
        "--client",
        metavar="NAME",
        help="WebSocket client: picows, aiohttp, websockets, native (auto)",
    )
    add("--proxy", metavar="URL", help="http://host:3128 or socks5://host:1080")
    add("--lines", type=int, metavar="N", help="2: two connections with the same streams (1)")
    add("--seconds", type=float, metavar="N", help="stop after so long")
    add("--raw", action="store_true", default=None, help="keep the frames as received too")
    add("--flush-s", type=float, metavar="N", help="s that a killed recorder may lose (0.2)")
    add("--fsync-s", type=float, metavar="N", help="s that a power cut may cost (1)")
    add("--rotate-s", type=float, metavar="N", help="s until rows become Parquet (3600)")
    add("--rotate-mb", type=float, metavar="N", help="MB of rows until they do (128)")
    add("--queue-mb", type=float, metavar="N", help="MB of rows that wait in memory (64)")
    add("--spill", metavar="DIR", help="more of them wait here, best on another disk (auto)")
    add("--snapshot-s", type=float, metavar="N", help="s between snapshots of books (300; 0 none)")
    add("--status-s", type=float, metavar="N", help="s between rows about lag (10; 0 none)")
    add(
        "--poll-s",
        type=float,
        metavar="N",
        help="s in which open interest that is not pushed is polled (60)",
    )
    add("--give-up-s", type=float, metavar="N", help="s that a full disk is waited for (60)")
    add("--keep-days", type=float, metavar="N", help="delete what is older (0: nothing)")
    add("--keep-gb", type=float, metavar="N", help="delete the oldest beyond this (0: nothing)")
    add("--copy-to", metavar="URL", help="second place: a folder or an object store")
    add("--metrics", metavar="[HOST:]PORT", help="serve Prometheus metrics, on loopback")
    add("--connect-timeout", type=float, dest="connect_timeout_s", metavar="N",
        help="give up when nothing has come after so many s; otherwise try for ever")  # fmt: skip
    add("--json", action="store_true", help="print one JSON object last")


def run(args: argparse.Namespace) -> int:
    """Record and say what was recorded."""
    from extrema_nb.cli.common import emit_json, output_folder, spoke
    from extrema_nb.net.loop import run as run_loop

    settings = _settings(args, spoke("recorders.settings").RecordSettings)
    settings.check()
    output_folder("--out", settings.folder)
    report = run_loop(_main(spoke("recorders.recorder"), settings))
    if args.json:
        emit_json(report)
    else:
        sys.stdout.write(_line(report) + "\n")
    return 0


def _settings(args: argparse.Namespace, shape: Any) -> Any:
    """Return the TOML file's settings with those of the command line over them."""
    import msgspec

    from extrema_nb.config import load_toml
    from extrema_nb.errors import ConfigError

    given = {
        name: getattr(args, name)
        for name in shape.__struct_fields__
        if getattr(args, name, None) is not None
    }
    for name in LISTS:
        if name in given:
            given[name] = [word.strip() for word in given[name].split(",") if word.strip()]
    if args.file and args.config and args.file != args.config:
        raise ConfigError(f"two files are named, {args.file} and {args.config}; give one")
    if args.file or args.config:
        return msgspec.structs.replace(load_toml(args.file or args.config, shape), **given)
    for name in ("out", "instruments"):
        if name not in given:
            raise ConfigError(f"--{name} is missing; see extrema-nb record --help")
    return shape(**given)


async def _main(recorder: Any, settings: Any) -> Any:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if not sys.stderr.isatty():
        settings.progress_s = max(settings.progress_s, PLAIN_S)  # a log needs no line a second
        return await recorder.record(settings, stop, tell=_tell_line)

    from rich.console import Console
    from rich.live import Live

    rates = _Rates()
    with Live(console=Console(stderr=True), auto_refresh=False) as live:
        return await recorder.record(
            settings, stop, tell=lambda report: live.update(_table(report, rates), refresh=True)
        )


def _tell_line(report: dict[str, Any]) -> None:
    sys.stderr.write(_line(report) + "\n")
    sys.stderr.flush()


def _line(report: dict[str, Any]) -> str:
    """Return how it goes in one line."""
    if "feed" not in report:
        return f"{report['out']}: stopped before anything was recorded"
    rows = report["recorder"]
    words = [
        f"{report['rows']:,} rows",
        f"{report['rows_per_second']:,.0f} rows/s",
        f"lag {report['last_lag_us'] / 1e3:,.1f} ms",
        f"{report['gaps']} gaps",
        f"{report['reconnects']} reconnects",
        f"{rows['log_bytes'] / 1e6:,.1f} MB logged",
        f"{rows['parquet_bytes'] / 1e6:,.2f} MB Parquet",
    ]
    return f"{report['out']}: " + ", ".join(words + _troubles(report))


def _troubles(report: dict[str, Any]) -> list[str]:
    """Return what a person should look at."""
    rows = report["recorder"]
    words = [
        f"{rows[name]:,} {text}"
        for name, text in (
            ("lost", "rows LOST"), ("spilled_rows", "rows spilled"), ("refusals", "refusals of the disk"),
            ("recovered", "rows recovered"),
        ) if rows[name]
    ]  # fmt: skip
    if report["decode_errors"]:
        words.append(f"{report['decode_errors']} bad frames")
    if report.get("upkeep", {}).get("troubles"):
        words.append(f"{report['upkeep']['troubles']} troubles of upkeep")
    return words


class _Rates:
    """Differences between one report and the next, a second."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[float, float]] = {}

    def of(self, name: str, value: float) -> float:
        now = time.monotonic()
        before, at = self._last.get(name, (value, now))
        self._last[name] = value, now
        return (value - before) / (now - at) if now > at else 0.0


def _table(report: dict[str, Any], rates: _Rates) -> Any:
    """Return the table that a terminal shows: a row a venue, one of all."""
    from rich.table import Table

    rows = report["recorder"]
    table = Table(
        title=f"{report['out']}, {report['seconds']:,.0f} s",
        caption=", ".join(_troubles(report)) or "nothing lost",
    )
    for name in ("venue", "rows", "rows/s", "frames/s", "MB/s", "lag ms", "clock ms", "gaps",
                 "reconnects"):  # fmt: skip
        table.add_column(name, justify="left" if name == "venue" else "right")
    for venue, told in report["venues"].items():
        offset = told.get("clock_offset_us")
        table.add_row(
            venue if told.get("connected") else f"{venue} (connecting)",
            f"{told['rows']:,}",
            f"{rates.of(venue + ' rows', told['rows']):,.0f}",
            f"{rates.of(venue + ' frames', told['frames']):,.0f}",
            f"{rates.of(venue + ' bytes', told['bytes']) / 1e6:,.2f}",
            f"{told['last_lag_us'] / 1e3:,.1f}",
            "" if offset is None else f"{offset / 1e3:,.1f}",
            f"{told['gaps']}",
            f"{told['reconnects']}",
        )
    table.add_section()
    table.add_row(
        "on disk",
        f"{rows['flushed']:,}",
        f"{rates.of('flushed', rows['flushed']):,.0f}",
        "",
        f"{rates.of('log', rows['log_bytes']) / 1e6:,.2f}",
        "",
        "",
        f"{rows['log_bytes'] / 1e6:,.1f} MB",
        f"{rows['parquet_bytes'] / 1e6:,.2f} MB",
    )
    return table
