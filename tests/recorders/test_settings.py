"""Settings of a recording: what they mean, and what makes no sense."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from extrema_nb.config import load_toml
from extrema_nb.errors import ConfigError
from extrema_nb.venues import load
from recorders.settings import RecordSettings, VenueSettings

BOTH = """
out = "rec"
keep_days = 30.0
copy_options = { endpoint_url = "http://127.0.0.1:9000" }

[[venues]]
venue = "binance-usdm"
instruments = ["top 50 by volume", "!USDC*"]

[[venues]]
venue = "okx"
instruments = ["*_USDT_PERP"]
channels = ["book", "funding"]
"""


def test_a_file_may_name_several_venues(tmp_path):
    path = tmp_path / "record.toml"
    path.write_text(BOTH)
    settings = load_toml(path, RecordSettings)
    settings.check()
    usdm, okx = settings.parts()
    assert (usdm.venue, usdm.channels) == ("binance-usdm", ["trade", "bbo", "book"])
    assert (okx.venue, okx.channels) == ("okx", ["book", "funding"])
    assert settings.upkeep().keep_days == 30.0
    assert settings.upkeep().copy_options == {"endpoint_url": "http://127.0.0.1:9000"}


def test_one_venue_stands_at_the_top_and_others_may_follow():
    one = RecordSettings(out="x", instruments=["A"])
    assert [part.venue for part in one.parts()] == ["binance-usdm"]
    more = RecordSettings(out="x", instruments=["A"], venues=[VenueSettings(venue="okx")])
    assert [part.venue for part in more.parts()] == ["binance-usdm", "okx"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"instruments": []}, "no instruments to record"),
        ({"channels": []}, "no channels to record"),
        ({"rest": "http://x", "ws": ""}, "both addresses"),
        ({"flush_s": 0.0}, "flush_s is 0.0, expected more than 0"),
        ({"queue_mb": float("nan")}, "queue_mb is nan, expected more than 0"),
        ({"seconds": -1.0}, "seconds is -1.0, expected 0 or more"),
        ({"keep_days": -1.0}, "keep_days is -1.0, expected 0 or more"),
        ({"venues": [VenueSettings(instruments=["B"])]}, "venue binance-usdm stands there twice"),
        ({"venues": [VenueSettings(venue="okx")]}, "no instruments to record"),
        ({"out": "s3://b/x", "copy_to": "y"}, "an object store already"),
    ],
)
def test_what_makes_no_sense_is_said(change, said):
    with pytest.raises(ConfigError, match=said):
        RecordSettings(**{"out": "x", "instruments": ["A"], **change}).check()


def test_an_object_store_has_a_folder_here_first(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    there = RecordSettings(out="s3://bucket/prefix", instruments=["A"])
    assert there.folder.is_relative_to(tmp_path)
    assert there.folder != RecordSettings(out="s3://bucket/other", instruments=["A"]).folder
    assert (there.upkeep().copy_to, there.upkeep().drop_copied) == ("s3://bucket/prefix", True)
    assert RecordSettings(out="s3://b", work="w", instruments=["A"]).folder == Path("w")
    here = RecordSettings(out="file:///x/y", instruments=["A"])
    assert (here.folder, here.upkeep().drop_copied) == (Path("/x/y"), False)


def test_rows_spill_to_the_temporary_folder_only_if_it_is_another_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    settings = RecordSettings(out=str(tmp_path / "rec"), instruments=["A"])
    assert settings.spill_folder() is None
    monkeypatch.setattr(tempfile, "tempdir", "/dev/shm")  # noqa: S108 - another file system
    if Path("/dev/shm").exists():  # noqa: S108
        assert settings.spill_folder().parent == Path("/dev/shm")  # noqa: S108
    named = RecordSettings(out=str(tmp_path / "rec"), instruments=["A"], spill=str(tmp_path))
    assert named.spill_folder().parent == tmp_path
    assert RecordSettings(out="x", instruments=["A"], spill="").spill_folder() is None


def test_endpoints_are_the_venues_own_unless_others_are_given():
    venue = load("binance-usdm")
    assert VenueSettings().endpoints(venue) == venue.endpoints
    other = VenueSettings(rest="http://127.0.0.1:1", ws="ws://127.0.0.1:1").endpoints(venue)
    assert (other.rest, other.ws) == ("http://127.0.0.1:1", "ws://127.0.0.1:1")


def test_how_streams_are_received():
    feed = RecordSettings(out="x", client="aiohttp", proxy="http://p:1", lines=2).feed()
    assert (feed.ws.transport, feed.ws.proxy, feed.lines) == ("aiohttp", "http://p:1", 2)
