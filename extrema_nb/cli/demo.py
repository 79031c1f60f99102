"""The whole system in one command, offline: record, inspect, backtest, trade, verify, predict.

Everything runs as a user would run it, each step a command of its own, against the local venue
with simulated traders.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from extrema_nb.cli.common import emit_json, output_folder, spoke
from extrema_nb.errors import ExtremaError

__all__ = ["HELP", "add_arguments", "run"]

HELP = "the whole system, offline: record, backtest, trade, verify, report"

INSTRUMENT = "BTC_USDT_PERP"
STRATEGY = "strategies.grid_maker:GridMaker"
PARAMS = {"half_spread": 2.0, "step": 1.0, "levels": 5, "qty": 0.02}
TIMER_S = 0.2
READY_S = 120.0  # s for the venue to say that it listens, compilation included
KEYS = {"BINANCE_API_KEY": "local-key", "BINANCE_SECRET_KEY": "local-secret"}  # of the local venue


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--out", default="out/demo", help="folder; an older demo in it is replaced")
    parser.add_argument("--seconds", type=float, default=8.0, help="to record, and to trade")
    parser.add_argument("--seed", type=int, default=7, help="of the simulated traders")
    parser.add_argument("--json", action="store_true", help="print one JSON object last")


def run(args: argparse.Namespace) -> int:
    """Run the steps, each after the other, and tell what happened."""
    out = output_folder("--out", args.out)
    _clean(out)
    started = time.perf_counter()
    steps = _Steps(out / "demo.log")
    with _venue(args.seed, steps) as venue:
        urls = ["--rest", venue["rest_url"], "--ws", venue["ws_url"]]
        recording = steps.start(
            "record", "--instruments", INSTRUMENT, "--channels", "trade,bbo,book",
            "--out", str(out / "rows"), "--seconds", str(args.seconds), *urls, "--json",
        )  # fmt: skip
        steps.say(f"recording the venue's feed for {args.seconds:g} s; compiling meanwhile")
        warm = steps.run("warmup", STRATEGY, "strategies.onnx_maker:OnnxMaker", "--json")
        recorded = steps.finish(recording)
        steps.say("inspecting the recording")
        inspected = steps.run("inspect", str(out / "rows"), "--json")
        steps.say("backtesting the grid maker on it")
        params = [word for k, v in PARAMS.items() for word in ("--param", f"{k}={v}")]
        tested = steps.run(
            "backtest", str(out / "rows"), "--strategy", STRATEGY, *params,
            "--timer", str(TIMER_S), "--out", str(out / "backtest"),
            "--report", str(out / "report.html"), "--json", show=True,
        )  # fmt: skip
        steps.say(f"trading the same kernel over the wire for {args.seconds:g} s")
        config = _live_config(out, venue)
        traded = steps.run("live", str(config), "--seconds", str(args.seconds), "--json", keys=KEYS)
    steps.say("replaying the session's journal")
    verified = steps.run("verify", str(out / "session"), "--json")
    steps.say("asking an ONNX model in a backtest")
    predicted = steps.run(
        "backtest", str(out / "rows"), "--strategy", "strategies.onnx_maker:OnnxMaker",
        "--model", f"1={_model(out)}", "--json",
    )  # fmt: skip
    told = {
        "seconds": time.perf_counter() - started,
        "compiled": sum(group["compiled"] for group in warm["groups"]),
        "recorded": recorded,
        "inspected": inspected,
        "backtest": tested,
        "live": traded,
        "verify": verified,
        "onnx": predicted,
        "report": str(out / "report.html"),
    }
    if args.json:
        emit_json(told)
    else:
        _show(told)
    return 0 if inspected["gaps"] == inspected["crossed"] == 0 else 1


def _clean(out: Path) -> None:
    """Remove an older demo; anything else in the way is the user's, and an error."""
    if out.exists() and any(out.iterdir()) and not (out / "demo.log").exists():
        raise ExtremaError(f"{out} holds something else than a demo; pass another --out")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)


