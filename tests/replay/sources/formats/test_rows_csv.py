"""Our own CSV: the name says what it holds, the header must be whole."""

from __future__ import annotations

import pytest

from extrema_nb.errors import DataError
from extrema_nb.events import STATUS, TRADE
from replay.sources import open_source

HEAD = "arrival,ts_event,ts_recv,side,flags,price,qty,trade_id,first_id,last_id\n"
T = 1_700_000_000_000_000


def test_a_file_without_specs_beside_it_names_its_instrument(tmp_path):
    path = tmp_path / "v.BTC_USDT.trade.csv"
    path.write_text(HEAD + f"0,{T},{T},1,1,1.5,,7,-1,-1\n")
    source = open_source(path)
    (row,) = next(iter(source.batches())).view(TRADE)
    assert (row["price"], row["trade_id"]) == (1.5, 7)
    assert row["qty"] != row["qty"]
    assert (source.instruments[0].venue, source.instruments[0].name) == ("v", "BTC_USDT")


def test_rows_without_an_instrument_have_none(tmp_path):
    path = tmp_path / "_._.status.csv"
    path.write_text(
        f"arrival,ts_event,ts_recv,side,flags,code,expected,found,count,task\n0,{T},{T},0,1,5,1,2,3,4\n"
    )
    source = open_source(path)
    (row,) = next(iter(source.batches())).view(STATUS)
    assert (row["inst"], row["code"], row["found"]) == (-1, 5, 2)
    assert len(source.instruments) == 0


def test_other_names_and_headers_are_refused(tmp_path):
    path = tmp_path / "trades.csv"
    path.write_text(HEAD)
    with pytest.raises(DataError, match="no venue, instrument and kind in the name"):
        open_source(path)
    path = tmp_path / "v.A.bbo.csv"
    path.write_text(HEAD)
    with pytest.raises(DataError, match=r"header .*missing: bid_price.*convert them again"):
        open_source(path)
    path = tmp_path / "v.A.trade.csv"
    path.write_text(HEAD + f"0,{T},{T},1,1,x,1,7,-1,-1\n")
    with pytest.raises(DataError, match=r"trade\.csv:2: .*price is 'x'"):
        list(open_source(path).batches())
