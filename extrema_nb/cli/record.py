"""Record a venue's public streams to Parquet until it is told to stop.

Ctrl-C or SIGTERM stops cleanly. A recording that was killed loses at most --flush-s and is mended
by the next start; the same --out continues it. Settings may come from a TOML file (--config); what
the command line says wins.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from typing import Any

HELP = "live rows of a venue into Parquet"

__all__ = ["HELP", "add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add("--config", metavar="FILE.toml", help="settings; the other options win")
    add("--venue", help="venue id (binance-usdm)")
    add("--instruments", metavar="NAMES", help="BTC_USDT_PERP,…")
    add("--channels", metavar="WORDS", help="trade,bbo,book,agg_trade,candle_1m,… (trade,bbo,book)")
    add("--out", metavar="DIR", help="folder of the recording; an existing one is continued")
    add("--rest", metavar="URL", help="REST address of a local venue")
    add("--ws", metavar="URL", help="WebSocket address of a local venue")
    add("--client", metavar="NAME", help="WebSocket client: picows, aiohttp, websockets (auto)")
    add("--proxy", metavar="URL", help="http://host:3128 or socks5://host:1080")
    add("--lines", type=int, metavar="N", help="2: two connections with the same streams (1)")
    add("--seconds", type=float, metavar="N", help="stop after so long")
    add("--raw", action="store_true", default=None, help="keep the frames as received too")
    add("--flush-s", type=float, metavar="N", help="s that a killed recorder may lose (1)")
    add("--fsync-s", type=float, metavar="N", help="s that a power cut may cost (5)")
    add("--rotate-s", type=float, metavar="N", help="s until rows become Parquet (3600)")
    add("--rotate-mb", type=float, metavar="N", help="MB until they do (128)")
    add("--connect-timeout", type=float, dest="connect_timeout_s", metavar="N",
        help="give up when nothing has come after so many s; otherwise try for ever")  # fmt: skip
    add("--json", action="store_true", help="print one JSON object last")


def run(args: argparse.Namespace) -> int:
    """Record and say what was recorded."""
    from extrema_nb.cli.common import emit_json, output_folder, spoke

    recorder = spoke("recorders.recorder")
    settings = _settings(args, recorder.RecordSettings)
    settings.check()
    output_folder("--out", settings.out)
    report = asyncio.run(_main(recorder, settings))
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
    for name in ("instruments", "channels"):
        if name in given:
            given[name] = [word.strip() for word in given[name].split(",") if word.strip()]
    if args.config:
        return msgspec.structs.replace(load_toml(args.config, shape), **given)
    for name in ("out", "instruments"):
        if name not in given:
            raise ConfigError(f"--{name} is missing; see extrema-nb record --help")
    return shape(**given)


async def _main(recorder: Any, settings: Any) -> Any:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    tty = sys.stderr.isatty()

    def tell(report: dict[str, Any]) -> None:
        sys.stderr.write(f"\r\033[K{_line(report)}" if tty else _line(report) + "\n")
        sys.stderr.flush()

    if not tty:  # a log needs no line a second
        settings.progress_s = max(settings.progress_s, 5.0)
    try:
        return await recorder.record(settings, stop, tell=tell)
    finally:
        if tty:
            sys.stderr.write("\n")


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
    for name, text in (
        ("lost", "rows LOST"),
        ("spills", "spills"),
        ("recovered", "rows recovered"),
    ):
        if rows[name]:
            words.append(f"{rows[name]:,} {text}")
    if report["decode_errors"]:
        words.append(f"{report['decode_errors']} bad frames")
    return f"{report['out']}: " + ", ".join(words)
