"""Captures and frames of Binance spot for the conformance suite."""

from __future__ import annotations

from tests.conformance.spec import Answer, Capture, Cases, Frames, Oracle

__all__ = ["CASES"]

DAYS = "binance_spot/capture/"
FRAMES = "binance_spot/frames/"


def feed(path: str) -> Capture:
    """Return a capture of cryptofeed, with the REST answers beside it."""
    return Capture(f"{path}.ws.1.0.txt.gz", "cryptofeed", http=f"{path}.http.0.0.txt.gz")


CASES = Cases(
    symbols=(
        "BTCUSDT", "NEXOUSDT", "ETHUSDT", "BNBBTC", "BTCUSDC", "GNTBTC", "DOGEBNB", "BNBUSDT",
        "AAVEUPUSDT", "ADARUB", "BUSDTRY", "GTOBTC", "ONTTRY", "PERLBNB", "QSPBTC", "STEEMETH",
        "SWRVBUSD", "VETETH",
        "BLZETH", "LRCBTC", "NKNUSDT", "RUNEEUR", "COMPUSDT", "CRVUSDT", "OMGBUSD", "ZRXUSDT",
    ),
    captures=(
        Capture(DAYS + "btcusdt_20240808.gz"),
        Capture(
            DAYS + "btcusdt_20240809.gz",
            after=DAYS + "btcusdt_20240808.gz",
            late_quotes=2,  # a best bid that came and went between two quotes
            slow=True,
        ),
        Capture(DAYS + "nexousdt_20240723.dat.gz"),
        Capture(DAYS + "nexousdt_20240724.dat.gz", after=DAYS + "nexousdt_20240723.dat.gz", slow=True),
        feed("binance_spot/capture_cryptofeed/20210417/BINANCE"),
        feed("binance_spot/capture_cryptofeed/20211011/BINANCE"),
        feed("binance_us/capture_cryptofeed/20211011/BINANCE_US"),  # the same protocol
    ),
    frames=(
        Frames(
            FRAMES + "crypto_msg_parser_binance.jsonl",
            least=3,
            skip={"l2_snapshot": "an answer of REST"},
            unknown=frozenset({"!ticker@arr", "ticker_all"}),
        ),
        Frames(
            FRAMES + "jkorf_subscriptions.json",
            format="pushes",
            only=("ExchangeData",),
            least=3,
            unknown=frozenset({"24hrMiniTicker", "1hTicker"}),
        ),
    ),
    oracle=Oracle(FRAMES + "tardis_mapper_pairs.jsonl", ("binance",), least=5),
    answers=(
        Answer("binance_spot/frames/ccxt_response_binance.json", "fetchTickers", "tickers"),
        Answer("binance_spot/frames/ccxt_response_binance.json", "fetchTicker", "tickers", alone=True),
    ),
    samples={
        "trade": (
            b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161254345,"s":"BTCUSDT",'
            b'"t":3745123,"p":"61837.63000000","q":"0.00810000","T":1723161254344,"m":true,"M":true}}'
        ),
        "aggTrade": (
            b'{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1672515782136,"s":"BTCUSDT",'
            b'"a":12345,"p":"0.001","q":"100","f":100,"l":105,"T":1672515782136,"m":true,"M":true}}'
        ),
        "bookTicker": (
            b'{"stream":"btcusdt@bookTicker","data":{"u":400900217,"s":"BTCUSDT",'
            b'"b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}}'
        ),
        "depth": (
            b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1622363903670,'
            b'"s":"BTCUSDT","U":11294093710,"u":11294093726,"b":[["35743.98000000","0.00000000"],'
            b'["35743.87000000","0.00001500"]],"a":[["35743.88000000","0.24000000"]]}}'
        ),
        "partial": (
            b'{"stream":"btcusdt@depth20","data":{"lastUpdateId":17044571457,"bids":'
            b'[["1782.00","6.483"],["1781.95","0.03"]],"asks":[["1782.01","15.4608"]]}}'
        ),
        "kline": (
            b'{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1672515782136,"s":"BTCUSDT",'
            b'"k":{"t":1672515780000,"T":1672515839999,"s":"BTCUSDT","i":"1m","f":100,"L":200,'
            b'"o":"0.0010","c":"0.0020","h":"0.0025","l":"0.0015","v":"1000","n":100,"x":false,'
            b'"q":"1.0000","V":"500","Q":"0.500","B":"123456"}}}'
        ),
    },
    unknown=frozenset({"24hrTicker"}),
    bbo_by_seq=True,
)  # fmt: skip
