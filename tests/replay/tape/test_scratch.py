"""The arrays that a scan writes: a view for every address, a place for every count."""

from __future__ import annotations

from replay.tape import scratch
from replay.tape.scratch import S_SIZE, SCAN, Scan


def test_every_address_of_the_record_has_a_view_of_its_name():
    sizes = {
        "market_rows", "local_rows", "slots", "instruments", "order_deeds",
        *(name for name in SCAN.names if name.endswith("_cap")),
    }  # fmt: skip
    for name in set(SCAN.names) - sizes:
        assert isinstance(getattr(Scan, name), property), name


def test_every_count_has_a_place_of_its_own():
    places = [
        at for name, at in vars(scratch).items() if name.startswith("S_") and name != "S_SIZE"
    ]
    assert len(set(places)) == len(places)
    assert max(places) < S_SIZE
