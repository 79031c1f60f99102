"""Binance public data (data.binance.vision): trades, aggTrades, klines, bookTicker, bookDepth.

Rules
-----
1. Csv or zip, with or without a header, times in ms or µs (spot since 2025).
2. Which kind of file it is stands in its name (``BTCUSDT-aggTrades-2024-01-01.zip``), else in its
   header, else in the shape of its first line.
3. Nobody received these rows: ``ts_recv`` is the venue's time, of a candle that of its close.
4. A bookDepth row tells how much lies within so many percent of the price. It becomes a level whose
   price is the average of that band, flagged SYNTHETIC: depth for a study, not a book to trade.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from extrema_nb.errors import DataError
from extrema_nb.events import EventArray, EventKind, Flag
from replay.sources.csvfile import CsvFile, first_line, sample
from replay.sources.foreign import foreign_instrument, with_steps
from replay.sources.formats import Options, Peek
from replay.sources.shape import interval_code, make_rows, to_us
from replay.sources.text import member_name

__all__ = ["HELP", "BinanceFile", "looks_like", "open_file"]

HELP = "Binance public data: trades, aggTrades, klines, bookTicker, bookDepth, funding, metrics"

LAST = int(Flag.LAST)
N, W, T = pl.Float64, pl.Int64, pl.String

_NAME = re.compile(
    r"(?P<symbol>[A-Z0-9_]+)-(?P<kind>trades|aggTrades|bookTicker|bookDepth|fundingRate|metrics"
    r"|\d+(?:s|m|h|d|w|mo))-\d{4}-\d\d"
)


class _Shape(NamedTuple):
    """Columns of one kind of file, in their order."""

    columns: tuple[str, ...]
    wanted: dict[str, Any]
    alike: re.Pattern[str]  # the first data line, where no name and no header tells


_INT, _NUM = r"\d{5,}", r"-?[0-9.eE+-]+"
_BOOL = r"(?i:true|false)"


def _line(*cells: str) -> re.Pattern[str]:
    return re.compile(",".join(cells))


_KLINE = (
    "open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count",
    "taker_buy_volume", "taker_buy_quote_volume", "ignore",
)  # fmt: skip
SHAPES: dict[str, list[_Shape]] = {
    "trades": [
        _Shape(
            ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker", "is_best_match"),
            {"id": W, "price": N, "qty": N, "time": W, "is_buyer_maker": T},
            _line(r"\d+", _NUM, _NUM, _NUM, _INT, _BOOL, _BOOL),
        ),
        _Shape(
            ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker"),
            {"id": W, "price": N, "qty": N, "time": W, "is_buyer_maker": T},
            _line(r"\d+", _NUM, _NUM, _NUM, _INT, _BOOL),
        ),
    ],
    "aggTrades": [
        _Shape(
            ("id", "price", "qty", "first_id", "last_id", "time", "is_buyer_maker", "best"),
            {"id": W, "price": N, "qty": N, "first_id": W, "last_id": W, "time": W,
             "is_buyer_maker": T},
            _line(r"\d+", _NUM, _NUM, r"\d+", r"\d+", _INT, _BOOL, _BOOL),
        ),
        _Shape(
            ("id", "price", "qty", "first_id", "last_id", "time", "is_buyer_maker"),
            {"id": W, "price": N, "qty": N, "first_id": W, "last_id": W, "time": W,
             "is_buyer_maker": T},
            _line(r"\d+", _NUM, _NUM, r"\d+", r"\d+", _INT, _BOOL),
        ),
    ],
    "klines": [
        _Shape(
            _KLINE,
            {"open_time": W, "open": N, "high": N, "low": N, "close": N, "volume": N,
             "close_time": W},
            _line(_INT, _NUM, _NUM, _NUM, _NUM, _NUM, _INT, _NUM, r"\d+", _NUM, _NUM, r".*"),
        )
    ],
    "bookTicker": [
        _Shape(
            ("seq", "bid_price", "bid_qty", "ask_price", "ask_qty", "time", "event_time"),
            {"seq": W, "bid_price": N, "bid_qty": N, "ask_price": N, "ask_qty": N, "time": W,
             "event_time": W},
            _line(_INT, _NUM, _NUM, _NUM, _NUM, _INT, _INT),
        )
    ],
    "bookDepth": [
        _Shape(
            ("timestamp", "percentage", "depth", "notional"),
            {"timestamp": T, "percentage": N, "depth": N, "notional": N},
            _line(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", _NUM, _NUM, _NUM),
        )
    ],
    "fundingRate": [
        _Shape(
            ("calc_time", "interval_hours", "last_funding_rate"),
            {"calc_time": W, "interval_hours": W, "last_funding_rate": N},
            _line(_INT, r"\d{1,2}", _NUM),
        )
    ],
    "metrics": [
        _Shape(
            ("create_time", "symbol", "sum_open_interest", "sum_open_interest_value", "a", "b", "c",
             "d"),
            {"create_time": T, "symbol": T, "sum_open_interest": N},
            _line(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", r"[A-Z0-9_]+", *[r"[^,]*"] * 6),
        )
    ],
}  # fmt: skip
# a column of the header that only one kind has
_HEADERS = {
    "is_buyer_maker": "trades",
    "first_trade_id": "aggTrades",
    "taker_buy_volume": "klines",
    "best_bid_price": "bookTicker",
    "percentage": "bookDepth",
    "last_funding_rate": "fundingRate",
    "sum_open_interest": "metrics",
}


def _kind_in_name(name: str) -> tuple[str, str]:
    """Return symbol and kind of file as its name says them; nothing for another name."""
    found = _NAME.search(name)
    if found is None:
        return "", ""
    kind = found["kind"]
    return found["symbol"], "klines" if kind[0].isdigit() else kind


def _kind_of(name: str, line: str) -> str:
    """Return the kind of a file by its name, header or first line; nothing if none fits."""
    words = line.split(",")
    in_name = _kind_in_name(name)[1]
    if in_name:
        return in_name
    if line[:1].isalpha():
        found = [kind for word, kind in _HEADERS.items() if word in words]
        return found[-1] if found else ""
    return next(
        (kind for kind, shapes in SHAPES.items() if any(s.alike.fullmatch(line) for s in shapes)),
        "",
    )


def looks_like(seen: Peek) -> bool:
    """Whether the name is one of Binance's, or header or first line are."""
    if not (seen.line[:1].isalnum() and "," in seen.line):
        return False
    return bool(_kind_of(seen.name, seen.line) or _kind_of(seen.path.name, seen.line))


