"""What commands with a simulated exchange let one assume about it."""

from __future__ import annotations

import argparse
from typing import Any

from extrema_nb.cli.common import load_object, spoke
from extrema_nb.errors import ConfigError

__all__ = ["add_exchange_arguments", "add_run_arguments", "backtest_config", "exchange_config"]


def add_exchange_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the assumptions about the exchange."""
    parser.add_argument(
        "--queue", default="risk_averse",
        help="queue model: risk_averse, power, power2, power3, log, log2, through, fifo, or MODULE:FUNCTION",
    )  # fmt: skip
    parser.add_argument("--queue-n", type=float, help="exponent of power queues (2 unless given)")
    parser.add_argument("--latency-us", type=int, default=0, help="order latency to the exchange")
    parser.add_argument(
        "--response-us", type=int, help="latency of reports back; as --latency-us unless given"
    )
    parser.add_argument(
        "--latency", metavar="MODEL",
        help="instead of the two above: constant:ENTRY,RESPONSE, feed:FACTOR,OFFSET, table:FILE "
        "(extrema-nb latency makes one), sampled:lognormal,MEAN,SIGMA[,SEED], …; µs",
    )  # fmt: skip
    _add_fee_arguments(parser)
    _add_funding_arguments(parser)
    _add_margin_arguments(parser)
    parser.add_argument(
        "--partial", action="store_true", help="fill orders in parts, by the volume there is"
    )
    parser.add_argument(
        "--consume", action="store_true",
        help="own orders use up the volume they trade with, and never trade with each other",
    )  # fmt: skip
    parser.add_argument(
        "--self-trade", metavar="RULE",
        help="with --consume, which order goes where two of ours would trade: cancel_newest "
        "(the default), cancel_oldest, cancel_both",
    )  # fmt: skip


def _add_fee_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what executions cost; negative is a rebate."""
    parser.add_argument("--maker-fee", type=float, help="fraction of value; else the instrument's")
    parser.add_argument("--taker-fee", type=float, help="fraction of value; else the instrument's")
    parser.add_argument(
        "--buy-fee", type=float, default=0.0, help="fraction of value, on top when buying"
    )
    parser.add_argument(
        "--sell-fee", type=float, default=0.0,
        help="fraction of value, on top when selling, such as a stamp duty",
    )  # fmt: skip
    parser.add_argument(
        "--maker-per-unit",
        type=float,
        default=0.0,
        help="for each unit of quantity, such as a share",
    )
    parser.add_argument(
        "--taker-per-unit",
        type=float,
        default=0.0,
        help="for each unit of quantity, such as a share",
    )
    parser.add_argument("--fee-per-fill", type=float, default=0.0, help="for each execution")
    parser.add_argument(
        "--fees", metavar="FILE", help="fees of single instruments: .toml, a table an instrument"
    )


def _add_funding_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what positions pay for being held."""
    parser.add_argument(
        "--no-funding", action="store_true",
        help="positions do not pay the funding that FUNDING rows state",
    )  # fmt: skip


def _add_margin_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the margin that the exchange asks for; without a balance it asks for none."""
    parser.add_argument(
        "--margin-balance", type=float, metavar="AMOUNT",
        help="what the account begins with: orders need margin, and too little is liquidated",
    )  # fmt: skip
    parser.add_argument("--initial-margin", type=float, help="fraction of value (default 0.1)")
    parser.add_argument("--maintenance-margin", type=float, help="fraction of value (default 0.05)")
    parser.add_argument(
        "--liquidation-fee", type=float, help="fraction of value, beside the taker's (default 0)"
    )


def _queue_n(args: argparse.Namespace) -> float:
    """Return the exponent of the queue model; raise ConfigError if it would do nothing."""
    if args.queue_n is None:
        return 2.0
    swept = getattr(args, "table", None) is not None or any(
        word.startswith("exchange.queue=") for word in getattr(args, "grid", [])
    )
    if not (swept or args.queue.startswith("power") or ":" in args.queue):
        raise ConfigError(
            f"--queue-n {args.queue_n} is for the models power, power2, power3 and your own, and does "
            f"nothing with --queue {args.queue}; leave it out, or take one of those"
        )
    return float(args.queue_n)


def _margin(args: argparse.Namespace) -> Any:
    """Return the MarginConfig that the arguments ask for, None without a balance."""
    given = {
        name: value
        for name, value in (
            ("initial", args.initial_margin),
            ("maintenance", args.maintenance_margin),
            ("liquidation_fee", args.liquidation_fee),
        )
        if value is not None
    }
    if args.margin_balance is None:
        if given:
            raise ConfigError("margin rates are given without --margin-balance AMOUNT; give it too")
        return None
    return spoke("replay.exchange.margin_config").MarginConfig(args.margin_balance, **given)


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the assumptions about time and the clock."""
    parser.add_argument("--mark-s", type=float, default=1.0, help="seconds between account marks")
    parser.add_argument(
        "--whole", action="store_true",
        help="refuse data with gaps, lost rows or books that begin without a snapshot",
    )  # fmt: skip
    parser.add_argument(
        "--base-latency-us", type=int, default=0, help="least feed latency after clock correction"
    )


def exchange_config(args: argparse.Namespace) -> Any:
    """Return the ExchangeConfig that the arguments ask for."""
    response = args.latency_us if args.response_us is None else args.response_us
    latency = None
    if args.latency is not None:
        if args.latency_us or response:
            raise ConfigError(
                f"--latency {args.latency} and --latency-us or --response-us are both given; "
                "give one of them"
            )
        latency = spoke("replay.exchange.latency_config").parse_latency(args.latency)
    fees = spoke("replay.exchange.fee_config").read_fees(args.fees) if args.fees else {}
    return spoke("replay.exchange.config").ExchangeConfig(
        queue=load_object(args.queue) if ":" in args.queue else args.queue,
        queue_n=_queue_n(args),
        entry_latency_us=args.latency_us,
        response_latency_us=response,
        latency=latency,
        maker_fee=args.maker_fee,
        taker_fee=args.taker_fee,
        partial=args.partial,
        consume=args.consume,
        self_trade=args.self_trade,
        buy_fee=args.buy_fee,
        sell_fee=args.sell_fee,
        maker_per_unit=args.maker_per_unit,
        taker_per_unit=args.taker_per_unit,
        fee_per_fill=args.fee_per_fill,
        fees=fees,
        funding=not args.no_funding,
        margin=_margin(args),
    )


def backtest_config(args: argparse.Namespace, **more: Any) -> Any:
    """Return the BacktestConfig that the arguments ask for, with `more` of its fields."""
    from extrema_nb.cli.strategies import timers

    return spoke("replay.backtest").BacktestConfig(
        exchange=exchange_config(args),
        timers=timers(args),
        mark_every_s=args.mark_s,
        base_latency_us=args.base_latency_us,
        seed=args.seed,
        whole=args.whole,
        **more,
    )
