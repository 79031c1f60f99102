"""Order events of Bitstamp: the sample read whole, and what is refused."""

from __future__ import annotations

import lzma

import numpy as np
import pytest

from extrema_nb.errors import DataError
from extrema_nb.events import MBO
from replay.sources import open_source

HEAD = "id,timestamp,exchange.timestamp,price,volume,action,direction\n"


def test_the_sample_reads_as_it_is_written(shared_data):
    path = shared_data / "l3" / "bitstamp_obanalytics_orders.csv.xz"
    source = open_source(path)
    orders = np.concatenate(list(source.batches())).view(MBO)
    with lzma.open(path, "rt") as lines:
        cells = [line.strip().split(",") for line in lines][1:]
    assert len(orders) == len(cells) == 50_414
    assert orders["order_id"].tolist() == [int(c[0]) for c in cells]
    assert orders["ts_recv"].tolist() == [int(c[1]) * 1000 for c in cells]
    assert orders["price"].tolist() == [float(c[3]) for c in cells]
    told = orders["action"] != 4
    assert orders["qty"][told].tolist() == [
        float(c[4]) / 1e8 for c, is_told in zip(cells, told, strict=True) if is_told
    ]
    actions = {"created": 1, "changed": 2, "deleted": 3}
    for row, cell in zip(orders, cells, strict=True):
        assert row["action"] in {actions[cell[5]], 4}
    # one to less at the same price, or nothing left at the end: 562 parts, 558 rests
    assert np.count_nonzero(~told) == 562 + 558
    assert orders["side"].tolist() == [1 if c[6] == "bid" else -1 for c in cells]


def test_fills_are_executions_and_cancellations_are_not(tmp_path):
    path = tmp_path / "x.csv"
    events = [
        (1, 100, "created"), (1, 60, "changed"), (1, 0, "deleted"), (2, 50, "created"),
        (2, 50, "deleted"), (3, 40, "changed"), (3, 0, "deleted"), (4, 0, "deleted"),
    ]  # fmt: skip
    path.write_text(
        HEAD + "".join(
            f"{i},1430438404518,1430438404000,236.47,{volume}00000000,{action},bid\n"
            for i, volume, action in events
        )
    )  # fmt: skip
    orders = np.concatenate(list(open_source(path).batches())).view(MBO)
    assert list(zip(orders["action"].tolist(), orders["qty"].tolist(), strict=True)) == [
        (1, 100.0), (4, 40.0), (4, 60.0), (1, 50.0), (3, 50.0), (2, 40.0), (4, 40.0), (3, 0.0),
    ]  # fmt: skip


def test_an_unknown_action_is_refused(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(HEAD + "1,1430438404518,1430438404000,236.47,100,moved,bid\n")
    with pytest.raises(DataError, match=r"moved.*expected an action of created, changed, deleted"):
        list(open_source(path).batches())
    path.write_text(HEAD)
    with pytest.raises(DataError, match="a header and no rows"):
        open_source(path)