def open_file(path: Path, options: Options) -> BinanceFile:
    """Open a file of any of the kinds."""
    return BinanceFile(path, options)


class BinanceFile:
    """One file of Binance's public data."""

    def __init__(self, path: Path, options: Options) -> None:
        self.path = path
        self.skipped = 0
        self.ignored: dict[str, int] = {}
        line = first_line(path)
        inside = member_name(path)
        self.kind = _kind_of(inside, line) or _kind_of(path.name, line)
        named = _kind_in_name(inside)[0] or _kind_in_name(path.name)[0]
        cells = line.split(",")
        header = line[:1].isalpha()
        fitting = [
            shape for shape in SHAPES.get(self.kind, ())
            if len(shape.columns) == len(cells) and (header or shape.alike.fullmatch(line))
        ]  # fmt: skip
        if not fitting:
            expected = " or ".join(
                ",".join(s.columns) for s in SHAPES.get(self.kind, SHAPES["trades"])
            )
            raise DataError(
                f"{path}: first line {line[:120]!r}, expected {self.kind or 'a kind'} of Binance's "
                f"public data, {expected}; give the file its own name back "
                "(SYMBOL-KIND-DATE.csv) or another --format"
            )
        shape = fitting[0]
        self._csv = CsvFile(
            path, shape.columns, shape.wanted, header=header, skip_bad=options.skip_bad
        )
        symbol = options.symbol or named or re.split(r"[-_. ]", path.name)[0].upper()
        self._spec = foreign_instrument(
            options.venue or _venue(path, symbol, header, cells), symbol
        )
        frame = sample(self._csv.frames())
        if frame is None:
            raise DataError(f"{path}: no rows; fetch the file again")
        self.instruments = [self._with_steps(frame)]

    def _with_steps(self, frame: pl.DataFrame) -> Any:
        prices = [n for n in ("price", "bid_price", "ask_price", "open", "high", "low", "close")
                  if n in frame.columns]  # fmt: skip
        amounts = [n for n in ("qty", "bid_qty", "ask_qty", "volume") if n in frame.columns]
        if not prices:
            return self._spec
        return with_steps(
            self._spec,
            np.concatenate([frame[n].to_numpy() for n in prices]),
            np.concatenate([frame[n].to_numpy() for n in amounts]),
        )

    def blocks(self) -> Iterator[EventArray]:
        """Yield EVENT rows in the order of the file."""
        held: pl.DataFrame | None = None
        for block in self._csv.frames():
            frame = block
            if self.kind == "bookDepth":  # the rows of one time belong together
                frame = block if held is None else pl.concat([held, block])
                last = (frame["timestamp"] == frame["timestamp"][-1]).to_numpy()
                cut = int(np.argmax(last))
                held, frame = frame[cut:], frame[:cut]
            if frame.height:
                yield self._rows(frame)
        if held is not None and held.height:
            yield self._rows(held)
        self.skipped = self._csv.bad

    def _rows(self, frame: pl.DataFrame) -> EventArray:
        if self.kind == "klines":
            return self._candles(frame)
        if self.kind == "bookDepth":
            return _bands(frame)
        if self.kind in {"fundingRate", "metrics"}:
            return self._funding(frame)
        c = {name: frame[name].to_numpy() for name in frame.columns if name != "is_buyer_maker"}
        ts = to_us(c["time"])
        if self.kind == "bookTicker":
            quotes = ("bid_price", "bid_qty", "ask_price", "ask_qty", "seq")
            return make_rows(
                EventKind.BBO, ts, np.maximum(to_us(c["event_time"]), ts),
                **{name: c[name] for name in quotes},
            )  # fmt: skip
        maker = (frame["is_buyer_maker"].str.to_lowercase() == "true").to_numpy()
        side = np.where(maker, -1, 1)
        if self.kind == "trades":
            return make_rows(
                EventKind.TRADE, ts, ts, side=side, price=c["price"], qty=c["qty"], trade_id=c["id"]
            )
        return make_rows(
            EventKind.TRADE, ts, ts, side=side, flags=LAST | int(Flag.AGGREGATE), price=c["price"],
            qty=c["qty"], trade_id=c["id"], first_id=c["first_id"], last_id=c["last_id"],
        )  # fmt: skip

    def _candles(self, frame: pl.DataFrame) -> EventArray:
        opens, closes = to_us(frame["open_time"].to_numpy()), frame["close_time"].to_numpy()
        unit = np.where(closes < 10**14, 1000, 1)
        ends = to_us(closes) + unit  # the last ms or µs of the candle is its own
        lengths = ends - opens
        codes = {us: interval_code(us) for us in np.unique(lengths).tolist()}
        month = interval_code(2_678_400_000_000)
        code = [codes[us] if codes[us] >= 0 or us < 27 * 86_400_000_000 else month
                for us in lengths.tolist()]  # fmt: skip
        return make_rows(
            EventKind.CANDLE, opens, ends, side=np.asarray(code),
            flags=LAST | int(Flag.CLOSED),
            **{name: frame[name].to_numpy() for name in ("open", "high", "low", "close", "volume")},
        )  # fmt: skip

    def _funding(self, frame: pl.DataFrame) -> EventArray:
        if self.kind == "metrics":
            ts = _times(frame["create_time"])
            return make_rows(
                EventKind.FUNDING, ts, ts, open_interest=frame["sum_open_interest"].to_numpy()
            )
        ts = to_us(frame["calc_time"].to_numpy())
        hours = frame["interval_hours"].to_numpy()
        return make_rows(
            EventKind.FUNDING, ts, ts, rate=frame["last_funding_rate"].to_numpy(),
            next_ts=ts + hours * 3_600_000_000,
        )  # fmt: skip


