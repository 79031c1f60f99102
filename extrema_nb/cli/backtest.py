"""Run strategies over recorded rows against the simulated exchange."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from extrema_nb.cli.assumptions import (
    add_exchange_arguments,
    add_run_arguments,
    backtest_config,
)
from extrema_nb.cli.common import (
    emit_json,
    output_folder,
    parse_time,
    progress,
    rarely_collect,
    spoke,
)
from extrema_nb.cli.strategies import (
    add_source_arguments,
    add_strategy_arguments,
    load_models,
    load_strategies,
    open_arguments,
    risk_limits,
)
from extrema_nb.errors import ConfigError
from extrema_nb.give_back import release_code, release_heap

__all__ = ["HELP", "add_arguments", "run"]

HELP = "run strategies over recorded rows against the simulated exchange"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_source_arguments(parser)
    add_strategy_arguments(parser)
    add_exchange_arguments(parser)
    add_run_arguments(parser)
    parser.add_argument(
        "--model", action="append", default=[], metavar="ID=TARGET", help="answers ctx.emit(ID, …)"
    )
    parser.add_argument(
        "--model-latency-us",
        type=int,
        help="features to prediction, with --model (1000 unless given)",
    )
    parser.add_argument(
        "--capital", type=float, help="quote units that return and turnover are reckoned of"
    )
    parser.add_argument("--out", metavar="DIR", help="write Parquet files and summary.json here")
    parser.add_argument("--report", metavar="FILE", help="write a self-contained HTML report")
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    parser.add_argument("--resume", metavar="FILE", help="go on from a checkpoint of the same run")
    parser.add_argument("--checkpoint", metavar="FILE", help="save the run here, to --resume it")
    parser.add_argument(
        "--until", metavar="TIME", help="stop at this time of the data, with a --checkpoint"
    )
    parser.add_argument(
        "--checkpoint-every", type=float, default=0.0, metavar="S",
        help="write the --checkpoint anew every S seconds of the data's time",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Run and report."""
    rarely_collect()
    backtest = spoke("replay.backtest")
    results = spoke("replay.results")
    started = time.perf_counter()
    source = open_arguments(args, thrifty=True)
    config = backtest_config(args, model_latency_us=_model_latency(args))
    if args.capital is not None and not args.capital > 0:
        raise ConfigError(f"--capital is {args.capital}, expected quote units above 0")
    saving = _saving(args)
    strategies = load_strategies(args)
    if args.out:
        output_folder("--out", args.out)
    if args.report:
        output_folder("--report", Path(args.report).parent)
    models = load_models(args.model)
    try:
        with progress("backtest", quiet=args.json) as bar:
            task = backtest.Backtest(
                source,
                strategies,
                config=config,
                risk=risk_limits(args),
                models=models,
                progress=lambda done, total: bar.update(done, total=total),
                hold_tapes=False,
            )
            if not args.json:
                sys.stderr.write("compiling, or loading compiled kernels\n")
            task.warm_up()
            release_code()
            if args.until:
                return _pause(args, task.run_until(parse_time(args.until), **saving))
            result = task.run(**saving)
    finally:
        for runner in models.values():
            runner.close()
    release_heap()
    fills = results.fills_frame(result.journal, task.source.instruments)
    later = results.mids_after(task, result, fills)
    result = result._replace(data=result.data._replace(kept=None))  # nothing else needs the rows
    summary = results.summary_of(task, result, capital=args.capital, later=later)
    if args.out:
        results.write_run(args.out, task, result, summary)
    if args.report:
        _report(args.report, task, result, summary)
    timing = {
        "loop_seconds": result.seconds,
        "rows_per_second": result.data.rows / max(result.seconds, 1e-9),
        "total_seconds": time.perf_counter() - started,
    }
    told = {**summary, "rows_per_second": timing["rows_per_second"], "timing": timing}
    told["out"], told["report"] = args.out, args.report
    if args.json:
        emit_json(told)
    else:
        _show(told)
    return 0


def _model_latency(args: argparse.Namespace) -> int:
    if args.model_latency_us is None:
        return 1000
    if not args.model:
        raise ConfigError(
            "--model-latency-us is given without --model, whose answers take that long"
        )
    if args.model_latency_us < 0:
        raise ConfigError(f"--model-latency-us is {args.model_latency_us}, expected µs from 0 on")
    return int(args.model_latency_us)


