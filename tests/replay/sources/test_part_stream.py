"""Where a window begins in the files of a recording."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.events import LOB_LEVEL, EventKind, Flag, empty_events
from extrema_nb.store import LogWriter, RowWriter, list_parts, log_folder, read_info
from extrema_nb.testing import book, instrument_table, rows, trade
from replay.sources.parquet import ParquetSource
from replay.sources.part_stream import first_row, last_snapshot

TABLE = instrument_table()
T0 = 1_700_000_000_000_000
EARLY = int(Flag.SNAPSHOT | Flag.PARTIAL)


def day():
    """Two books with snapshots now and then, and trades between."""
    parts = []
    for i in range(40):
        ts, inst = T0 + i * 10, i % 2
        whole = i in {0, 1, 12, 25, 30}
        parts.append(book([(100.0 + i, 1.0)], [(200.0, 1.0)], ts, inst=inst, snapshot=whole))
        if i in {0, 12, 30}:  # made by the recorder
            parts[-1]["flags"] |= np.int16(Flag.SYNTHETIC)
        if i == 20:
            parts[-1]["flags"] |= np.int16(EARLY)
            parts[-1]["flags"][0] |= np.int16(Flag.START)
        parts.append(trade(100.0, 1.0, ts=ts + 1, inst=inst))
    return rows(*parts)


def write(root, events, first=0):
    writer = RowWriter(root, TABLE, "v")
    writer.write(events, first)
    writer.flush()


def naive(events, start, end):
    """Return what a window holds, book rows from the last whole snapshot on."""
    keep = np.zeros(len(events), np.bool_)
    for inst in (0, 1):
        mine = (events["inst"] == inst) & (events["kind"] == EventKind.LOB)
        bits = events["flags"] & int(Flag.START | Flag.PARTIAL)
        begins = np.flatnonzero(mine & (bits == int(Flag.START)) & (events["ts_recv"] <= start))
        if begins.size:
            keep |= mine & (np.arange(len(events)) >= begins[-1])
    keep |= events["ts_recv"] >= start
    kept = events[keep & (events["ts_recv"] < end)]
    own, out = int(Flag.SNAPSHOT | Flag.SYNTHETIC), []
    begun, followed = set(), set()
    for one in kept:  # the recorder's copies of a book that has begun and goes on are left out
        inst, flags = int(one["inst"]), int(one["flags"])
        if one["kind"] == EventKind.LOB:
            if flags & Flag.START:
                begun.add(inst)
            copy = flags & own == own
            if copy and inst in followed:
                continue
            if inst in begun and not copy:
                followed.add(inst)
        out.append(one)
    return np.array(out, dtype=events.dtype)


@pytest.mark.parametrize("start", range(0, 400, 35))
@pytest.mark.parametrize("logged", [False, True])
def test_books_begin_with_their_last_whole_snapshot(tmp_path, start, logged):
    events, cut = day(), 60
    if logged:  # the last third has not yet been rolled
        write(tmp_path, events[:cut])
        log = LogWriter(log_folder(tmp_path) / "rows-000000000060.log", TABLE, "v", cut)
        log.write(events[cut:90])
        log.write(events[90:])
        log.close()
    else:
        write(tmp_path, events)
    window = T0 + start, T0 + start + 60
    source = ParquetSource(
        tmp_path, start=window[0], end=window[1], from_snapshot=True, table=TABLE
    )
    got = np.concatenate([empty_events(0), *source.batches(7)])
    assert got.tobytes() == naive(events, *window).tobytes()
    assert source.without_snapshot == ([] if start >= 10 else ["ETH_USDT_PERP"])
    lob = got[got["kind"] == EventKind.LOB].view(LOB_LEVEL)
    frame = source.scan(EventKind.LOB)
    if logged:
        assert frame is None
    else:
        out = frame.collect()
        assert out["arrival"].is_sorted()
        for name in ("ts_recv", "price", "qty", "flags", "side"):
            assert out[name].to_list() == lob[name].tolist()
        assert out["instrument"].to_list() == [TABLE[inst].name for inst in lob["inst"]]
        assert source.scan(EventKind.BBO).collect().is_empty()
    plain = ParquetSource(tmp_path, start=window[0], end=window[1], table=TABLE)
    plain.own_snapshots = True
    got = np.concatenate([empty_events(0), *plain.batches(7)])
    inside = (events["ts_recv"] >= window[0]) & (events["ts_recv"] < window[1])
    assert got.tobytes() == events[inside].tobytes()


def test_the_first_row_of_a_window_is_found_in_its_column(tmp_path):
    write(tmp_path, rows(*(trade(1.0, 1.0, ts=T0 + i // 2) for i in range(10))))
    (part,) = list_parts(tmp_path)
    info = read_info(part.path)
    assert [first_row(part.path, info, T0 + ts) for ts in (-1, 0, 1, 4, 5)] == [0, 0, 2, 8, 10]
    assert first_row(part.path, info, None) == 0
    assert last_snapshot([], T0) is None


def test_a_book_that_begins_unknown_is_said(tmp_path, caplog):
    write(tmp_path, book([(100.0, 1.0)], [(101.0, 1.0)], T0, inst=0))
    source = ParquetSource(tmp_path, start=T0, from_snapshot=True)
    assert "no snapshot before the window for BTC_USDT_PERP" in caplog.text
    assert source.describe()["without_snapshot"] == ["BTC_USDT_PERP"]
    levels = next(iter(source.batches())).view(LOB_LEVEL)
    assert levels["price"].tolist() == [100.0, 101.0]
