"""Several paths as one source: what belongs together, and which instruments are meant."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.errors import ConfigError
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.store import RowWriter
from extrema_nb.testing import rows, trade
from replay.sources import CaptureSource, open_together
from replay.sources.several import groups_of, one_group
from replay.sources.together import TogetherSource
from tests.replay.sources.captures import SYNCED, write

T0 = 1_723_161_255_000_000


def record(root, venue, symbol):
    """Write two trades of the perpetual of a venue, a microsecond after those of the one before."""
    table = InstrumentTable(
        [
            Instrument(
                venue=venue, symbol=symbol, name="BTC_USDT_PERP", tick_size=0.1, lot_size=0.001
            )
        ]
    )
    later = venue == "okx"
    writer = RowWriter(root, table, venue)
    writer.write(rows(*(trade(100.0 + i, 1.0 + later, ts=T0 + 2 * i + later) for i in range(2))), 0)
    writer.flush()
    return root


@pytest.fixture
def pair(tmp_path):
    return [
        record(tmp_path / "b", "binance-usdm", "BTCUSDT"),
        record(tmp_path / "o", "okx", "BTC-USDT-SWAP"),
    ]


def seen(source):
    batch = np.concatenate(list(source.batches()))
    return [(source.instruments[int(row["inst"])].venue, int(row["ts_recv"]) - T0) for row in batch]


def test_recordings_of_two_venues_come_by_one_clock(pair):
    source = open_together(pair)
    assert source.instruments.labels() == ["binance-usdm:BTC_USDT_PERP", "okx:BTC_USDT_PERP"]
    assert seen(source) == [("binance-usdm", 0), ("okx", 1), ("binance-usdm", 2), ("okx", 3)]


def test_a_name_means_all_venues_that_have_it_and_one_behind_its_venue(pair):
    assert len(seen(open_together(pair, instruments=["BTC_USDT_PERP"]))) == 4
    assert seen(open_together(pair, instruments=["okx:BTC_USDT_PERP"])) == [("okx", 1), ("okx", 3)]
    assert seen(open_together(pair[1:], instruments=["okx:BTC_USDT_PERP"])) == [
        ("okx", 1), ("okx", 3),
    ]  # fmt: skip
    with pytest.raises(ConfigError, match=r"unknown instrument 'okx:ETH': the files hold"):
        open_together(pair, instruments=["okx:ETH"])


def test_captures_of_one_venue_continue_each_other_and_those_of_two_do_not(shared_data):
    perp, spot = (
        shared_data / f"binance_{kind}" / "capture" / "btcusdt_20240808.gz"
        for kind in ("usdm", "spot")
    )
    day = perp.with_name("btcusdt_20230405.dat.gz")
    assert groups_of([perp, spot, day]) == [("collector", [perp, day]), ("collector", [spot])]
    assert groups_of([perp, spot], None, "binance-usdm") == [("collector", [perp, spot])]
    assert len(open_together([perp, spot]).instruments) == 2


def test_a_file_that_does_not_show_its_venue_goes_with_those_before_it(tmp_path):
    first = write(tmp_path / "a.gz", SYNCED, range(2, 8))
    plain = tmp_path / "b"
    plain.write_text("1723161255000000 {}\n")
    assert groups_of([first, plain]) == [("collector", [first, plain])]
    assert isinstance(open_together([first]), CaptureSource)
    assert isinstance(open_together([first], venues=["binance-usdm"]), TogetherSource)


def test_what_is_not_one_source_is_told_to_whom_needs_one(pair, tmp_path):
    one_group(pair[:1], None, None)
    with pytest.raises(ConfigError, match=r"tick 0\.5 is for files of other formats"):
        one_group(pair[:1], None, None, tick=0.5)
    with pytest.raises(ConfigError, match=r"b and .*o are of different venues .* --append"):
        one_group(pair, None, None)
    with pytest.raises(ConfigError, match="no file to read"):
        open_together([])


def test_a_path_that_is_given_twice_is_refused(pair, tmp_path):
    (tmp_path / "link").symlink_to(pair[0])
    with pytest.raises(ConfigError, match="link is given twice, and its rows would count twice"):
        open_together([*pair, tmp_path / "link"])


@pytest.mark.parametrize("option", [{"tick": 0.5}, {"symbol": "X"}, {"sort": True}])
def test_an_option_that_no_file_can_use_is_refused(pair, tmp_path, option):
    with pytest.raises(ConfigError, match=f"{next(iter(option))} .* is for files of other formats"):
        open_together(pair, **option)
    capture = write(tmp_path / "x.gz", SYNCED, range(2, 8))
    if "sort" in option:
        assert len(open_together([*pair, capture], **option).instruments) == 2
    else:
        with pytest.raises(ConfigError, match="collector, parquet files say it themselves"):
            open_together([*pair, capture], **option)
