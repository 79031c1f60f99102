"""``extrema-nb venue``: a local venue on loopback.

Binance USD-M with orders, over a capture or simulated traders; every other venue's public side,
over captures (--venue). ``POST /_faults`` makes a public one misbehave, see docs/local-venue.md.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import logging
import math
import signal
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from extrema_nb.cli.common import emit_json, spoke
from extrema_nb.errors import ConfigError

__all__ = ["HELP", "add_arguments", "run"]

HELP = "run a local venue, fed by a capture or by simulated traders"
DEFAULT_PORT = 8899
TRADING = "binance-usdm"  # the one that takes orders

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    feed = parser.add_mutually_exclusive_group(required=True)
    feed.add_argument("--simulate", action="store_true", help="simulated traders; needs no data")
    feed.add_argument(
        "--capture", nargs="+", type=Path, metavar="FILE",
        help="replay captured files, of the collector or of cryptofeed",
    )  # fmt: skip
    parser.add_argument(
        "--venue", default=TRADING, help=f"whose words to speak (default {TRADING})"
    )
    parser.add_argument(
        "--public", action="store_true",
        help=f"of {TRADING} the public side only, as for other venues: no orders, faults on command",
    )  # fmt: skip
    parser.add_argument("--speed", default="1", help="of a capture: 1, 50, ... or max (default 1)")
    parser.add_argument(
        "--start-now", action="store_true", help="do not wait for the first subscription"
    )
    parser.add_argument("--exit-at-end", action="store_true", help="stop when the capture is over")
    parser.add_argument("--seed", type=int, default=0, help="of the simulated traders (default 0)")
    parser.add_argument(
        "--symbols", default="BTCUSDT,ETHUSDT", help="to simulate (default BTCUSDT,ETHUSDT)"
    )
    parser.add_argument(
        "--rate", type=float, default=200.0,
        help="actions of the simulated traders a second and symbol (default 200)",
    )  # fmt: skip
    parser.add_argument("--start-price", help="of simulated symbols without a usual price")
    parser.add_argument("--balance", default="100000", help="start balance, USDT (default 100000)")
    parser.add_argument("--maker-fee", default="0.0002", help="fraction of value (default 0.0002)")
    parser.add_argument("--taker-fee", default="0.0005", help="fraction of value (default 0.0005)")
    parser.add_argument(
        "--funding-rate", metavar="RATE",
        help="with --simulate: fraction of value that positions pay each time (default 0)",
    )  # fmt: skip
    parser.add_argument(
        "--funding-every", metavar="SECONDS",
        help="with --simulate: how often, at whole multiples (default 28800)",
    )  # fmt: skip
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default 127.0.0.1)")
    parser.add_argument(
        "--port",
        type=int,
        default=DEFAULT_PORT,
        help=f"0 takes a free one (default {DEFAULT_PORT})",
    )
    parser.add_argument(
        "--json", action="store_true", help="tell the addresses as one line of JSON when ready"
    )


def _number(name: str, text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ConfigError(f"{name} is {text!r}, expected a number") from None
    if not value.is_finite():
        raise ConfigError(f"{name} is {text!r}, expected a finite number")
    return value


def _speed(text: str) -> float:
    if text == "max":
        return math.inf
    value = float(_number("--speed", text))
    if value <= 0:
        raise ConfigError(f"--speed is {text}, expected a positive number or 'max'")
    return value


def _funding(args: argparse.Namespace) -> Any:
    """Return what positions pay at the simulated market."""
    rate = _number("--funding-rate", args.funding_rate or "0")
    every = _number("--funding-every", args.funding_every or "28800")
    return spoke("replay.local_venue.port").Terms(rate, int(every * 1000))


def _market(args: argparse.Namespace) -> Any:
    if args.capture:
        market = spoke("replay.local_venue.capture_feed").CapturedMarket
        return market(args.capture, speed=_speed(args.speed), settle=not args.start_now)
    price = None if args.start_price is None else _number("--start-price", args.start_price)
    symbols = [s.strip().upper() for s in args.symbols.split(",") if s.strip()]
    market = spoke("replay.local_venue.simulate").SimulatedMarket
    return market(
        seed=args.seed, symbols=symbols, rate=args.rate, start_price=price, funding=_funding(args)
    )


def _warn_if_open(host: str) -> None:
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback:
        log.warning("the local venue listens on %s: everybody who reaches it may trade there", host)


def _server(args: argparse.Namespace) -> tuple[Any, list[str]]:
    """Return the venue that was asked for, and its symbols."""
    if (args.funding_rate or args.funding_every) and args.capture:
        raise ConfigError(
            "--funding-rate and --funding-every are of --simulate; a capture states its own funding"
        )
    if args.public or args.venue != TRADING:
        if not args.capture:
            raise ConfigError(f"--simulate trades on {TRADING} alone; give --capture FILE…")
        venue = spoke("replay.local_venue.public.server").PublicVenue(
            args.venue,
            args.capture,
            speed=_speed(args.speed),
            host=args.host,
            port=args.port,
            start_now=args.start_now,
        )
        return venue, venue.symbols
    _warn_if_open(args.host)
    market = _market(args)
    venue = spoke("replay.local_venue.server").VenueServer(
        market,
        host=args.host,
        port=args.port,
        balance=_number("--balance", args.balance),
        maker_fee=_number("--maker-fee", args.maker_fee),
        taker_fee=_number("--taker-fee", args.taker_fee),
        start_now=args.start_now or args.simulate,
    )
    return venue, list(market.specs)


async def _serve(args: argparse.Namespace) -> int:
    server, symbols = _server(args)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with server:
        _tell_ready(args, server, symbols)
        stopped = loop.create_task(stop.wait())
        finished = loop.create_task(server.finished.wait())
        await asyncio.wait({stopped, finished}, return_when=asyncio.FIRST_COMPLETED)
        failed = server.failure()
        if failed is None and not args.exit_at_end:
            await stopped  # the end of a capture leaves the venue open
        stopped.cancel()
        finished.cancel()
    if failed is not None:
        raise failed
    return 0


def _tell_ready(args: argparse.Namespace, server: Any, symbols: list[str]) -> None:
    if args.json:
        emit_json(
            {
                "rest_url": server.rest_url, "ws_url": server.ws_url, "port": server.port,
                "symbols": symbols, "venue": args.venue, "feed": "capture" if args.capture else "simulate",
            }
        )  # fmt: skip
        return
    sys.stdout.write(
        f"local venue ready: REST {server.rest_url}  WebSocket {server.ws_url}  "
        f"symbols {','.join(symbols)}; Ctrl-C stops it\n"
    )
    sys.stdout.flush()


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop."""
    return asyncio.run(_serve(args))
