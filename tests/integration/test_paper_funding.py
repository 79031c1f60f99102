"""A session on paper beside a venue that states funding: positions pay in time, and all of it verifies."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from decimal import Decimal

import pytest

from extrema_nb.cli.common import load_object
from replay.local_venue.port import Terms
from replay.local_venue.simulate import SimulatedMarket
from replay.session_run import read_session_run
from replay.verify import verify_session
from tests.replay.local_venue.client import running

LIMIT_S = 240  # s, cold caches included
CONFIG = """
instruments = ["BTC_USDT_PERP"]
channels = ["trade", "bbo", "book", "funding"]
[venue]
rest = "{rest}"
ws = "{ws}"
[[strategy]]
path = "strategies.flow_follow:FlowFollow"
params = {{ threshold = 3.0, max_position = 1000.0 }}
[session]
journal = "{folder}/session"
[paper]
fee_per_fill = 0.25
response_latency_us = 3000
"""


@pytest.mark.slow
def test_a_session_on_paper_pays_what_the_venue_states(project_root, tmp_path):
    async def trade():
        terms = Terms(Decimal("0.001"), 1_000)
        market = SimulatedMarket(seed=12, symbols=["BTCUSDT"], funding=terms)
        async with running(market, start_now=True) as client, asyncio.timeout(LIMIT_S):
            config = tmp_path / "live.toml"
            venue = client.venue
            config.write_text(CONFIG.format(rest=venue.rest_url, ws=venue.ws_url, folder=tmp_path))
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "extrema_nb", "live", str(config), "--paper", "--json",
                "--seconds", "6", stdout=asyncio.subprocess.PIPE, cwd=project_root,
                env={**os.environ},
            )  # fmt: skip
            out, _ = await child.communicate()
        assert child.returncode == 0
        return json.loads(out)

    report = asyncio.run(trade())
    payments = report["route"]["funding_payments"]
    assert 1 <= payments <= 8
    assert report["funding"] != 0.0
    assert report["fees"] >= 0.25 * report["fills"] > 0.0
    assert verify_session(report["journal"], load_object).ok
    assert read_session_run(tmp_path / "session").account["funding"].abs().max() > 0.0
