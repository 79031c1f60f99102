"""What variants share is laid out as the loop reads it."""

from __future__ import annotations

from replay.exchange.shared import N_SIZE, make_shared


def test_addresses_and_timers_stand_where_they_were_put():
    memory = []
    shared = make_shared([1, 2], [3, 4], [(5, 6), (7, 8)], [(9, 100, 50)], memory)
    assert shared.contexts.tolist() == [1, 2]
    assert shared.exchanges.tolist() == [3, 4]
    assert shared.cells.tolist() == [[5, 6], [7, 8]]
    assert shared.timers.tolist() == [[9, 100, 50, 0]]
    assert len(shared.now_of) == N_SIZE


def test_without_timers_none_is_ever_due():
    memory = []
    shared = make_shared([1], [2], [(3, 4)], [], memory)
    assert shared.timers[0, 1] == 1 << 62
