"""What commands share: JSON, times, progress, loading by name."""

from __future__ import annotations

import atexit
import gc
import io
import json
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from extrema_nb.cli import common
from extrema_nb.errors import ConfigError
from extrema_nb.events import EventKind


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": np.float64(0.5)}, '{"b":1,"a":0.5}'),
        ([np.int64(3), np.bool_(True)], "[3,true]"),
        (np.arange(3), "[0,1,2]"),
        (float("nan"), "null"),
        (Path("out") / "x", '"out/x"'),
        (EventKind.BBO, "3"),
    ],
)
def test_json_is_one_line_of_plain_values(value, text):
    out = io.StringIO()
    common.emit_json(value, out)
    assert out.getvalue() == text + "\n"


def test_json_goes_to_stdout(capsys):
    common.emit_json({"rows": 1})
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"rows": 1}
    assert captured.err == ""


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("2024-08-08", 1_723_075_200_000_000),
        ("2024-08-08T00:00:00Z", 1_723_075_200_000_000),
        ("2024-08-08T02:00:00+02:00", 1_723_075_200_000_000),
        ("2024-08-08 00:00:00.000001", 1_723_075_200_000_001),
        ("1723075200000001", 1_723_075_200_000_001),
    ],
)
def test_times_are_microseconds_utc(text, us):
    assert common.parse_time(text) == us


@pytest.mark.parametrize("text", ["", "yesterday", "2024-13-01", "12"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ConfigError, match="is no time; expected 2024-08-08"):
        common.parse_time(text)


def test_an_object_is_loaded_by_its_path():
    assert common.load_object("extrema_nb.events:EventKind") is EventKind


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("extrema_nb.events", "expected 'module:name'"),
        (":x", "expected 'module:name'"),
        ("extrema_nb.evnts:EVENT", "no module 'extrema_nb.evnts'.*did you mean 'extrema_nb.events'"),
        ("no_such_package.x:Y", "no module 'no_such_package'"),
        ("extrema_nb.events:EVNT", "has no 'EVNT'; did you mean 'EVENT'"),
        ("extrema_nb.clock:zzz", "it has Clock, SystemClock"),
    ],
)  # fmt: skip
def test_a_wrong_path_says_which_part_is_wrong(path, message):
    with pytest.raises(ConfigError, match=message):
        common.load_object(path)


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    return tmp_path


def test_a_strategy_in_the_working_folder_is_found(own_folder, monkeypatch):
    (own_folder / "mine_of_test.py").write_text("class Mine: pass\n")
    assert common.load_object("mine_of_test:Mine").__name__ == "Mine"
    monkeypatch.delitem(sys.modules, "mine_of_test")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import no_such_thing", "it needs 'no_such_thing', which is not installed"),
        ("def f(:\n", r"broken_of_test cannot be imported: .*line 1"),
    ],
)
def test_a_file_that_cannot_be_imported_says_why(own_folder, source, message):
    (own_folder / "broken_of_test.py").write_text(source)
    with pytest.raises(ConfigError, match=message):
        common.load_object("broken_of_test:Mine")


def test_a_part_that_is_not_installed_says_so():
    with pytest.raises(ConfigError, match=r"has no replay\.nothing; reinstall extrema-nb"):
        common.spoke("replay.nothing")


def test_a_part_is_loaded_by_name():
    assert common.spoke("replay").__name__ == "replay"


def test_progress_off_a_terminal_is_plain_lines_on_stderr(capsys):
    with common.progress("replaying", total=4, unit="rows") as bar:
        bar.advance(3)
        bar.advance(1, note="almost")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("replaying: 4 rows (100%)")
    assert captured.err.endswith(", almost\n")


def test_progress_is_told_now_and_then(capsys, monkeypatch):
    monkeypatch.setattr(common, "PLAIN_PERIOD_S", 0.0)
    with common.progress("reading", unit="files") as bar:
        bar.update(1)
        bar.update(2, total=4)
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(",")[0] for line in lines] == [
        "reading: 1 files", "reading: 2 files (50%)", "reading: 2 files (50%)",
    ]  # fmt: skip


def test_what_comes_before_the_first_of_it_is_none_of_its_rate(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(common.time, "monotonic", lambda: now[0])
    bar = common.Progress("backtest", 300.0, "rows")
    now[0] = 130.0  # compiling
    bar.update(100.0)
    assert bar.text() == "backtest: 100 rows (33%)"
    now[0] = 132.0
    bar.update(300.0)
    assert bar.text() == "backtest: 300 rows (100%), 100/s"


def test_a_command_that_fails_at_once_has_no_progress_to_tell(capsys):
    with pytest.raises(ConfigError), common.progress("reading"):
        raise ConfigError("no such file")
    assert capsys.readouterr().err == ""


def test_quiet_progress_says_nothing(capsys):
    with common.progress("reading", quiet=True) as bar:
        bar.advance(5)
    assert bar.done == 5
    assert capsys.readouterr() == ("", "")


def test_progress_on_a_terminal_is_a_bar(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with common.progress("replaying", total=10) as bar:
        bar.advance(10)
    assert "replaying: 10 rows (100%)" in screen.getvalue()


@pytest.mark.parametrize(
    ("verbose", "root", "ours"),
    [(0, "WARNING", "NOTSET"), (1, "INFO", "NOTSET"), (2, "INFO", "DEBUG")],
)
def test_verbosity_raises_the_level_of_our_loggers_first(verbose, root, ours, monkeypatch):
    logger, mine = logging.getLogger(), logging.getLogger("extrema_nb")
    monkeypatch.setattr(logger, "handlers", [*logger.handlers])
    before = logger.level, mine.level
    try:
        common.setup_logging(verbose)
        assert logging.getLevelName(logger.level) == root
        assert logging.getLevelName(mine.level) == ours
    finally:
        logger.setLevel(before[0])
        for name in ("extrema_nb", "ml", "recorders", "replay", "strategies"):
            logging.getLogger(name).setLevel(before[1])


def test_logs_go_to_stderr_once(capsys, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    common.setup_logging(0)
    common.setup_logging(0)
    logging.getLogger("extrema_nb.x").warning("disk is nearly full")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith(" WARNING extrema_nb.x: disk is nearly full\n")
    assert captured.err.count("\n") == 1


def test_a_batch_run_looks_for_cycles_seldom():
    before = gc.get_threshold()
    try:
        common.rarely_collect()
        assert gc.isenabled()
        assert gc.get_threshold()[0] >= 100_000
    finally:
        gc.set_threshold(*before)
        atexit.unregister(gc.freeze)


def test_a_batch_run_does_not_look_for_cycles_when_it_ends():
    script = (
        "import gc, sys\n"
        "from extrema_nb.cli.common import rarely_collect\n"
        "class Loud:\n"
        "    def __del__(self): print('collected')\n"
        "cycle = Loud(); cycle.me = cycle; del cycle\n"
        "rarely_collect() if sys.argv[1] == 'batch' else None\n"
    )
    told = {
        how: subprocess.run(
            [sys.executable, "-c", script, how], check=True, capture_output=True, text=True
        ).stdout
        for how in ("batch", "other")
    }
    assert told == {"batch": "", "other": "collected\n"}
