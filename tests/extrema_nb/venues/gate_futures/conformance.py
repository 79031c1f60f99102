"""Captures and frames of Gate futures for the conformance suite."""

from __future__ import annotations

from tests.conformance.spec import Capture, Cases, Frames, Oracle

__all__ = ["CASES"]

FEED = "gate_futures/capture_cryptofeed/20230524/GATEIO_FUTURES."
FRAMES = "gate_futures/frames/"

CASES = Cases(
    symbols=(
        "DIA_USDT", "RDNT_USDT", "LIT_USDT", "ZRX_USDT", "WOO_USDT", "QUICK_USDT", "OMG_USDT",
        "FRONT_USDT", "PHB_USDT", "SFP_USDT", "BTC_USDT", "ETH_USDT", "BTC_USD", "ETH_USD",
        "ZRX_USD", "TRX_USDT", "BCH_USD", "ETC_USD", "COMP_USDT", "HT_USDT", "XRP_USDT",
        "BSW_USDT", "MOB_USDT", "BTC_USDT_20210625", "BTC_USD_20220603", "BTC_USD_20220624",
    ),
    captures=(
        Capture(
            FEED + "ws.1.0.txt.gz",
            format="cryptofeed",
            http=FEED + "http.0.0.txt.gz",
            symbol_param="contract",
        ),
    ),
    frames=(
        Frames(FRAMES + "crypto_msg_parser_gate.jsonl", least=10, skip={"l2_snapshot": "an answer of REST", "open_interest": "an answer of REST"}),
        Frames(FRAMES + "gct_wsFutures.jsonl", least=5),
        Frames(
            FRAMES + "jkorf_subscriptions.json",
            format="pushes",
            only=("BookTicker", "Kline", "BookUpdates", "SubscribeToTradeUpdates"),
            least=3,
        ),
    ),
    oracle=Oracle(FRAMES + "tardis_mapper_pairs.jsonl", ("gate-io-futures",), least=14, differs={5: "it leaves out a ticker that repeats the last one"}),
    samples={
        "trades": (
            b'{"channel":"futures.trades","event":"update","time":1541503698,"time_ms":'
            b'1541503698123,"result":[{"size":"-108.5","id":27753479,"create_time":1545136464,'
            b'"create_time_ms":1545136464123,"price":"96.4","contract":"BTC_USDT",'
            b'"is_internal":true}]}'
        ),
        "book_ticker": (
            b'{"time":1615366379,"channel":"futures.book_ticker","event":"update","result":{"t":'
            b'1615366379123,"u":2517661076,"s":"BTC_USDT","b":"54696.6","B":37000,"a":"54696.7",'
            b'"A":"47061.2"}}'
        ),
        "order_book_update": (
            b'{"time":1678469222,"channel":"futures.order_book_update","event":"update","result":'
            b'{"t":1678469222617,"s":"BTC_USDT","U":4010424331,"u":4010424361,"b":[{"p":"19860.7",'
            b'"s":5984},{"p":"19859.1","s":"0"}],"a":[{"p":"19864.3","s":5000}]}}'
        ),
        "obu": (
            b'{"channel":"futures.obu","result":{"t":1747054612673,"full":true,"s":'
            b'"ob.BTC_USDT.50","u":73777715168,"b":[["104027.1","509392"]],"a":[["104027.2",'
            b'"44617"]]},"time_ms":1747054612848,"event":"update"}'
        ),
        "order_book": (
            b'{"time":1678468497,"channel":"futures.order_book","event":"all","result":{"t":'
            b'1678468497168,"id":4010394406,"contract":"BTC_USDT","asks":[{"p":"19909","s":3100}],'
            b'"bids":[{"p":"19901.2","s":5000}]}}'
        ),
        "candlesticks": (
            b'{"time":1678469467,"channel":"futures.candlesticks","event":"update","result":[{"t":'
            b'1678469460,"v":7,"c":"19896","h":"19896","l":"19896","o":"19896","n":'
            b'"1m_BTC_USDT"}]}'
        ),
        "tickers": (
            b'{"time":1677629168,"time_ms":1677629168840,"channel":"futures.tickers","event":'
            b'"update","result":[{"contract":"BTC_USDT","last":"23160.2","total_size":"153482780",'
            b'"mark_price":"23175.64","funding_rate":"0.0001","index_price":"23173.35"}]}'
        ),
        "public_liquidates": (
            b'{"channel":"futures.public_liquidates","event":"update","time":1541505434,"time_ms":'
            b'1541505434123,"result":[{"price":215.1,"size":-124,"time":1541486601,"time_ms":'
            b'1541486601123,"contract":"BTC_USDT"}]}'
        ),
    },
    unknown=frozenset({
        "futures.contract_stats", "futures.orders", "futures.usertrades", "futures.liquidates",
        "futures.auto_deleverages", "futures.position_closes", "futures.balances",
        "futures.reduce_risk_limits", "futures.positions", "futures.autoorders",
    }),
    bbo_by_seq=True,
)  # fmt: skip
