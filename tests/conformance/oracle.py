"""An independent project's reading of raw messages, compared with our rows."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from extrema_nb import venues
from extrema_nb.errors import ExtremaError
from extrema_nb.events import (
    BBO,
    FUNDING,
    LIQUIDATION,
    LOB_LEVEL,
    TRADE,
    EventArray,
    EventKind,
    Flag,
    empty_events,
)
from tests.conformance.reading import compact
from tests.conformance.spec import Cases, Oracle, Result, table_of

__all__ = ["check_oracle", "compare_pair"]

SIDES = {"buy": 1, "sell": -1, "unknown": 0}
ARRIVED = 1_567_296_001_275_000  # µs, the arrival time that its expected results take for granted


def _micros(text: str) -> int:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return int(at.timestamp()) * 1_000_000 + at.microsecond


def _trade(row: Any, wanted: dict[str, Any]) -> str:
    trade_id = str(wanted.get("id") or row.trade_id)
    found = (row.price, row.qty, row.side)
    expected = (wanted["price"], wanted["amount"], SIDES[wanted["side"]])
    if found != expected:
        return f"trade {found}, expected {expected}"
    if trade_id.isdigit() and int(trade_id) < 2**63 and int(trade_id) != row.trade_id:
        return f"trade id {row.trade_id}, expected {trade_id}"
    if abs(int(row.ts_event) - _micros(wanted["timestamp"])) >= 1000:
        return f"trade time {row.ts_event}, expected {wanted['timestamp']}"
    return ""


def _bbo(row: Any, wanted: dict[str, Any]) -> str:
    found = (row.bid_price, row.bid_qty, row.ask_price, row.ask_qty)
    names = ("bidPrice", "bidAmount", "askPrice", "askAmount")
    expected = tuple(wanted.get(name) for name in names)
    same = all(e is None or e == f for f, e in zip(found, expected, strict=True))
    return "" if same else f"best prices {found}, expected {expected}"


def _liquidation(row: Any, wanted: dict[str, Any]) -> str:
    found = (row.price, row.qty, row.side)
    expected = (wanted["price"], wanted["amount"], SIDES[wanted["side"]])
    return "" if found == expected else f"liquidation {found}, expected {expected}"


def _book(rows: EventArray, wanted: dict[str, Any]) -> str:
    levels = rows.view(LOB_LEVEL)
    if bool(levels["flags"][0] & Flag.SNAPSHOT) != wanted["isSnapshot"]:
        return f"snapshot {not wanted['isSnapshot']}"
    for side, name in ((1, "bids"), (-1, "asks")):
        mine = levels[levels["side"] == side]
        found = list(zip(mine["price"].tolist(), mine["qty"].tolist(), strict=True))
        expected = [(level["price"], level["amount"]) for level in wanted[name]]
        if sorted(found) != sorted(expected):
            return f"{name} {found[:3]}, expected {expected[:3]}"
    return ""


def _funding(row: Any, wanted: dict[str, Any]) -> str:
    pairs = [
        ("fundingRate", row.rate), ("markPrice", row.mark_price), ("indexPrice", row.index_price),
        ("openInterest", row.open_interest),
    ]  # fmt: skip
    for name, found in pairs:  # its tickers remember, our rows hold what one message says
        if not math.isnan(found) and name in wanted and wanted[name] != found:
            return f"{name} {found}, expected {wanted[name]}"
    return ""


ONE = {
    "trade": (EventKind.TRADE, TRADE, _trade),
    "book_ticker": (EventKind.BBO, BBO, _bbo),
    "quote": (EventKind.BBO, BBO, _bbo),
    "liquidation": (EventKind.LIQUIDATION, LIQUIDATION, _liquidation),
    "derivative_ticker": (EventKind.FUNDING, FUNDING, _funding),
}


def compare_pair(rows: EventArray, expected: list[dict[str, Any]]) -> tuple[int, list[str]]:
    """Return (things compared, what differs) of one message.

    What the mapper normalizes and we have no rows for (or the other way round: a ticker among the
    trades) is not compared; what both have must agree in number and in every value.
    """
    compared, differs = 0, []
    for kind, (code, view, same) in ONE.items():
        wanted = [one for one in expected if one["type"] == kind]
        mine = rows[rows["kind"] == code].view(view)
        if not wanted or not len(mine):
            continue
        compared += len(wanted)
        if len(wanted) != len(mine):
            differs.append(f"{len(mine)} rows of {kind}, expected {len(wanted)}")
            continue
        differs += [said for row, one in zip(mine, wanted, strict=True) if (said := same(row, one))]
    books = [one for one in expected if one["type"] in {"book_change", "book_snapshot"}]
    levels = rows[rows["kind"] == EventKind.LOB]
    if len(books) == 1 and len(levels):
        compared += 1
        wanted = {"isSnapshot": books[0]["type"] == "book_snapshot"} | books[0]
        said = _book(levels, wanted)
        differs += [said] if said else []
    return compared, differs


def check_oracle(data: Path, venue_id: str, cases: Cases, oracle: Oracle) -> Iterator[Result]:
    """Yield what was compared, by dialect."""
    venue: Any = venues.load(venue_id)
    table = table_of(venue_id, cases)
    decoder, out = venue.decoder(table), empty_events(65_536)
    text = (data / oracle.path).read_text(encoding="utf-8")
    pairs = [json.loads(line) for line in text.splitlines()]
    for dialect in oracle.dialects:
        compared, wrong, first = 0, 0, ""
        for pair in pairs:
            if pair["dialect"] != dialect or pair["order"] in oracle.differs:
                continue
            frame: bytes | None = compact(pair["raw"])
            if oracle.adapt is not None:
                frame = oracle.adapt(frame or b"")
            if frame is None:
                continue
            try:
                n = decoder.decode(frame, ARRIVED, out, 0)
            except ExtremaError as error:
                wrong += 1
                first = first or f"{pair['order']}: {error}"
                continue
            count, differs = compare_pair(out[:n], pair["expected_normalized"])
            compared += count
            wrong += len(differs)
            if differs:
                first = first or f"{pair['order']}: {differs[0]}"
        yield Result(venue_id, f"oracle {dialect}", "tardis_mapper_pairs", compared, wrong, first)
