"""extrema-nb convert: what it says and how it ends."""

from __future__ import annotations

import json

import pytest

from extrema_nb import cli
from extrema_nb.cli.convert import read_instruments
from extrema_nb.errors import DataError
from extrema_nb.testing import instrument_table
from replay.sources import ParquetSource
from tests.replay.sources.captures import SYNCED, depth, trade, write


def run(*words):
    return cli.main(["convert", *map(str, words)])


def test_the_last_line_is_one_json_object(tmp_path, capsys):
    path = write(tmp_path / "x.gz", SYNCED)
    assert run(path, "--format", "collector", "--out", tmp_path / "rec", "--json") == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["rows"], told["capture"]["lines"], told["instruments_guessed"]) == (12, 6, True)
    assert told["seconds"] >= 0


def test_what_was_odd_is_said_in_words(tmp_path, capsys):
    mark = '{"stream":"x@contractInfo","data":{"e":"contractInfo","s":"BTCUSDT"}}'
    frames = [depth(10, 5), trade(1), mark, "{broken"]
    path = write(tmp_path / "x.gz", frames, [0, 5000, 1000, 6000])
    assert run(path, "--out", tmp_path / "rec", "--skip-bad") == 0
    said = capsys.readouterr().out
    assert "4 rows in 3 files" in said
    assert "found in the text of prices and quantities: BTC_USDT_PERP tick 0.1 lot 0.01" in said
    assert "1 bad lines skipped" in said
    assert "1 rows with a local time that goes back" in said
    assert "no snapshot for BTC_USDT_PERP: book rows are flagged STALE; --assume-synced" in said
    assert "without rows: contractInfo 1" in said


def test_instruments_come_from_a_list_or_from_the_venues_answer(tmp_path):
    ours = tmp_path / "ours.json"
    ours.write_bytes(instrument_table().to_json())
    assert list(read_instruments(ours, "binance-usdm")) == list(instrument_table())
    theirs = tmp_path / "theirs.json"
    filters = (
        '[{"filterType":"PRICE_FILTER","tickSize":"0.10"},'
        '{"filterType":"LOT_SIZE","stepSize":"0.001"}]'
    )
    theirs.write_text(
        '{"symbols":[{"symbol":"BTCUSDT","contractType":"PERPETUAL","status":"TRADING",'
        f'"baseAsset":"BTC","quoteAsset":"USDT","filters":{filters}}}]}}'
    )
    assert read_instruments(theirs, "binance-usdm")[0].tick_size == 0.1
    with pytest.raises(DataError, match="cannot be read"):
        read_instruments(tmp_path / "nothing.json", "binance-usdm")
    path = write(tmp_path / "x.gz", SYNCED)
    out = tmp_path / "rec"
    assert run(path, "--out", out, "--instruments", ours, "--only", "BTC_USDT_PERP") == 0
    assert ParquetSource(out).instruments[0].lot_size == 0.001


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (b"", "empty file, expected lines"),
        (b"1723161255030314 {broken\n", "x.gz: no message of binance-usdm in the first 1 lines"),
        (b"hello\n", "x.gz:1: 'hello': expected 'LOCAL_TIME {json}'"),
    ],
)
def test_a_file_that_is_none_ends_in_one_line_and_code_2(tmp_path, capsys, lines, said):
    path = tmp_path / "x.gz"
    path.write_bytes(lines)
    assert run(path, "--format", "collector", "--out", tmp_path / "rec") == 2
    told = capsys.readouterr().err.splitlines()
    assert len([line for line in told if line.startswith("extrema-nb: ")]) == 1
    assert said in told[-1]
    assert not (tmp_path / "rec").exists()