def _venue(path: Path, symbol: str, header: bool, cells: list[str]) -> str:  # noqa: FBT001
    """Return the venue: as the folders of the download say, else by symbol and header."""
    parts = set(path.parts)
    if "um" in parts or "cm" in parts:
        return "binance-usdm" if "um" in parts else "binance-cm"
    if "spot" in parts:
        return "binance-spot"
    if re.search(r"USD_(PERP|\d{6})$", symbol):
        return "binance-cm"
    futures = header or len(cells) in {3, 4, 6}  # spot files had no header until 2025
    return "binance-usdm" if futures else "binance-spot"


def _times(text: pl.Series) -> Any:
    return text.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us").cast(pl.Int64).to_numpy()


def _bands(frame: pl.DataFrame) -> EventArray:
    """Return the bands of each time as a snapshot: bids outward, then asks outward."""
    frame = frame.with_columns(
        ts=frame["timestamp"].str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us").cast(pl.Int64),
        side=pl.when(pl.col("percentage") < 0).then(1).otherwise(-1),
        far=pl.col("percentage").abs(),
    ).sort("ts", pl.col("side") * -1, "far", maintain_order=True)
    inner = ["ts", "side"]
    frame = frame.with_columns(
        qty=pl.col("depth") - pl.col("depth").shift(1, fill_value=0.0).over(inner),
        value=pl.col("notional") - pl.col("notional").shift(1, fill_value=0.0).over(inner),
    ).filter((pl.col("qty") > 0) & (pl.col("value") > 0))
    ts = frame["ts"].to_numpy()
    first = np.r_[True, ts[1:] != ts[:-1]][: len(ts)]
    flags = np.full(len(ts), int(Flag.SNAPSHOT | Flag.SYNTHETIC), np.int16)
    flags[first] |= int(Flag.START)
    flags[np.r_[first[1:], True][: len(ts)]] |= LAST
    return make_rows(
        EventKind.LOB, ts, ts, side=frame["side"].to_numpy(), flags=flags,
        price=(frame["value"] / frame["qty"]).to_numpy(), qty=frame["qty"].to_numpy(),
    )  # fmt: skip