class _Steps:
    """Commands of ours as child processes; what they say goes to one log."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._started = time.perf_counter()
        log.touch()

    def say(self, text: str) -> None:
        sys.stderr.write(f"[{time.perf_counter() - self._started:5.1f} s] {text}\n")
        sys.stderr.flush()

    def start(
        self, *words: str, keys: dict[str, str] | None = None, show: bool = False
    ) -> subprocess.Popen[str]:
        with self.log.open("a", encoding="utf-8") as log:  # the child has a copy of its own
            return subprocess.Popen(  # noqa: S603  # our own command, words of ours
                [sys.executable, "-m", "extrema_nb", *words],
                stdout=subprocess.PIPE,
                stderr=None if show else log,
                text=True,
                env={**os.environ, **(keys or {})},
            )

    def finish(self, child: subprocess.Popen[str]) -> dict[str, Any]:
        """Wait for a command and return the JSON object on its last line."""
        said, _ = child.communicate()
        lines = said.strip().splitlines()
        words = " ".join(map(str, child.args[3:] if isinstance(child.args, list) else []))
        if child.returncode or not lines:
            tail = self.log.read_text(encoding="utf-8").strip().splitlines()[-1:]
            raise ExtremaError(
                f"extrema-nb {words} ended with code {child.returncode}: "
                f"{' '.join(tail) or 'it said nothing'} (all of it: {self.log})"
            )
        told: dict[str, Any] = json.loads(lines[-1])
        return told

    def run(
        self, *words: str, keys: dict[str, str] | None = None, show: bool = False
    ) -> dict[str, Any]:
        return self.finish(self.start(*words, keys=keys, show=show))


@contextmanager
def _venue(seed: int, steps: _Steps) -> Iterator[dict[str, Any]]:
    """Run the local venue with simulated traders while the block lasts."""
    steps.say("starting the local venue, simulated traders on loopback")
    child = steps.start("venue", "--simulate", "--seed", str(seed), "--port", "0", "--json")
    try:
        ready = _ready_line(child)
        steps.say(f"it listens on {ready['rest_url']}")
        yield ready
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _ready_line(child: subprocess.Popen[str]) -> dict[str, Any]:
    import select

    if child.stdout is None or not select.select([child.stdout], [], [], READY_S)[0]:
        raise ExtremaError(f"the local venue did not start within {READY_S:g} s")
    line = child.stdout.readline()
    if not line:
        raise ExtremaError(f"the local venue ended with code {child.wait()}")
    ready: dict[str, Any] = json.loads(line)
    return ready


def _live_config(out: Path, venue: dict[str, Any]) -> Path:
    params = ", ".join(f"{k} = {v}" for k, v in PARAMS.items())
    text = f"""# what the demo traded with; `extrema-nb live` takes it again
instruments = ["{INSTRUMENT}"]
channels = ["trade", "bbo", "book"]

[venue]
id = "binance-usdm"
rest = "{venue["rest_url"]}"
ws = "{venue["ws_url"]}"

[[strategy]]
path = "{STRATEGY}"
params = {{ {params} }}

[[timer]]
seconds = {TIMER_S}
id = 1

[risk]
max_order_qty = 0.1
max_position = 0.5
price_collar = 0.02

[session]
journal = "{out / "session"}"
"""
    path = out / "live.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _model(out: Path) -> Path:
    """Return the shipped model, or make it where the checkout's data folder is not at hand."""
    shipped = Path(__file__).resolve().parents[2] / "data" / "models" / "demo.json"
    if shipped.exists():
        return shipped
    made: Path = spoke("ml.make_demo_model").write(out / "models")
    return made


def _show(told: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="what happened", title_justify="left")
    for column in ("step", "rows", "rows a second", "orders", "fills", "profit", "remark"):
        words = column in {"step", "remark"}
        table.add_column(column, justify="left" if words else "right", no_wrap=column != "remark")
    inspected, live, verified = told["inspected"], told["live"], told["verify"]
    wire = live["latency"]["wire_to_intent"]
    table.add_row(
        "record", f"{inspected['rows']:,}", f"{inspected['rows_per_second']:,.0f}", "", "", "",
        f"gaps {inspected['gaps']}, crossed {inspected['crossed']}",
    )  # fmt: skip
    runs = (
        ("backtest", told["backtest"], "simulated exchange"),
        ("live", live, f"wire to intent {wire['p50_us']:.0f} µs"),
        ("onnx", told["onnx"], "model in the loop"),
    )
    for name, run, remark in runs:
        table.add_row(
            name, f"{run['rows']:,}", f"{run['rows_per_second']:,.0f}", f"{run['orders']:,}",
            f"{run['fills']:,}", _money(run["profit"]), remark,
        )  # fmt: skip
    table.add_row(
        "verify", f"{verified['rows']:,}", "", "", "", "",
        f"intents identical {verified['identical']} of {verified['intents']}",
    )  # fmt: skip
    console = Console(width=max(Console().width, 100))
    console.print(table)
    kinds = ", ".join(f"{n:,} {kind}" for kind, n in inspected["rows_by_kind"].items())
    print(f"recorded: {kinds}")
    print(f"report:   {told['report']}")
    print(f"{told['seconds']:.1f} s in all; everything that was started is stopped")


def _money(value: float | None) -> str:
    return "?" if value is None else f"{value:+,.2f}"
