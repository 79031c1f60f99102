"""Captures and frames of Binance COIN-M for the conformance suite."""

from __future__ import annotations

from tests.conformance.spec import Answer, Capture, Cases, Frames, Oracle

__all__ = ["CASES"]

DAYS = "binance_cm/capture/"
FRAMES = "binance_cm/frames/"
FEED = "binance_cm/capture_cryptofeed/20210721/BINANCE_DELIVERY"

CASES = Cases(
    symbols=(
        "BTCUSD_PERP", "ETHUSD_PERP", "BNBUSD_PERP", "XMRUSD_PERP", "BTCUSD_200925",
        "BTCUSD_210625", "BCHUSD_210924", "BCHUSD_PERP", "BTCUSD_211231", "EOSUSD_PERP",
        "ETCUSD_PERP", "ETHUSD_210924", "LINKUSD_211231", "LINKUSD_PERP", "TRXUSD_PERP",
        "XRPUSD_PERP",
    ),
    captures=(
        Capture(DAYS + "btcusd_perp_20240808.gz", slow=True),
        Capture(DAYS + "btcusd_perp_20240809.gz", after=DAYS + "btcusd_perp_20240808.gz", slow=True),
        Capture(
            f"{FEED}.ws.1.0.txt.gz",
            "cryptofeed",
            http=f"{FEED}.http.0.0.txt.gz",
            # the snapshots of that day lack orders that the stream and the quotes before and after
            # them show, such as all 24 contracts at the best ask of BCHUSD_PERP
            odd_levels=16,
            late_quotes=4,
        ),
    ),
    frames=(
        Frames(
            FRAMES + "crypto_msg_parser_binance.jsonl",
            least=6,
            skip={"l2_snapshot": "an answer of REST", "open_interest": "an answer of REST"},
            unknown=frozenset({"!ticker@arr"}),
        ),
    ),
    oracle=Oracle(
        FRAMES + "tardis_mapper_pairs.jsonl",
        ("binance-delivery",),
        least=5,
        differs={11: "a trade of USD-M in the stream of COIN-M; the mapper drops ADL rows anyway"},
    ),
    answers=(Answer("binance_spot/frames/ccxt_response_binance.json", "fetchOHLCV", "candles", interval="1d"),),
    samples={
        "trade": (
            b'{"stream":"btcusd_perp@trade","data":{"e":"trade","E":1723161257840,'
            b'"T":1723161257839,"s":"BTCUSD_PERP","t":868421,"p":"61814.9","q":"12","X":"MARKET",'
            b'"m":true}}'
        ),
        "aggTrade": (
            b'{"stream":"btcusd_perp@aggTrade","data":{"e":"aggTrade","E":1616201883458,'
            b'"a":41045788,"s":"BTCUSD_PERP","p":"58570.1","q":"58","f":91864326,"l":91864327,'
            b'"T":1616201883304,"m":true}}'
        ),
        "bookTicker": (
            b'{"stream":"btcusd_perp@bookTicker","data":{"u":1007198848640,"e":"bookTicker",'
            b'"s":"BTCUSD_PERP","ps":"BTCUSD","b":"61814.9","B":"1147","a":"61815.0","A":"152",'
            b'"T":1723161279738,"E":1723161279748}}'
        ),
        "depth": (
            b'{"stream":"btcusd_perp@depth@100ms","data":{"e":"depthUpdate","E":1622370862564,'
            b'"T":1622370862553,"s":"BTCUSD_PERP","ps":"BTCUSD","U":127559587191,'
            b'"u":127559588177,"pu":127559587113,"b":[["35365.9","1400"],["35425.8","561"]],'
            b'"a":[["35817.8","7885"]]}}'
        ),
        "partial": (
            b'{"stream":"btcusd_perp@depth20","data":{"e":"depthUpdate","E":1653865197260,'
            b'"T":1653865197065,"s":"BTCUSD_PERP","ps":"BTCUSD","U":462562184037,'
            b'"u":462562184258,"pu":462562183567,"b":[["29389.3","6014"]],"a":[["29389.4","3926"]]}}'
        ),
        "kline": (
            b'{"stream":"ethusd_perp@kline_1m","data":{"e":"kline","E":1653818962599,'
            b'"s":"ETHUSD_PERP","k":{"t":1653818940000,"T":1653818999999,"s":"ETHUSD_PERP","i":"1m",'
            b'"f":413873402,"L":413874164,"o":"1786.56","c":"1788.67","h":"1789.24","l":"1785.25",'
            b'"v":"401601","n":763,"x":false,"q":"2246.59444657","V":"254246","Q":"1422.3","B":"0"}}}'
        ),
        "markPrice": (
            b'{"stream":"btcusd_perp@markPrice@1s","data":{"e":"markPriceUpdate",'
            b'"E":1596095725000,"s":"BTCUSD_PERP","p":"10934.62615417","P":"10962.17178236",'
            b'"i":"10933.62615417","r":"0.00030000","T":1596096000000}}'
        ),
        "forceOrder": (
            b'{"stream":"btcusd_200925@forceOrder","data":{"e":"forceOrder","E":1594622954023,'
            b'"o":{"s":"BTCUSD_200925","ps":"BTCUSD","S":"SELL","o":"LIMIT","f":"IOC","q":"3",'
            b'"p":"9314.5","ap":"9352.7","X":"FILLED","l":"3","z":"3","T":1594622954021}}}'
        ),
    },
    unknown=frozenset({"24hrTicker", "indexPriceUpdate"}),
    bbo_by_seq=True,
)  # fmt: skip
