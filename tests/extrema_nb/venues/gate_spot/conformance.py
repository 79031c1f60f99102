"""Captures and frames of Gate spot for the conformance suite."""

from __future__ import annotations

from tests.conformance.spec import Answer, Capture, Cases, Frames, Oracle

__all__ = ["CASES"]

FEED = "gate_spot/capture_cryptofeed/20210422/GATEIO."
FRAMES = "gate_spot/frames/"
BOOK = (
    b'"result":{"t":1606294781123,"e":"depthUpdate","E":1606294781,"s":"BTC_USDT","U":48776301,'
    b'"u":48776306,"b":[["19137.74","0.0001"],["19088.37","0"]],"a":[["19137.75","0.6135"]]}}'
)


def today(frame: bytes) -> bytes | None:
    """Leave out the API before v4 and messages that the other project made itself."""
    old = b'"method"' in frame or b'"generated"' in frame
    return None if old else frame


CASES = Cases(
    symbols=(
        "INK_USDT", "NEO_BTC", "OMG_USDT", "QTUM3S_USDT", "HAI_ETH", "DIS_USDT", "FAST_USDT",
        "BTC_USDC", "NANO_USDT", "ZKS_ETH", "BTC_USDT", "ETC_ETH", "ETH_USDT",
    ),
    captures=(
        Capture(
            FEED + "ws.1.0.txt.gz",
            format="cryptofeed",
            http=FEED + "http.0.0.txt.gz",
            symbol_param="currency_pair",
        ),
    ),
    frames=(
        Frames(FRAMES + "crypto_msg_parser_gate.jsonl", least=3, adapt=today),
        Frames(
            FRAMES + "jkorf_subscriptions.json",
            format="pushes",
            only=("BookTicker", "Kline", "OrderBookUpdates", "SubscribeToTradeUpdates"),
            least=4,
        ),
    ),
    oracle=Oracle(FRAMES + "tardis_mapper_pairs.jsonl", ("gate-io",), least=4, adapt=today),
    answers=(
        Answer("gate_spot/frames/ccxt_response_gate.json", "fetchOHLCV", "candles", interval="1h"),
        Answer("gate_spot/frames/ccxt_response_gate.json", "fetchTicker", "tickers"),
    ),
    samples={
        "trades": (
            b'{"time":1606292218,"time_ms":1606292218231,"channel":"spot.trades","event":"update",'
            b'"result":{"id":309143071,"create_time":1606292218,"create_time_ms":'
            b'"1606292218213.4578","side":"sell","currency_pair":"BTC_USDT","amount":'
            b'"16.4700000000","price":"0.4705000000"}}'
        ),
        "book_ticker": (
            b'{"time":1606293275,"channel":"spot.book_ticker","event":"update","result":{"t":'
            b'1606293275123,"u":48733182,"s":"BTC_USDT","b":"19177.79","B":"0.0003341504","a":'
            b'"19179.38","A":"0.09"}}'
        ),
        "order_book_update": (
            b'{"time":1606294781,"channel":"spot.order_book_update","event":"update",' + BOOK
        ),
        "obu": (
            b'{"channel":"spot.obu","result":{"t":1754006460600,"s":"ob.BTC_USDT.400",'
            b'"u":25847129996,"U":25847129970,"b":[["115576.7","0.050772"],["115717.7","0"]],'
            b'"a":[["115731.3","0.687304"]]},"time_ms":1754006460601,"event":"update"}'
        ),
        "order_book": (
            b'{"time":1606295412,"channel":"spot.order_book","event":"update","result":{"t":'
            b'1606295412123,"lastUpdateId":48791820,"s":"BTC_USDT","bids":[["19079.55","0.0195"]],'
            b'"asks":[["19080.24","0.1638"]]}}'
        ),
        "candlesticks": (
            b'{"time":1606292600,"channel":"spot.candlesticks","event":"update","result":{"t":'
            b'"1606292580","v":"2362.32035","c":"19128.1","h":"19128.1","l":"19128.1","o":'
            b'"19128.1","n":"1m_BTC_USDT","a":"3.8283","w":true}}'
        ),
    },
    unknown=frozenset({"spot.tickers"}),
    bbo_by_seq=True,
)  # fmt: skip
