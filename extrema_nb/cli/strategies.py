"""Strategies, models and risk limits from the words of the command line."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from extrema_nb.cli.common import load_object, spoke
from extrema_nb.errors import ConfigError

__all__ = [
    "add_reading_arguments",
    "add_source_arguments",
    "add_strategy_arguments",
    "load_models",
    "load_strategies",
    "open_arguments",
    "risk_limits",
    "strategy_maker",
    "timers",
]


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which files to read, and what of them."""
    parser.add_argument(
        "path", nargs="+", help="recordings, captures or other files, of any days and venues"
    )
    parser.add_argument("--format", help="of the files, such as tardis; found by looking")
    parser.add_argument("--venue", help="venue of the files, where they do not show it")
    parser.add_argument("--symbol", help="symbol of the files, where they do not show it")
    parser.add_argument("--tick", type=float, help="least step of price, where it is not found")
    parser.add_argument("--instruments", metavar="NAMES", help="only these, comma-separated")
    parser.add_argument("--start", help="from this time on (ISO 8601 or µs)")
    parser.add_argument("--end", help="before this time")
    parser.add_argument("--skip-bad", action="store_true", help="count bad lines, go on")
    parser.add_argument("--sort", action="store_true", help="put rows in order of receive time")


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what rows to read, and what to make of them."""
    add_reading_arguments(parser)
    parser.add_argument(
        "--cache",
        action="store_true",
        help="keep the rows and what backtests make of them: the next run starts at once",
    )
    parser.add_argument(
        "--candles", type=float, metavar="SECONDS", help="make candles of trades, so long each"
    )
    parser.add_argument(
        "--feed-shift",
        action="append",
        default=[],
        metavar="NAME=US",
        help="let rows of an instrument arrive so many µs later: another region",
    )
    parser.add_argument(
        "--book-from",
        choices=["bbo", "trades", "candles", "orders"],
        help="make a book of such rows, for data that has none; see docs/exchange-models.md",
    )


def add_strategy_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which strategies to run, and with what."""
    parser.add_argument(
        "--strategy",
        action="append",
        required=True,
        metavar="MODULE:CLASS",
        help="such as strategies.grid_maker:GridMaker; several make one kernel",
    )
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="[K.]NAME=VALUE",
        help="a parameter, of the K-th strategy (0 the first) if several are given",
    )
    parser.add_argument(
        "--timer",
        action="append",
        type=float,
        metavar="SECONDS",
        help="a scheduler for on_schedule (ids 1, 2, …); 0.1 s unless given",
    )
    parser.add_argument(
        "--risk", action="append", default=[], metavar="NAME=VALUE", help="a risk limit"
    )
    parser.add_argument("--seed", type=int, default=0, help="of ctx.random")


def open_arguments(args: argparse.Namespace, *, thrifty: bool = False) -> Any:
    """Return the source that the arguments ask for; a thrifty one takes less memory, more time."""
    from extrema_nb.cli.common import parse_time

    sources = spoke("replay.sources")
    source = sources.open_together(
        args.path,
        format=args.format,
        instruments=args.instruments.split(",") if args.instruments else None,
        start=parse_time(args.start) if args.start else None,
        end=parse_time(args.end) if args.end else None,
        venue=args.venue,
        symbol=args.symbol,
        tick=args.tick,
        skip_bad=args.skip_bad,
        sort=args.sort,
        cache=args.cache,
        held_rows=sources.FEW_ROWS if thrifty else sources.HELD_ROWS,
    )
    if args.candles is not None:
        source = spoke("replay.candles").CandleSource(source, args.candles)
    if args.feed_shift:
        shift = spoke("replay.shift")
        source = shift.FeedShift(source, shift.parse_shifts(args.feed_shift))
    if args.book_from is not None:
        source = spoke("replay.inputs").BookFrom(source, args.book_from)
    return source


def _number(text: str) -> Any:
    words = {"true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    try:
        value = int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):  # a limit or quantity that is none would switch things off in silence
        raise ConfigError(f"{text!r} is no number; parameters are numbers or true, false")
    return value


def _pairs(words: Sequence[str]) -> list[tuple[str, Any]]:
    out = []
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals and value):
            raise ConfigError(f"{word!r} is no setting; expected NAME=VALUE")
        out.append((name.strip(), _number(value.strip())))
    return out


def load_strategies(args: argparse.Namespace) -> list[Any]:
    """Return the strategy instances that the arguments ask for, with their parameters."""
    return strategy_maker(args)({})


def strategy_maker(args: argparse.Namespace) -> Callable[[Mapping[str, Any]], list[Any]]:
    """Return what makes the strategies that the arguments ask for, with more parameters."""
    fixed = _pairs(args.param)
    classes = []
    for path in args.strategy:
        made = load_object(path)
        if not (isinstance(made, type) and hasattr(made, "handlers")):
            raise ConfigError(f"{path} is no strategy; expected a class derived from xnb.Strategy")
        classes.append(made)

    def make(values: Mapping[str, Any]) -> list[Any]:
        params: list[dict[str, Any]] = [{} for _ in classes]
        for name, value in (*fixed, *values.items()):
            place, dot, rest = name.partition(".")
            at = int(place) if dot and place.isdigit() else 0
            if at >= len(params) or (not dot and len(params) > 1):
                raise ConfigError(
                    f"--param {name}: {len(params)} strategies are given; write K.NAME=VALUE with "
                    f"K from 0 to {len(params) - 1}"
                )
            params[at][rest if dot else name] = value
        return [made(**given) for made, given in zip(classes, params, strict=True)]

    return make


def risk_limits(args: argparse.Namespace) -> Any:
    """Return the RiskLimits of ``--risk NAME=VALUE`` words."""
    from extrema_nb.errors import nearest
    from extrema_nb.strategy.risk import RiskLimits

    values = dict(_pairs(args.risk))
    for name in values:
        if name not in RiskLimits.__struct_fields__:
            raise ConfigError(
                f"unknown risk limit {name!r}" + nearest(name, RiskLimits.__struct_fields__)
            )
    return RiskLimits(**values)


def timers(args: argparse.Namespace) -> tuple[tuple[int, float], ...]:
    """Return (id, seconds) of the schedulers."""
    return tuple((i + 1, seconds) for i, seconds in enumerate(args.timer or [0.1]))


def load_models(words: Sequence[str]) -> Mapping[int, Any]:
    """Return task id → runner of ``ID=TARGET`` words; a target is a path or ``zmq:PORT``."""
    models = {}
    for word in words:
        number, equals, target = word.partition("=")
        if not (equals and target and number.isdigit()):
            raise ConfigError(f"{word!r} is no model; expected ID=PATH.onnx or ID=zmq:PORT")
        kind, _, port = target.partition(":")
        if kind == "zmq":
            models[int(number)] = spoke("ml.zmq_runner").open_runner(port)
        else:
            models[int(number)] = spoke("ml.onnx_runner").open_runner(target)
    return models
