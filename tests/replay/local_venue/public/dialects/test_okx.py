"""Words of OKX."""

from __future__ import annotations

import json

from extrema_nb import venues
from extrema_nb.events import empty_events
from extrema_nb.instruments import InstrumentTable
from replay.local_venue.public.dialects.okx import DIALECT
from replay.local_venue.specs import infer_spec
from tests.replay.local_venue.public.dialects.words import compact, filled, get, lists, subscribes

ARG = {"channel": "books", "instId": "BTC-USDT"}
PUSH = {
    "arg": ARG, "action": "update",
    "data": [{"asks": [["10.5", "3", "0", "1"]], "bids": [], "ts": "1700000000000", "seqId": 9,
              "prevSeqId": 8, "checksum": 0}],
}  # fmt: skip


def test_messages_are_known_by_their_arg():
    assert DIALECT.key_of(compact(PUSH)) == "books:BTC-USDT"
    assert DIALECT.key_of(compact({"event": "subscribe", "arg": ARG})) == ""
    assert DIALECT.book_of("books:BTC-USDT") == "BTC-USDT"
    assert DIALECT.book_of("trades:BTC-USDT") == ""
    change = DIALECT.change_of(compact(PUSH))
    assert (change.seq, change.ts, change.whole) == (9, 1_700_000_000_000, False)
    assert change.asks == [("10.5", "3")]
    assert DIALECT.quoted(compact(PUSH)) == [("BTC-USDT", "10.5", "3")]


def test_control_frames():
    answers = subscribes("okx", {"op": "subscribe", "args": [ARG]}, ("books:BTC-USDT",))
    assert answers == [{"event": "subscribe", "arg": ARG, "connId": "local"}]
    gone = DIALECT.control(json.dumps({"op": "unsubscribe", "args": [ARG]}), {}, 0)
    assert gone.remove == ("books:BTC-USDT",)
    assert DIALECT.control("ping", {}, 0).answers == (b"pong",)
    assert b"60012" in DIALECT.control("what", {}, 0).answers[0]


def test_a_pushed_book_has_the_checksum_that_the_connector_computes():
    venue = venues.load("okx")
    (raw,) = DIALECT.pushed("books:BTC-USDT", filled("BTC-USDT"), 0)
    listed = DIALECT.instruments(
        get("/", instType="SPOT"), {"BTC-USDT": infer_spec("BTC-USDT", ["9.5"], ["1"])}
    )
    table = InstrumentTable(venue.parse_instruments(listed))
    decoder, sync, out = venue.decoder(table), venue.book_sync(0), empty_events(100)
    n = decoder.decode(raw, 1, out, 0)
    assert len(sync.on_diff(out[:n])) >= 3
    assert not sync.needs_snapshot
    assert json.loads(raw)["data"][0]["seqId"] == 7
    assert (sync.checked, sync.mismatches) == (1, 0)


def test_rest():
    assert DIALECT.ask(get("/api/v5/market/books", instId="X"), 0).book == "X"
    assert DIALECT.ask(get("/api/v5/public/instruments"), 0).instruments
    assert DIALECT.ask(get("/elsewhere"), 0).status == 404
    assert json.loads(DIALECT.book_answer(filled(), 0))["data"][0]["asks"] == [
        ["10.5", "3", "0", "1"]
    ]
    symbols = ["BTC-USDT", "BTC-USD-SWAP", "BTC-USDT-SWAP", "BTC-USD-300101"]
    found = {}
    for kind in ("SPOT", "SWAP", "FUTURES"):
        found |= lists("okx", symbols, get("/", instType=kind))
    assert found == dict.fromkeys(symbols, 0.01)
