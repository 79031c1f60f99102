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
    assert orders["qty"].tolist() == [float(c[4]) / 1e8 for c in cells]
    actions = {"created": 1, "changed": 2, "deleted": 3}
    assert orders["action"].tolist() == [actions[c[5]] for c in cells]
    assert orders["side"].tolist() == [1 if c[6] == "bid" else -1 for c in cells]


def test_an_unknown_action_is_refused(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(HEAD + "1,1430438404518,1430438404000,236.47,100,moved,bid\n")
    with pytest.raises(DataError, match=r"moved.*expected an action of created, changed, deleted"):
        list(open_source(path).batches())
    path.write_text(HEAD)
    with pytest.raises(DataError, match="a header and no rows"):
        open_source(path)
