"""Foreign files as a source: filters, several files, order, what was met on the way."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.errors import ConfigError, DataError
from extrema_nb.events import EventKind
from extrema_nb.instruments import Instrument, InstrumentTable
from replay.sources.files import FileSource

T = 1_700_000_000_000_000
HEAD = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"


def trades(path, times, symbol="BTCUSDT", price="100.5"):
    path.write_text(
        HEAD + "".join(f"binance-futures,{symbol},{T + t},{T + t},7,buy,{price},1\n" for t in times)
    )
    return path


def read(source, size=65_536):
    return np.concatenate(list(source.batches(size)))


def test_files_come_in_order_of_arrival_under_one_table(tmp_path):
    a = trades(tmp_path / "a.csv", [1, 4, 5], price="100.5")
    b = trades(tmp_path / "b.csv", [2, 3, 9], "ETHUSDT", price="10.25")
    source = FileSource([a, b], "tardis")
    rows = read(source)
    assert (rows["ts_recv"] - T).tolist() == [1, 2, 3, 4, 5, 9]
    assert rows["inst"].tolist() == [0, 1, 1, 0, 0, 1]
    assert [spec.name for spec in source.instruments] == ["BTC_USDT_PERP", "ETH_USDT_PERP"]
    assert (source.counts.rows, source.done) == (6, 1.0)
    assert read(source, 2).tobytes() == rows.tobytes()


def test_instruments_kinds_and_windows_are_chosen(tmp_path):
    path = trades(tmp_path / "a.csv", range(10))
    rows = read(FileSource([path], "tardis", start=T + 2, end=T + 5))
    assert (rows["ts_recv"] - T).tolist() == [2, 3, 4]
    assert list(FileSource([path], "tardis", kinds=[EventKind.BBO]).batches()) == []
    other = trades(tmp_path / "b.csv", range(3), "ETHUSDT")
    only = FileSource([path, other], "tardis", instruments=["ETHUSDT"])
    assert set(read(only)["inst"]) == {0}
    with pytest.raises(ConfigError, match=r"unknown instrument 'ETCUSDT'.*the files hold"):
        FileSource([path], "tardis", instruments=["ETCUSDT"])


def test_a_table_gives_the_ids(tmp_path):
    path = trades(tmp_path / "a.csv", [1])
    spec = Instrument(venue="binance-usdm", symbol="BTCUSDT", name="BTC_USDT_PERP", tick_size=0.5)
    other = Instrument(venue="binance-usdm", symbol="ETHUSDT", name="ETH_USDT_PERP")
    source = FileSource([path], "tardis", table=InstrumentTable([other, spec]))
    assert read(source)["inst"].tolist() == [1]
    with pytest.raises(ConfigError, match="BTCUSDT, which is not in the instrument table"):
        FileSource([path], "tardis", table=InstrumentTable([other]))


def test_a_time_that_goes_back_is_refused_or_sorted(tmp_path):
    path = trades(tmp_path / "a.csv", [1, 5, 3, 4])
    with pytest.raises(DataError, match=r"a\.csv: a row at ts_recv \d+ µs is 2 µs earlier.*--sort"):
        read(FileSource([path], "tardis"))
    source = FileSource([path], "tardis", sort=True)
    assert (read(source)["ts_recv"] - T).tolist() == [1, 3, 4, 5]
    assert source.counts.out_of_order == 2


def test_bad_lines_are_counted(tmp_path):
    path = trades(tmp_path / "a.csv", [1, 2])
    path.write_text(path.read_text() + "binance-futures,BTCUSDT,1,1,7,buy,x,1\n")
    with pytest.raises(DataError, match=r"a\.csv:4: "):
        FileSource([path], "tardis")
    source = FileSource([path], "tardis", skip_bad=True)
    assert len(read(source)) == 2
    assert source.counts.skipped == 1


def test_the_steps_of_all_files_are_kept(tmp_path):
    paths = []
    for at, step in enumerate((0.5, 0.2)):
        text = HEAD + "".join(
            f"binance-futures,BTCUSDT,{T + i},{T + i},7,buy,{100 + i * step:.1f},1\n"
            for i in range(1, 300)
        )
        paths.append(tmp_path / f"{at}.csv")
        paths[-1].write_text(text)
    assert FileSource([paths[0]], "tardis").instruments[0].tick_size == 0.5
    assert FileSource(paths, "tardis").instruments[0].tick_size == 0.1


def test_it_describes_itself(tmp_path):
    told = FileSource([trades(tmp_path / "a.csv", [1])], "tardis").describe()
    assert (told["format"], told["files"], told["rows"]) == ("tardis", 1, None)
    assert len(told["sha256"]) == 64


def test_a_level_between_two_ticks_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("replay.sources.csvfile.SAMPLE", 10)
    head = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n"
    lines = [f"binance-futures,BTCUSDT,{T + i},{T + i},true,bid,{100 + i},1\n" for i in range(2000)]
    path = tmp_path / "x.csv"
    path.write_text(head + "".join(lines) + lines[-1].replace("bid,2099", "bid,2099.25"))
    with pytest.raises(DataError, match=r"price 2099\.25 of BTC_USDT_PERP is no multiple.*--tick"):
        read(FileSource([path], "tardis"))
    assert len(read(FileSource([path], "tardis", tick=0.25))) == 2001
