"""What all formats keep to: found by looking, the same rows as a recording, no error but ours."""

from __future__ import annotations

import random

import numpy as np
import pytest

from extrema_nb.errors import ExtremaError
from extrema_nb.events import EVENT, VIEWS, EventKind, Flag, as_events, empty_events
from replay.convert import convert
from replay.sources import FORMATS, open_source
from replay.sources.formats import known, load, peek

FILES = {
    "binance-public": ["binance_vision/ADABTC-1m-2021-11-27.csv"],
    "candles": [
        "candles/freqtrade_XRP_ETH-1m.feather", "candles/freqtrade_XRP_ETH-trades.feather",
        "candles/freqtrade_futures_XRP_USDT_USDT-8h-funding_rate.feather",
    ],
    "databento": [
        "dbn_samples/test_data.mbo.v3.dbn", "dbn_samples/test_data.mbp-10.dbn",
        "dbn_samples/test_data.tbbo.v3.dbn.zst", "dbn_samples/test_data.ohlcv-1s.dbn",
        "l3/esh4-glbx-mdp3-20231224.mbo.dbn.zst",
    ],
    "lean": [
        "candles/lean_crypto_binance_minute_btcbusd_20221213_trade.zip",
        "candles/lean_cryptofuture_binance_minute_adausdt_20221213_quote.zip",
        "candles/lean_cryptofuture_binance_margin_interest_btcusd.csv",
    ],
    "lobster": ["l3/lobster_AAPL_2012-06-21_message_10_first1000.csv"],
    "obanalytics": ["l3/bitstamp_obanalytics_orders.csv.xz"],
    "tardis": [
        "tardis_csv/binance-futures_book_snapshot_25_BTCUSDT.csv.gz",
        "tardis_csv/huobi-dm-swap_quotes_BTC-USD.csv.gz", "tardis_csv/trades.csv.gz",
        "tardis_csv/small_deltas_with_snapshot.csv", "tardis_csv/small_derivative_ticker_1.csv",
    ],
}  # fmt: skip
ALL = [(name, path) for name, paths in FILES.items() for path in paths]
WRITTEN = {"hftbacktest", "rows-csv"}  # made by `convert`; their tests make them


def read(source):
    return np.concatenate([empty_events(0), *source.batches()])


def test_every_format_has_a_sample_and_says_what_it_reads():
    assert set(FILES) | WRITTEN == set(known())
    assert set(known()) < set(FORMATS)
    assert all(load(name).HELP for name in known())


@pytest.mark.parametrize(("name", "path"), ALL, ids=[path for _, path in ALL])
def test_a_file_is_known_by_its_own_format_alone(shared_data, name, path):
    seen = peek(shared_data / path)
    assert [each for each in known() if load(each).looks_like(seen)] == [name]


@pytest.mark.parametrize(("name", "path"), ALL, ids=[path for _, path in ALL])
def test_rows_are_whole_and_survive_as_a_recording(shared_data, tmp_path, name, path):
    source = open_source(shared_data / path)
    rows = read(source)
    assert rows.dtype == EVENT
    assert as_events(rows) is not None  # in order of ts_recv
    assert set(rows["kind"].tolist()) <= {int(kind) for kind in VIEWS}
    assert ((rows["inst"] >= 0) & (rows["inst"] < len(source.instruments))).all()
    single = rows[~np.isin(rows["kind"], [EventKind.LOB, EventKind.MBO])]
    assert (single["flags"] & int(Flag.LAST) != 0).all()
    lob = rows[rows["kind"] == EventKind.LOB]
    assert not lob.size or lob["flags"][-1] & int(Flag.LAST)
    report = convert(source, tmp_path / "rec")
    assert report["rows"] == len(rows)
    back = open_source(tmp_path / "rec")
    assert read(back).tobytes() == rows.tobytes()
    assert [spec.name for spec in back.instruments] == [spec.name for spec in source.instruments]
    assert read(open_source(shared_data / path, start=int(rows["ts_recv"][-1]))).tobytes() == (
        rows[rows["ts_recv"] == rows["ts_recv"][-1]].tobytes()
    )


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize(("name", "path"), [(name, paths[0]) for name, paths in FILES.items()])
def test_batches_of_any_size_hold_the_same_rows(shared_data, name, path, size):
    source = open_source(shared_data / path, end=None)
    whole = read(source)[:3000]
    got = []
    for batch in source.batches(size):
        assert 0 < len(batch) <= size
        got.append(batch)
        if sum(map(len, got)) >= len(whole):
            break
    assert np.concatenate(got)[: len(whole)].tobytes() == whole.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("skip_bad", [False, True])
@pytest.mark.parametrize(("name", "path"), ALL, ids=[path for _, path in ALL])
def test_a_garbled_file_gives_rows_or_an_error_of_ours(shared_data, tmp_path, name, path, skip_bad):
    """Bytes changed, left out and cut off at random: nothing but an error that says so."""
    raw = (shared_data / path).read_bytes()[:40_000]
    target = tmp_path / path.rpartition("/")[2]
    for seed in range(12):
        rng = random.Random(f"{path}{seed}")
        data = bytearray(raw)
        for _ in range(rng.choice((1, 3, 20))):
            at = rng.randrange(len(data))
            what = rng.randrange(3)
            if what == 0:
                data[at] = rng.randrange(256)
            elif what == 1:
                del data[at : at + rng.randrange(1, 50)]
            else:
                data[at:at] = rng.choice((b",", b"nan", b"\n", b"-", b"9" * 25, b"\xff\x00", b'"'))
            if len(data) < 10:
                break
        if rng.random() < 0.3:
            del data[rng.randrange(len(data)) :]
        target.write_bytes(bytes(data))
        for form in (name, None):
            try:
                rows = read(open_source(target, form, skip_bad=skip_bad))
            except ExtremaError:
                continue
            assert (np.diff(rows["ts_recv"]) >= 0).all()


# a table of candles is one, whoever wrote it
READ_AS_WELL = {("candles", "binance-public"), ("candles", "candles")}
OTHERS = [
    (name, other, FILES[other][0])
    for name in sorted({*FILES, *WRITTEN})
    for other in FILES
    if name != other and (name, other) not in READ_AS_WELL
]


@pytest.mark.parametrize(("name", "other", "path"), OTHERS)
def test_a_file_of_another_format_is_refused_with_what_was_expected(shared_data, name, other, path):
    """Said with --format, so that nobody looks: the header alone can tell."""
    with pytest.raises(ExtremaError, match=r"expected|not readable|give|rename|convert") as caught:
        read(open_source(shared_data / path, name))
    assert path.rpartition("/")[2] in str(caught.value)
