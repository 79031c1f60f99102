"""A live session against the local venue, end to end: a process of its own, real sockets."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys

import pytest

from extrema_nb import cli
from replay.local_venue.simulate import SimulatedMarket
from tests.replay.local_venue.client import running

LIMIT_S = 240  # s, cold caches included
KEYS = {"BINANCE_API_KEY": "local-key", "BINANCE_SECRET_KEY": "local-secret"}
CONFIG = """
instruments = ["BTC_USDT_PERP"]
[venue]
rest = "{rest}"
ws = "{ws}"
[[strategy]]
path = "strategies.grid_maker:GridMaker"
params = {{ levels = 3, half_spread = 1.0, step = 1.0 }}
[[timer]]
seconds = 0.2
[session]
journal = "{folder}/session"
"""


async def start(project_root, folder, venue, *words):
    """Start `extrema-nb live` on a venue."""
    config = folder / "live.toml"
    config.write_text(CONFIG.format(rest=venue.rest_url, ws=venue.ws_url, folder=folder))
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "extrema_nb", "live", str(config), "--json", *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        cwd=project_root, env={**os.environ, **KEYS},
    )  # fmt: skip


async def intents(folder, count):
    """Wait until the journal holds `count` intents."""
    path = folder / "session" / "intents.rows"
    while not path.exists() or path.stat().st_size < 64 * count:  # noqa: ASYNC110
        await asyncio.sleep(0.05)  # another process writes them
    return path.stat().st_size // 64


async def stop(child):
    """Stop a session by Ctrl-C; return its report and what it said."""
    child.send_signal(signal.SIGINT)
    out, err = await child.communicate()
    assert child.returncode == 0, err.decode()
    return json.loads(out.decode().splitlines()[-1]), err.decode()


@pytest.fixture(scope="module")
def session(project_root, tmp_path_factory):
    """A session whose connections were all cut in the middle, and what the venue says after it."""
    folder = tmp_path_factory.mktemp("live")

    async def main():
        market = SimulatedMarket(seed=11, symbols=["BTCUSDT"])
        async with running(market, start_now=True) as client, asyncio.timeout(LIMIT_S):
            child = await start(project_root, folder, client.venue)
            before = await intents(folder, 12)
            cut = client.venue.drop_connections()
            await intents(folder, before + 24)
            report, said = await stop(child)
            left = await client.ok("GET", "/fapi/v1/openOrders")
            positions = await client.ok("GET", "/fapi/v2/positionRisk", symbol="BTCUSDT")
        return report, said, left, positions, cut

    return folder / "session", *asyncio.run(main())


@pytest.mark.slow
def test_the_kill_switch_leaves_no_order_at_the_venue(session):
    _, report, said, left, _, _ = session
    assert report["orders"] > 12
    assert report["killed"]
    assert left == []
    assert (report["open_orders"], report["left_open"]) == (0, 0)
    assert "Traceback" not in said


@pytest.mark.slow
def test_cut_connections_are_made_again_and_the_position_is_the_venues(session):
    _, report, _, _, positions, cut = session
    assert cut >= 2  # market data and the user stream
    assert report["feeds"][0]["connects"] >= 2
    held = sum(float(row["positionAmt"]) for row in positions)
    assert report["position"].get("BTC_USDT_PERP", 0.0) == pytest.approx(held, abs=1e-9)


@pytest.mark.slow
def test_the_journal_verifies_and_one_changed_byte_does_not(session, tmp_path, capsys):
    journal, report, *_ = session
    assert cli.main(["verify", str(journal), "--json"]) == 0
    verdict = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (verdict["ok"], verdict["identical"]) == (True, report["intents"])
    copy = shutil.copytree(journal, tmp_path / "copy")
    raw = bytearray((copy / "intents.rows").read_bytes())
    raw[64 * 2 + 40] ^= 1
    (copy / "intents.rows").write_bytes(raw)
    assert cli.main(["verify", str(copy)]) == 1
    out = capsys.readouterr().out
    assert f"intents identical 2 of {report['intents']}, then a difference" in out
    assert "intent 2, " in out


@pytest.mark.slow
def test_on_paper_a_venue_that_dies_leaves_nothing_open(project_root, tmp_path):
    async def main():
        market = SimulatedMarket(seed=12, symbols=["BTCUSDT"])
        async with asyncio.timeout(LIMIT_S):
            async with running(market, start_now=True) as client:
                words = [f"paper.{way}_latency_us=5000" for way in ("entry", "response")]
                sets = [word for one in words for word in ("--set", one)]
                child = await start(project_root, tmp_path, client.venue, "--paper", *sets)
                await intents(tmp_path, 12)
            return await stop(child)

    report, said = asyncio.run(main())
    assert report["orders"] >= 6
    assert (report["open_orders"], report["left_open"]) == (0, 0)
    assert "no confirmation in time" not in said
    assert "Traceback" not in said
