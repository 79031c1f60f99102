"""From process start to result, peak memory, and ten times more rows: ``python -m tests.bench.whole``.

Three things that no loop shows. *start*: the whole ``backtest`` command in processes of its own,
over a capture and over a recording of it, without copies, with ``--cache`` for the first time and
again. *floor*: what a process costs that only imports, that also loads kernels, and that also runs
over kept tapes and writes nothing; *held* is what is left when it gives back what only loading read. *rows*: the captured day
recorded once, ten and forty times, each run in a process that has run over 1,000 rows before: what
it held then is the base. Without the captured day rows are generated and captures left out.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from extrema_nb.cli.common import load_object, rarely_collect
from extrema_nb.give_back import release_code
from extrema_nb.jit import cache_dir
from replay.backtest import Backtest, BacktestConfig
from replay.sources import FEW_ROWS, open_source
from tests.bench.load import CAPTURE, given, record
from tests.bench.stream_memory import held
from tests.bench.told import tell

STRATEGIES = ("strategies.empty:Empty", "strategies.grid_maker:GridMaker")
ROOT = Path(__file__).resolve().parents[2]


LAUNCH = """
import json, os, subprocess, sys, time
began = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
out = child.stdout.read()
_, status, used = os.wait4(child.pid, 0)
told = {"wall_s": time.perf_counter() - began, "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss * 1024 / 1e6}
print(json.dumps([os.waitstatus_to_exitcode(status), told, out]))
"""  # a process of its own: a child begins with the memory of who starts it


def timed(command, env):
    """Run a command; return its wall and CPU seconds and the most memory that it held."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", LAUNCH, *command], env=env, cwd=ROOT, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    code, told, out = json.loads(done.stdout)
    if code:
        raise SystemExit(f"{' '.join(command)} ended with {code}")
    return told, out


def least(found):
    """Return the least of each figure."""
    return {name: min(each[name] for each in found) for name in found[0]}


def environment(folder):
    """Return one whose copies lie in `folder` and whose kernels are those that are there."""
    folder.mkdir()
    for path in cache_dir().iterdir():
        if path.is_file():
            (folder / path.name).symlink_to(path)
    return {**os.environ, "EXTREMA_NB_CACHE_DIR": str(folder)}


def start(paths, work, rounds):
    """Measure the command from its start to its result, the least of some rounds."""
    out = {}
    for source, path in paths.items():
        for strategy in STRATEGIES:
            command = [
                sys.executable, "-m", "extrema_nb", "backtest", str(path), "--strategy", strategy,
                "--out", str(work / "out"),
            ]  # fmt: skip
            told = {"no copies": [], "--cache, first": [], "--cache, again": []}
            same = set()
            timed(command, dict(os.environ))  # kernels that are not there yet
            for number in range(rounds):
                env = environment(work / f"cache-{source}-{strategy[-5:]}-{number}")
                for how, found in told.items():
                    more = ["--cache"] if how.startswith("--cache") else []
                    found.append(timed([*command, *more], env)[0])
                    same.add(b"".join(p.read_bytes() for p in sorted((work / "out").iterdir())))
            if len(same) != 1:
                raise SystemExit(f"{source}, {strategy}: results depend on copies")
            out[f"{source}, {strategy}"] = {how: least(found) for how, found in told.items()}
    return out


def floor(path, work, rounds):
    """Measure processes that import, and that also load what a run needs, and that also run."""
    env = environment(work / "floor")
    out = {}
    for what in ("imports", "imports and kernels", "imports, kernels, run over kept tapes"):
        command = [sys.executable, "-m", "tests.bench.whole", "--child", "floor", what, str(path)]
        timed(command, env)  # what is not there yet
        runs = [timed(command, env) for _ in range(rounds)]
        out[what] = least([{**told, **json.loads(text)} for told, text in runs])
    return out


def child_floor(what, path):
    """Import, load the kernels of a run, run."""
    import replay.results  # noqa: F401  # what the command imports as well

    rarely_collect()
    if what != "imports":
        prepare_floor(what, path)
    release_code()
    sys.stdout.write(json.dumps({"held_mb": held("VmRSS")}) + "\n")


