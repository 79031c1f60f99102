"""The same feed, live on paper and afterwards in a backtest: the same orders.

Where the two may differ is the price of a fill. The paper exchange sees a market row when it
reaches us; the exchange of a backtest sees it when it happened at the venue, some milliseconds
earlier. So a market order that is decided between the two meets another book.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

import numpy as np
import polars as pl
import pytest

from extrema_nb import cli
from extrema_nb.events import INTENT
from replay.local_venue.simulate import SimulatedMarket
from tests.replay.local_venue.client import running

LIMIT_S = 240  # s, cold caches included
SECONDS = "4"
STRATEGY = "strategies.flow_follow:FlowFollow"
PARAMS = {"threshold": 3.0, "max_position": 1000.0}  # no limit: only trades decide
CONFIG = """
instruments = ["BTC_USDT_PERP"]
[venue]
rest = "{rest}"
ws = "{ws}"
[[strategy]]
path = "{strategy}"
params = {{ {params} }}
[session]
journal = "{folder}/session"
record = "{folder}/rows"
"""


async def _trade(project_root, folder):
    """Trade on paper with zero latency for some seconds; return the report."""
    market = SimulatedMarket(seed=12, symbols=["BTCUSDT"])
    async with running(market, start_now=True) as client, asyncio.timeout(LIMIT_S):
        params = ", ".join(f"{name} = {value}" for name, value in PARAMS.items())
        config = folder / "live.toml"
        venue = client.venue
        config.write_text(
            CONFIG.format(
                rest=venue.rest_url, ws=venue.ws_url, strategy=STRATEGY, params=params,
                folder=folder,
            )
        )  # fmt: skip
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "extrema_nb", "live", str(config), "--paper", "--json",
            "--seconds", SECONDS, stdout=asyncio.subprocess.PIPE, cwd=project_root,
            env={**os.environ},
        )  # fmt: skip
        out, _ = await child.communicate()
        assert child.returncode == 0
        return json.loads(out.decode().splitlines()[-1])


@pytest.mark.slow
def test_a_backtest_over_the_recording_of_a_paper_session_sends_the_same_orders(
    project_root, tmp_path, capsys
):
    report = asyncio.run(_trade(project_root, tmp_path))
    words = [word for name, value in PARAMS.items() for word in ("--param", f"{name}={value}")]
    out = tmp_path / "backtest"
    assert cli.main(
        ["backtest", str(tmp_path / "rows"), "--strategy", STRATEGY, *words, "--out", str(out),
         "--json"]
    ) == 0  # fmt: skip
    told = json.loads(capsys.readouterr().out.splitlines()[-1])

    live = np.fromfile(tmp_path / "session" / "intents.rows", INTENT)
    orders = pl.read_parquet(out / "orders.parquet").filter(pl.col("event") == "submit")
    assert len(live) > 5
    assert orders["side"].to_list() == live["side"].tolist()
    assert orders["qty"].to_list() == live["qty"].tolist()
    assert orders["client_order_id"].to_list() == live["client_order_id"].tolist()
    # decided on the same rows: their times are those of the trades, up to a put-forward clock
    assert np.abs(orders["ts_local"].to_numpy() - live["ts_recv"]).max() < 50_000
    assert (told["orders"], told["fills"]) == (report["orders"], report["fills"])
    assert told["position"] == pytest.approx(report["position"])
    assert told["counters"]["odd_reports"] == 0  # the recorded session's reports are left out
