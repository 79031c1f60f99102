"""Rings: independence, order, loss that is told."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import ConfigError
from extrema_nb.events import EVENT, TRADE, EventKind, empty_events
from extrema_nb.runtime.rings import LAG_REPORT_US, Ring
from tests.patience import PATIENCE_S


def numbered(first, n):
    rows = empty_events(n)
    rows["kind"] = EventKind.TRADE
    rows["w0"] = np.arange(first, first + n)
    return rows


def test_every_reader_gets_every_row_in_order():
    ring = Ring(8)
    readers = [ring.reader() for _ in range(3)]
    ring.publish(numbered(0, 3))
    ring.publish(numbered(3, 2))
    for reader in readers:
        assert reader.read()["w0"].tolist() == [0, 1, 2, 3, 4]
        assert len(reader.read()) == 0


def test_a_reader_starts_at_the_present_end():
    ring = Ring(8)
    ring.publish(numbered(0, 3))
    late = ring.reader()
    ring.publish(numbered(3, 1))
    assert late.read()["w0"].tolist() == [3]


def test_rings_do_not_disturb_each_other():
    noisy, calm = Ring(4), Ring(4)
    reader = calm.reader()
    calm.publish(numbered(0, 1))
    for i in range(100):
        noisy.publish(numbered(i, 1))
    assert reader.read()["w0"].tolist() == [0]
    assert reader.lost_total == 0


@given(st.integers(1, 9), st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=30))
def test_rows_read_and_rows_lost_add_up_to_rows_published(capacity, moves):
    ring = Ring(capacity)
    reader = ring.reader()
    published = 0
    got: list[int] = []
    for write, read in moves:
        ring.publish(numbered(published, write))
        published += write
        got += reader.read(read)["w0"].tolist()
    while len(rest := reader.read()):
        got += rest["w0"].tolist()
    assert len(got) + reader.lost_total == published
    assert got == sorted(set(got))
    assert got[-1:] == list(range(published))[-1:]


def test_a_burst_larger_than_the_ring_keeps_its_end():
    ring = Ring(4)
    reader = ring.reader()
    ring.publish(numbered(0, 10))
    assert reader.read()["w0"].tolist() == [6, 7, 8, 9]
    assert reader.lost_total == 6


def test_first_loss_is_told_at_once_then_once_a_second_with_the_sum():
    ring = Ring(2)
    reader = ring.reader()
    now = 5_000_000_000
    ring.publish(numbered(0, 5))
    reader.read()
    assert reader.take_lag(now) == 3
    for _ in range(2):
        ring.publish(numbered(0, 4))
        reader.read()
        assert reader.take_lag(now + LAG_REPORT_US - 1) == 0
    assert reader.take_lag(now + LAG_REPORT_US) == 4
    assert reader.take_lag(now + 9 * LAG_REPORT_US) == 0


def test_a_loss_is_told_before_the_end_even_within_the_second():
    ring = Ring(2)
    reader = ring.reader()
    ring.publish(numbered(0, 3))
    reader.read()
    reader.take_lag(0)
    ring.publish(numbered(0, 3))
    ring.close()
    reader.read()
    assert not reader.done
    assert reader.take_lag(1) == 1
    assert reader.done


def test_direct_readers_are_called_inside_publish_in_order():
    ring = Ring(4)
    calls: list[tuple[str, int]] = []
    ring.direct(lambda rows: calls.append(("a", len(rows))))
    ring.direct(lambda rows: calls.append(("b", len(rows))))
    ring.publish(numbered(0, 9))  # more than the ring holds: direct readers still see all
    assert calls == [("a", 9), ("b", 9)]


def test_a_direct_reader_that_raises_is_taken_off_and_the_writer_goes_on():
    failed: list[str] = []
    ring = Ring(4, on_error=lambda name, error: failed.append(f"{name}: {error}"))
    seen: list[int] = []

    def broken(rows):
        raise OSError("disk full")

    ring.direct(broken, "recorder")
    ring.direct(lambda rows: seen.append(len(rows)))
    ring.publish(numbered(0, 1))
    ring.publish(numbered(0, 1))
    assert failed == ["recorder: disk full"]
    assert seen == [1, 1]


def test_announcements_reach_cursors_only():
    ring = Ring(4)
    reader = ring.reader()
    ring.direct(lambda _: pytest.fail("a direct reader saw an announcement"))
    ring.announce(numbered(7, 1))
    assert reader.read()["w0"].tolist() == [7]


def test_what_is_read_belongs_to_the_reader():
    ring = Ring(2)
    reader = ring.reader()
    ring.publish(numbered(0, 2))
    mine = reader.read()
    ring.publish(numbered(10, 2))
    assert mine["w0"].tolist() == [0, 1]


def test_typed_views_may_be_published():
    ring = Ring(2)
    reader = ring.reader()
    rows = numbered(0, 1).view(TRADE)
    rows["price"] = 2.5
    ring.publish(rows)
    got = reader.read()
    assert got.dtype == EVENT
    assert got.view(TRADE)["price"][0] == 2.5


def test_publishing_wakes_a_waiting_reader():
    async def main():
        ring = Ring(4)
        wake = asyncio.Event()
        reader = ring.reader(wake)
        waiting = asyncio.create_task(wake.wait())
        await asyncio.sleep(0)
        ring.publish(numbered(0, 1))
        await asyncio.wait_for(waiting, PATIENCE_S)
        assert len(reader.read()) == 1

    asyncio.run(main())


def test_a_closed_ring_takes_no_more_and_gives_what_it_has():
    ring = Ring(4)
    reader = ring.reader()
    ring.publish(numbered(0, 2))
    ring.close()
    ring.close()
    ring.publish(numbered(2, 2))
    assert reader.read()["w0"].tolist() == [0, 1]
    assert reader.done


def test_a_ring_without_room_is_refused():
    with pytest.raises(ConfigError, match="at least 1"):
        Ring(0)


def test_latest_gives_the_newest_rows_across_the_seam():
    ring = Ring(4)
    assert len(ring.latest(3)) == 0
    ring.publish(numbered(0, 6))
    assert ring.latest(3)["w0"].tolist() == [3, 4, 5]
    assert ring.latest(99)["w0"].tolist() == [2, 3, 4, 5]
