"""Captures and frames of Binance USD-M for the conformance suite."""

from __future__ import annotations

from tests.conformance.spec import Answer, Capture, Cases, Frames, Oracle

__all__ = ["CASES"]

DAYS = "binance_usdm/capture/"
FRAMES = "binance_usdm/frames/"
FEED = "binance_usdm/capture_cryptofeed/20210722/BINANCE_FUTURES"
PRIVATE = frozenset({
    "ACCOUNT_CONFIG_UPDATE", "ACCOUNT_UPDATE", "ALGO_UPDATE", "CONDITIONAL_ORDER_TRIGGER_REJECT",
    "GRID_UPDATE", "MARGIN_CALL", "ORDER_TRADE_UPDATE", "STRATEGY_UPDATE", "TRADE_LITE",
    "continuous_kline", "contractInfo",
})  # fmt: skip

CASES = Cases(
    symbols=(
        "BTCUSDT", "ETHUSDT", "BNBUSDT", "BTCUSDT_210625", "ETHUSDT_210625", "ETHUSDT_220624",
        "BTCUSDT_220624",
        "BTCBUSD_210129",
        "AKROUSDT",
        "CTKUSDT",
        "KEEPUSDT",
        "SUSHIUSDT",
    ),
    captures=(
        Capture(DAYS + "btcusdt_20230404.dat.gz"),
        Capture(DAYS + "btcusdt_20230405.dat.gz", after=DAYS + "btcusdt_20230404.dat.gz", slow=True),
        Capture(DAYS + "btcusdt_20240808.gz", slow=True),
        Capture(DAYS + "ethusdt_20240718.gz"),
        Capture(DAYS + "ethusdt_20240719.gz", after=DAYS + "ethusdt_20240718.gz", slow=True),
        Capture(f"{FEED}.ws.1.0.txt.gz", "cryptofeed", http=f"{FEED}.http.0.0.txt.gz"),
    ),
    frames=(
        Frames(
            FRAMES + "crypto_msg_parser_binance.jsonl",
            least=5,
            skip={"open_interest": "an answer of REST"},
            unknown=frozenset({"!markPrice@arr", "!ticker@arr"}),
        ),
        Frames(FRAMES + "jkorf_subscriptions.json", format="pushes", least=4, unknown=PRIVATE),
        Frames(
            FRAMES + "nautilus_test_data.json",
            format="values",
            only=("market_data_json",),

        ),
    ),
    oracle=Oracle(FRAMES + "tardis_mapper_pairs.jsonl", ("binance-futures",), least=3),
    answers=(Answer("binance_spot/frames/ccxt_response_binance.json", "fetchOrderBook", "book"),),
    samples={
        "trade": (
            b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1680652700455,"T":1680652700452,'
            b'"s":"BTCUSDT","t":3535186032,"p":"28145.10","q":"0.002","X":"MARKET","m":true}}'
        ),
        "aggTrade": (
            b'{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1780563843114,"a":987654321,'
            b'"s":"BTCUSDT","p":"63405.40","q":"0.125","f":100,"l":101,"T":1780563843113,"m":true}}'
        ),
        "bookTicker": (
            b'{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":10708444522016,'
            b'"s":"BTCUSDT","b":"63405.40","B":"4.629","a":"63405.50","A":"2.357",'
            b'"T":1780563843114,"E":1780563843115}}'
        ),
        "depth": (
            b'{"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","E":1780563845145,'
            b'"T":1780563845143,"s":"BTCUSDT","U":10708445053618,"u":10708445072904,'
            b'"pu":10708445053562,"b":[["50746.30","0.000"],["50748.80","0.002"]],'
            b'"a":[["63436.10","1.801"]]}}'
        ),
        "kline": (
            b'{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1638747660000,"s":"BTCUSDT",'
            b'"k":{"t":1638747660000,"T":1638747719999,"s":"BTCUSDT","i":"1m","f":100,"L":200,'
            b'"o":"0.0010","c":"0.0020","h":"0.0025","l":"0.0015","v":"1000","n":100,"x":false,'
            b'"q":"1.0000","V":"500","Q":"0.500","B":"123456"}}}'
        ),
        "partial": (
            b'{"stream":"btcusdt@depth5@100ms","data":{"e":"depthUpdate","E":1780563845145,'
            b'"T":1780563845143,"s":"BTCUSDT","U":10708445053618,"u":10708445072904,'
            b'"pu":10708445053562,"b":[["63436.00","0.002"]],"a":[["63436.10","1.801"]]}}'
        ),
        "markPrice": (
            b'{"stream":"btcusdt@markPrice@1s","data":{"e":"markPriceUpdate","E":1597536008000,'
            b'"s":"BTCUSDT","p":"11857.56000000","i":"11851.86949091","r":"0.00015640",'
            b'"T":1597564800000}}'
        ),
        "forceOrder": (
            b'{"stream":"btcusdt@forceOrder","data":{"e":"forceOrder","E":1584059031426,"o":'
            b'{"s":"BTCUSDT","S":"BUY","o":"LIMIT","f":"IOC","q":"0.014","p":"4793.91",'
            b'"ap":"4706.04","X":"FILLED","l":"0.014","z":"0.014","T":1584059031421}}}'
        ),
    },
    unknown=frozenset({"24hrTicker"}),
    bbo_by_seq=True,
)  # fmt: skip
