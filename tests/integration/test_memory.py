"""How much memory a backtest takes: the whole command, and streaming a recording.

The bounds are those of the aims; `tests.bench.whole` measures and tells what is taken.
"""

from __future__ import annotations

import json
import os
import sys

import numpy as np
import pytest

from replay.sources import open_source
from tests.bench.load import record
from tests.bench.whole import STRATEGIES, environment, timed

COMMAND_MB = 186  # what the peer's process takes
STREAMED_MB = 100  # beside what a process holds that has run before

pytestmark = [
    pytest.mark.slow,
    pytest.mark.compiled,
    pytest.mark.skipif(sys.platform != "linux", reason="other systems count memory in other ways"),
]


@pytest.fixture(scope="module")
def capture(shared_data):
    return shared_data / "binance_usdm/capture/btcusdt_20240808.gz"


def test_a_command_that_writes_its_results_takes_no_more_than_the_peer(tmp_path, capture):
    command = [
        sys.executable, "-m", "extrema_nb", "backtest", str(capture), "--strategy", STRATEGIES[1],
        "--out", str(tmp_path / "out"), "--cache", "--json",
    ]  # fmt: skip
    env = environment(tmp_path / "cache")
    timed(command, env)  # kernels and tapes that are not there yet
    told, out = timed(command, env)
    assert json.loads(out)["rows"] == 532_665
    assert told["peak_mb"] <= COMMAND_MB


def test_a_recording_is_streamed_in_bounded_memory(tmp_path, capture):
    source = open_source(capture)
    events = np.concatenate(list(source.batches()))
    record(tmp_path / "small", events[:1000], source.instruments, 1)
    for days in (1, 3):
        record(tmp_path / f"days{days}", events, source.instruments, days)
    above = {}
    for days in (1, 1, 3):  # once for kernels that are not there yet
        child = ["--child", "rows", STRATEGIES[1], str(tmp_path / "small")]
        _, out = timed(
            [sys.executable, "-m", "tests.bench.whole", *child, str(tmp_path / f"days{days}"), "-"],
            dict(os.environ),
        )
        told = json.loads(out.splitlines()[-1])
        assert told["rows"] == days * len(events)
        above[days] = told["above_base_mb"]
    assert max(above.values()) <= STREAMED_MB, above