def prepare_floor(what, path):
    """Load the kernels of a run, run."""
    source = open_source(path, cache=True, held_rows=FEW_ROWS)
    task = Backtest(source, [load_object(STRATEGIES[0])()], hold_tapes=False)
    if what.endswith("kernels"):
        task._lockstep(0, 0).compile()  # without what makes tapes
    else:
        task.run()


def run(path, strategy, cache):
    """Run over a source once, and let everything go that need not be kept."""
    config = BacktestConfig(timers=((1, 0.1),))
    source = open_source(path, cache=cache or False, held_rows=FEW_ROWS)
    task = Backtest(source, [load_object(strategy)()], config=config, hold_tapes=False)
    return task.run()


def results_bytes(result):
    """Return what a run's own results take: they grow with it, whatever is done with the rows."""
    lines = sum(map(sys.getsizeof, result.logs)) + sum(sys.getsizeof(x.text) for x in result.logs)
    return result.journal.nbytes + result.marks.nbytes + lines + 32 * len(result.logs)


def child_rows(strategy, small, large, cache):
    """Run over few rows, then over many; print what that took."""
    folder = Path(cache) if cache != "-" else None
    run(small, strategy, folder)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the most that was held begins anew
    base, began, used = held("VmRSS"), time.perf_counter(), time.process_time()
    result = run(large, strategy, folder)
    wall, cpu = time.perf_counter() - began, time.process_time() - used
    rows = result.data.rows
    told = {
        "rows": rows, "wall_s": wall, "cpu_s": cpu, "ns_a_row": cpu / rows * 1e9,
        "loop_s": result.seconds, "base_mb": base, "above_base_mb": held("VmHWM") - base,
        "results_mb": results_bytes(result) / 1e6,
        "orders_and_fills": len(result.journal),
    }  # fmt: skip
    sys.stdout.write(json.dumps(told) + "\n")


def rows(work, small, days, cached):
    """Measure runs over more and more rows."""
    out = {}
    for strategy in STRATEGIES:
        for copies, path in days.items():
            ways = {"streamed": ["-"]}
            if copies in cached:  # once to make them, once to use them
                folder = str(work / f"kept-{copies}-{strategy[-5:]}")
                ways |= {"streamed, copies made": [folder], "from kept tapes": [folder]}
            for way, last in ways.items():
                _, text = timed(
                    [sys.executable, "-m", "tests.bench.whole", "--child", "rows", strategy,
                     str(small), str(path), *last],
                    dict(os.environ),
                )  # fmt: skip
                out[f"{strategy}, {copies} × the day, {way}"] = json.loads(text.splitlines()[-1])
    return out


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="where the figures go; else to stdout alone")
    parser.add_argument("--rounds", type=int, default=5, help="of each command")
    parser.add_argument("--copies", type=int, nargs="*", default=[1, 10, 40], help="of the day")
    parser.add_argument("--cached", type=int, nargs="*", default=[10], help="of these also copies")
    parser.add_argument("--parts", nargs="*", default=["start", "floor", "rows"])
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        {"floor": child_floor, "rows": child_rows}[args.child[0]](*args.child[1:])
        return
    events, table = given()
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()  # fmt: skip
    out = {"commit": commit, "machine": {"cores": os.cpu_count(), "load": os.getloadavg()}}
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        record(work / "small", events[:1000], table, 1)
        record(work / "day", events, table, 1)
        if "start" in args.parts:
            captures = {"capture": CAPTURE} if CAPTURE.is_file() else {}
            out["start"] = start({**captures, "recording": work / "day"}, work, args.rounds)
        if "floor" in args.parts:
            out["floor"] = floor(CAPTURE if CAPTURE.is_file() else work / "day", work, args.rounds)
        if "rows" in args.parts:
            days = {copies: work / f"days{copies}" for copies in args.copies}
            for copies, path in days.items():
                record(path, events, table, copies)
            out["rows"] = rows(work, work / "small", days, args.cached)
    tell(out, args.json)


if __name__ == "__main__":
    main()
