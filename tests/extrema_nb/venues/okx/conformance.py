"""Captures and frames of OKX for the conformance suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from extrema_nb.events import empty_events
from extrema_nb.venues.okx import VENUE
from tests.conformance.reading import lines_of, source_name
from tests.conformance.spec import Answer, Capture, Cases, Frames, Oracle, Result, table_of

__all__ = ["CASES"]

FEED = "okx/capture_cryptofeed/"
FRAMES = "okx/frames/"
CAPTURES = tuple(
    Capture(FEED + name, format="cryptofeed")
    for name in (
        "20220513/OKX.ws.1.0.txt.gz",
        "20210722/OKEX.ws.1.0.txt.gz",
        "20210722/OKEX.ws.2.0.txt.gz",
        "20210722/OKEX.ws.3.0.txt.gz",
    )
)
BOOK = (
    b'"data":[{"asks":[["8476.98","415","0","13"],["8477","7","0","2"]],'
    b'"bids":[["8476.97","256","0","12"]],"ts":"1597026383085","checksum":0,"seqId":123457,'
    b'"prevSeqId":123456}]}'
)


def today(frame: bytes) -> bytes | None:
    """Leave out the API before v5, spreads, and messages that the other project made itself."""
    old = b'"table"' in frame or b'"sprdId"' in frame or b'"generated"' in frame
    return None if old else frame


def checksums(data: Path) -> Iterator[Result]:
    """Compare the checksum of each book message with that of the book."""
    for capture in CAPTURES:
        if not (data / capture.path).is_file():
            continue
        decoder, out, syncs = VENUE.decoder(table_of("okx", CASES)), empty_events(4096), {}
        for line in lines_of(data, capture):
            n = decoder.decode(line.frame, line.ts_recv, out, 0)
            if decoder.slot == VENUE.diff_slot:
                sync = syncs.setdefault(decoder.inst, VENUE.book_sync(decoder.inst))
                sync.on_diff(out[:n])
        checked = sum(sync.checked for sync in syncs.values())
        wrong = sum(sync.mismatches for sync in syncs.values())
        yield Result("okx", "checksum", source_name(capture.path), checked, wrong)


CASES = Cases(
    symbols=(
        "BTC-USDT", "ETH-USDT", "FUN-BTC", "AUCTION-USDT", "OKT-BTC", "PAY-BTC", "ONT-USDT",
        "DHT-USDT", "BTC-USD", "BTC-DAI", "ETC-ETH", "CRV-USDT", "BSV-USDT", "BTC-USDT-SWAP",
        "BTC-USD-SWAP", "XMR-USDT-SWAP", "UNI-USD-SWAP", "ETH-USDT-SWAP", "LTC-USD-SWAP",
        "WNCG-USDT-SWAP", "REN-USDT-SWAP", "TRX-USDT-210924", "BTC-USD-220527", "BTC-USD-220624",
        "BTC-USDT-220325", "BTC-USDT-220624", "FIL-USDT-220325", "LTC-USDT-220624",
        "XRP-USD-230929", "BTC-USDT-211231", "ETH-USD-211224", "BTC-USD-210924-66000-C",
        "BTC-USD-210924-42000-P", "BTC-USD-220304-32000-P", "BTC-USD-220624-50000-C",
    ),
    captures=CAPTURES,
    frames=(
        Frames(
            FRAMES + "crypto_msg_parser_okx.jsonl",
            least=20,
            skip={"l2_snapshot": "an answer of REST", "open_interest": "an answer of REST"},
            adapt=today,
        ),
        Frames(
            FRAMES + "jkorf_subscriptions.json", format="pushes", only=("ExchangeData",), least=2
        ),
        Frames(
            FRAMES + "nautilus_test_data.json",
            format="values",
            only=("ws_books", "ws_candle", "ws_trades", "ws_funding", "ws_tickers"),
            least=5,
        ),
        Frames(FRAMES + "gct_wsAllTrades.jsonl", least=2),
    ),
    oracle=Oracle(
        FRAMES + "tardis_mapper_pairs.jsonl",
        ("okex", "okex-futures", "okex-swap"),
        least=12,
        adapt=today,
    ),
    answers=(
        Answer("okx/frames/ccxt_response_okx.json", "fetchOrderBook", "book"),
        Answer("okx/frames/ccxt_response_okx.json", "fetchOrderBook", "book", 1),
        Answer("okx/frames/ccxt_response_okx.json", "fetchOHLCV", "candles", interval="1h"),
    ),
    samples={
        "trades-all": (
            b'{"arg":{"channel":"trades-all","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT",'
            b'"tradeId":"130639474","px":"42219.9","sz":"0.12060306","side":"buy",'
            b'"ts":"1630048897897","source":"0"}]}'
        ),
        "trades": (
            b'{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT",'
            b'"tradeId":"130639474","px":"42219.9","sz":"0.12060306","side":"buy",'
            b'"ts":"1630048897897","count":"3"}]}'
        ),
        "bbo-tbt": b'{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},' + BOOK,
        "books": b'{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update",' + BOOK,
        "books5": b'{"arg":{"channel":"books5","instId":"BTC-USDT"},' + BOOK,
        "candle": (
            b'{"arg":{"channel":"candle1m","instId":"BTC-USDT"},"data":[["1597026383085","8533.02",'
            b'"8553.74","8527.17","8548.26","45247","529.5858061","5529.5858061","1"]]}'
        ),
        "funding": (
            b'{"arg":{"channel":"funding-rate","instId":"BTC-USD-SWAP"},"data":[{"fundingRate":'
            b'"0.0001","fundingTime":"1744590349506","instId":"BTC-USD-SWAP","ts":"1744590349000"}]}'
        ),
        "mark": (
            b'{"arg":{"channel":"mark-price","instId":"BTC-USD-SWAP"},"data":[{"instId":'
            b'"BTC-USD-SWAP","markPx":"36.232","ts":"1640131204676"}]}'
        ),
        "index": (
            b'{"arg":{"channel":"index-tickers","instId":"BTC-USD"},"data":[{"instId":"BTC-USD",'
            b'"idxPx":"64280","ts":"1785870839964"}]}'
        ),
        "open-interest": (
            b'{"arg":{"channel":"open-interest","instId":"BTC-USD-SWAP"},"data":[{"instId":'
            b'"BTC-USD-SWAP","oi":"236870","oiCcy":"23687","ts":"1640131202886"}]}'
        ),
        "liquidation-orders": (
            b'{"arg":{"channel":"liquidation-orders","instType":"FUTURES"},"data":[{"details":['
            b'{"bkPx":"0.55205","side":"buy","sz":"39","ts":"1680173247614"}],'
            b'"instId":"XRP-USD-230929"}]}'
        ),
    },
    unknown=frozenset({
        "tickers", "price-limit", "index-tickers", "index-candle1D", "opt-summary", "status",
    }),
    own=checksums,
)  # fmt: skip
