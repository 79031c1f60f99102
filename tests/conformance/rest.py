"""Recorded answers of REST, with what an independent client makes of them, compared with our rows."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from extrema_nb import venues
from extrema_nb.errors import ExtremaError
from extrema_nb.events import CANDLE, LOB_LEVEL
from tests.conformance.reading import compact
from tests.conformance.spec import Answer, Result

__all__ = ["check_answer", "differences"]

ARRIVED = 1_800_000_000_000_000  # µs, later than anything recorded


def _candles(venue: Any, raw: bytes, answer: Answer, wanted: Any) -> tuple[int, list[str]]:
    rows = venue.decode_candles(raw, 0, answer.interval, ARRIVED).view(CANDLE)
    fields = ("open", "high", "low", "close", "volume")
    mine = {int(r["ts_event"]) // 1000: [float(r[name]) for name in fields] for r in rows}
    times = [int(t) for t in rows["ts_event"]]
    differs = [] if times == sorted(set(times)) else ["candles do not ascend"]
    for opened, *values in wanted:
        if mine.get(opened) != [float(value) for value in values]:
            differs.append(f"candle {opened}: {mine.get(opened)}, expected {values}")
    return len(wanted), differs


def _book(venue: Any, raw: bytes, _: Answer, wanted: Any) -> tuple[int, list[str]]:
    rows = venue.decode_snapshot(raw, 0, ARRIVED).view(LOB_LEVEL)
    differs, compared = [], 0
    for side, name in ((1, "bids"), (-1, "asks")):
        mine = rows[rows["side"] == side]
        found = list(zip(mine["price"].tolist(), mine["qty"].tolist(), strict=True))
        expected = [(float(level[0]), float(level[1])) for level in wanted[name]]
        compared += len(expected)
        if sorted(found, reverse=side > 0)[: len(expected)] != expected:
            differs.append(f"{name} {found[:2]}, expected {expected[:2]}")
    return compared, differs


def _tickers(venue: Any, raw: bytes, _: Answer, wanted: Any) -> tuple[int, list[str]]:
    expected = list(wanted.values()) if "symbol" not in wanted else [wanted]
    found = sorted((t.last, t.volume, t.turnover) for t in venue.decode_tickers(raw, ARRIVED))
    names = ("last", "baseVolume", "quoteVolume")
    said = sorted(tuple(float(one[name]) for name in names) for one in expected)
    same = len(found) == len(said) and all(
        math.isclose(a, b, rel_tol=1e-12) for f, s in zip(found, said, strict=True)
        for a, b in zip(f, s, strict=True)
    )  # fmt: skip
    return len(said), [] if same else [f"tickers {found}, expected {said}"]


COMPARE = {"candles": _candles, "book": _book, "tickers": _tickers}


def differences(venue_id: str, answer: Answer, case: dict[str, Any]) -> tuple[int, list[str]]:
    """Return (things compared, what differs) of one recorded answer."""
    venue: Any = venues.load(venue_id)
    body = case["httpResponse"]
    raw = compact([body] if answer.alone else body)
    try:
        return COMPARE[answer.call](venue, raw, answer, case["parsedResponse"])
    except ExtremaError as error:
        return 1, [str(error)]


def check_answer(data: Path, venue: str, answer: Answer) -> Result:
    """Return what was compared in one recorded answer."""
    methods = json.loads((data / answer.path).read_text(encoding="utf-8"))["methods"]
    compared, differs = differences(venue, answer, methods[answer.method][answer.index])
    name = f"{answer.method} {answer.index}"
    first = differs[0] if differs else ""
    return Result(venue, f"REST {answer.call}", name, compared, len(differs), first)
