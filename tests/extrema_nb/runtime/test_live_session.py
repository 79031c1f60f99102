"""Live sessions on the local venue: orders on real sockets, a journal that verifies."""

from __future__ import annotations

import asyncio

import pytest

from extrema_nb.channels import Endpoints
from extrema_nb.cli.common import load_object
from extrema_nb.config import parse_toml
from extrema_nb.errors import ConfigError
from extrema_nb.runtime.live import LiveConfig
from extrema_nb.runtime.live_session import LiveSession, free_folder
from extrema_nb.runtime.sessions import META_FILE, read_session
from recorders.journal import SessionJournal
from recorders.parquet import ParquetRecorder
from replay.exchange.live import LiveExchange
from replay.exchange.paper_config import paper_config
from replay.inspect import inspect_path
from replay.verify import verify_session

CONFIG = """
instruments = ["BTC_USDT_PERP"]
[[strategy]]
path = "strategies.grid_maker:GridMaker"
params = { levels = 2, half_spread = 1.0, step = 1.0 }
[[timer]]
seconds = 0.2
[risk]
max_position = 0.2
"""


class Spokes:
    """The other packages."""

    def load(self, path):
        return load_object(path)

    def journal(self, folder, meta):
        return SessionJournal(folder, meta)

    def recorder(self, folder, table):
        return ParquetRecorder(folder, table)

    def exchange(self, paper):
        settings = paper_config(paper)

        def make(table):
            made = LiveExchange(table, settings)
            made.warm_up()
            return made

        return make


def config(tmp_path, venue=None, *overrides):
    where = []
    if venue is not None:
        where = [f"venue.rest={venue.rest}", f"venue.ws={venue.ws}"]
    session = [f"session.journal={tmp_path / 's'}", f"session.record={tmp_path / 'rec'}"]
    return parse_toml(CONFIG, LiveConfig, overrides=[*where, *session, *overrides])


@pytest.fixture
def keys(monkeypatch):
    """Give the keys of the local venue."""
    monkeypatch.setenv("BINANCE_API_KEY", "local-key")
    monkeypatch.setenv("BINANCE_SECRET_KEY", "local-secret")


@pytest.mark.slow
@pytest.mark.usefixtures("keys")
def test_a_session_trades_cancels_what_is_open_and_verifies(tmp_path, local_venue, caplog):
    told = []

    async def main():
        session = LiveSession(config(tmp_path, local_venue), Spokes(), paper=False)
        async with asyncio.timeout(200):
            await session.run(3.0, told.append, 0.5)
        return session.summary()

    report = asyncio.run(main())
    assert report["orders"] > 2
    assert (report["left_open"], report["open_orders"]) == (0, 0)
    # orders on their way out when the kill switch came are refused by us; the venue refuses what
    # would have traded by the time it came there, where the computer is busy
    refused = [r.getMessage() for r in caplog.records if "rejected" in r.getMessage()]
    assert all("STOPPING" in text or "-5022" in text for text in refused)
    assert bool(refused) == bool(report["rejected"])
    assert report["killed"]
    assert report["rows"] > 100
    assert report["feeds"][0]["gaps"] == 0
    for name in ("wire_to_intent", "wire_to_decision", "step"):
        assert report["latency"][name]["p99_us"] >= report["latency"][name]["p50_us"] > 0
    assert told[-1]["orders"] <= report["orders"]
    verdict = verify_session(report["journal"], load_object)
    assert verdict.ok, verdict.difference
    assert verdict.intents == report["intents"] > 0
    assert verdict.complete
    secret = b"local-secret"
    assert all(secret not in f.read_bytes() for f in (tmp_path / "s").iterdir())
    assert inspect_path(tmp_path / "rec")["rows"] > 100


@pytest.mark.slow
@pytest.mark.parametrize("latency_us", [0, 20_000])
def test_on_paper_orders_meet_the_simulated_exchange_and_no_keys_are_needed(
    tmp_path, local_venue, monkeypatch, caplog, latency_us
):
    monkeypatch.delenv("BINANCE_API_KEY", raising=False)
    delays = [f"paper.{way}_latency_us={latency_us}" for way in ("entry", "response")]
    delays.append("paper.fee_per_fill=0.25")

    async def main():
        session = LiveSession(config(tmp_path, local_venue, *delays), Spokes(), paper=True)
        async with asyncio.timeout(200):
            await session.run(3.0)
        return session.summary()

    report = asyncio.run(main())
    assert report["paper"]
    assert report["orders"] > 2
    assert report["route"]["fills"] == report["fills"]
    assert report["fees"] >= 0.25 * report["fills"]
    assert any("BTC_USDT_PERP pay no funding on paper" in r.getMessage() for r in caplog.records)
    assert (report["open_orders"], report["left_open"]) == (0, 0)
    verdict = verify_session(report["journal"], load_object)
    assert verdict.ok, verdict.difference
    assert verdict.intents == report["intents"] > 0
    assert read_session(report["journal"]).meta.notes["assumed"]["fee_per_fill"] == 0.25


@pytest.mark.usefixtures("keys")
def test_keys_that_the_venue_refuses_are_told_and_nothing_is_traded(
    tmp_path, monkeypatch, local_venue
):
    monkeypatch.setenv("BINANCE_API_KEY", "another")

    async def main():
        session = LiveSession(config(tmp_path, local_venue), Spokes(), paper=False)
        with pytest.raises(ConfigError, match="refuses the credentials"):
            await asyncio.wait_for(session.run(), 200)
        return session

    session = asyncio.run(main())
    assert not session.env.began
    assert not session.env.killed


def test_without_keys_nothing_is_asked_of_anybody(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BINANCE_API_KEY", raising=False)
    monkeypatch.delenv("BINANCE_SECRET_KEY", raising=False)
    nowhere = Endpoints("http://127.0.0.1:9", "ws://127.0.0.1:9")
    here = [f"venue.rest={nowhere.rest}", f"venue.ws={nowhere.ws}"]
    with pytest.raises(ConfigError, match="BINANCE_API_KEY"):
        LiveSession(config(tmp_path, None, *here), Spokes(), paper=False)


def test_a_journal_never_overwrites_another(tmp_path):
    wanted = tmp_path / "s"
    assert free_folder(wanted) == wanted
    for name in ("s", "s-2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / META_FILE).touch()
    assert free_folder(wanted) == tmp_path / "s-3"
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="is a file"):
        free_folder(tmp_path / "file")


@pytest.mark.usefixtures("keys")
def test_a_venue_that_takes_no_orders_is_refused_at_the_start(tmp_path):
    settings = config(tmp_path, None, "venue.id=binance-spot", 'instruments=["BTC_USDT"]')
    with pytest.raises(ConfigError, match=r"no orders can be sent to binance-spot.*binance-usdm"):
        LiveSession(settings, Spokes(), paper=False)
    LiveSession(settings, Spokes(), paper=True)