def _saving(args: argparse.Namespace) -> dict[str, Any]:
    """Return what is said about checkpoints; refuse what cannot be meant."""
    if args.checkpoint is None and (args.until or args.checkpoint_every):
        raise ConfigError("--until and --checkpoint-every save the run: give --checkpoint FILE")
    if args.checkpoint is not None and not (args.until or args.checkpoint_every):
        raise ConfigError("--checkpoint also needs --until TIME or --checkpoint-every S")
    if args.checkpoint_every and not args.checkpoint_every >= 1e-6:
        raise ConfigError(
            f"--checkpoint-every is {args.checkpoint_every}, expected seconds above 0"
        )
    if args.until and (args.out or args.report):
        raise ConfigError("--until stops before there is a result; give --out and --report when "
                          "you --resume")  # fmt: skip
    if args.resume is not None and not Path(args.resume).is_file():
        raise ConfigError(f"--resume {args.resume} is no file; give one that --checkpoint wrote")
    if args.checkpoint is not None:
        output_folder("--checkpoint", Path(args.checkpoint).parent)
    return {
        "checkpoint": args.checkpoint, "resume": args.resume, "every_s": args.checkpoint_every,
    }  # fmt: skip


def _pause(args: argparse.Namespace, paused: Any) -> int:
    """Tell how far a run has come that was stopped and saved."""
    told = {**paused._asdict(), "checkpoint": args.checkpoint}
    if args.json:
        emit_json(told)
    else:
        sys.stdout.write(
            f"stopped at {args.until} after {paused.rows:,} rows, {paused.orders:,} orders, "
            f"{paused.fills:,} fills; go on with --resume {args.checkpoint}\n"
        )
    return 0


def _report(path: str, task: Any, result: Any, summary: dict[str, Any]) -> None:
    results = spoke("replay.results")
    table = task.source.instruments
    spoke("replay.report").write_report(
        path,
        title=" + ".join(s.name for s in task.group.strategies),
        summary=summary,
        account=results.account_frame(result.marks),
        fills=results.fills_frame(result.journal, table),
        orders=results.orders_frame(result.journal),
        names=dict(enumerate(table.labels())),
        quotes={inst: row.quote for inst, row in enumerate(table)},
    )


def _money(told: dict[str, Any]) -> dict[str, str]:
    """Return the lines of money; of several assets, which do not add up, profits by instrument."""
    assets = told["settled_in"]
    if len(assets) > 1:
        return {
            f"profit {name}": f"{row['profit']:+,.6f} {row['asset']}, after fees and funding"
            for name, row in told["settled"].items()
        }
    unit = assets[0] if assets else "quote units"

    def money(name: str, form: str) -> str:
        return "?" if told[name] is None else f"{told[name]:{form}} {unit}"

    return {
        "volume": money("volume", ",.2f"),
        "fees": money("fees", ",.4f") + " paid",
        "funding": money("funding", ",.4f") + " paid",
        "profit": money("profit", "+,.4f") + ", after fees and funding",
    }


def _liquidations(counters: dict[str, int]) -> dict[str, str]:
    """Return the line that says that the account was closed, if it was."""
    count = counters.get("liquidations", 0)
    return {"liquidations": f"{count:,}: the margin was too small"} if count else {}


def _refusals(counters: dict[str, int]) -> dict[str, str]:
    """Return the line that says which orders never left, if any: strategies may ignore it."""
    reasons = {
        k.removeprefix("refused_"): n for k, n in counters.items() if k.startswith("refused")
    }
    told = ", ".join(f"{n:,} by {reason}" for reason, n in reasons.items())
    return {"not sent": told} if told else {}


def _show(told: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="backtest", title_justify="left", show_header=False)
    lines = {
        "rows": f"{told['rows']:,}",
        "rows a second": f"{told['rows_per_second']:,.0f}",
        "orders": f"{told['orders']:,}",
        "fills": f"{told['fills']:,}",
        **_money(told),
        **_refusals(told["counters"]),
        **_liquidations(told["counters"]),
        "position": ", ".join(f"{k} {v:g}" for k, v in told["position"].items()) or "flat",
        "clock": "as recorded"
        if not told["clock_shift_us"]
        else f"ours moved by {told['clock_shift_us'] / 1e6:+.6f} s: the venue's was ahead",
        "result": told["out"] or "not written; --out DIR keeps it",
        "report": told["report"] or "not written; --report FILE draws it",
    }
    for name, value in lines.items():
        table.add_row(name, value)
    Console().print(table)
