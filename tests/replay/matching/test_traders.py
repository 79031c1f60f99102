"""Simulated traders, one rule at a time."""

from __future__ import annotations

import numpy as np

from replay.matching import engine, traders
from replay.matching.book import BEST, N_OUT, ORDERS, make_book

WIDTH = 20_000


def made(seed=1, sigma=5.0):
    book = make_book(WIDTH, 4_096)
    crowd = traders.make_traders(
        seed, start_tick=WIDTH // 2, lots=100.0, rate=200.0, now=0, sigma=sigma
    )
    traders.run(book, crowd, 1, 10**9)
    return book, crowd


def test_everybody_is_there_at_the_start():
    book, crowd = made()
    assert book.n[ORDERS] == book.n[ORDERS + 1] == traders.SEATS // 2
    assert all(engine.place_of(book, oid) >= 0 for oid in crowd.seats)
    assert book.n[BEST + 1] - book.n[BEST] == 1


def test_orders_never_pile_up():
    book, crowd = made()
    while traders.run(book, crowd, 20_000_000, 10**9) == traders.MORE:
        book.n[N_OUT] = 0
        engine.clear_dirty(book)
    assert book.n[ORDERS] + book.n[ORDERS + 1] <= traders.SEATS
    live = np.flatnonzero(book.oid)
    assert len(live) == book.n[ORDERS] + book.n[ORDERS + 1]
    assert book.lots[live].sum() == book.depth.sum()


def test_a_full_buffer_is_handed_over_before_more_happens():
    book, crowd = made()
    book.n[N_OUT] = 0
    status, taken = traders.MORE, 0
    while status == traders.MORE:
        status = traders.run(book, crowd, 2_000_000, 50)
        assert book.n[N_OUT] < 50 + traders.PATIENT
        taken += int(book.n[N_OUT])
        book.n[N_OUT] = 0
        engine.clear_dirty(book)
    assert taken > 200


def test_the_fair_value_stays_inside_the_book_and_rows_inside_their_buffer():
    book, crowd = made(sigma=400.0)
    for until in range(1, 200):
        while traders.run(book, crowd, until * 1_000_000, 10**9) == traders.MORE:
            book.n[N_OUT] = 0
            engine.clear_dirty(book)
        assert 0 < crowd.f[traders.FAIR] < WIDTH
