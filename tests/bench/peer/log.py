"""The order log that both engines are reduced to, and how two of them are compared."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.events import ACC_ORDER, FILL, INTENT, Action, EventKind, OrderEvent

__all__ = ["LOG", "Comparison", "What", "compare", "our_log"]


class What(IntEnum):
    """One line of a log; the numbers order lines of one order at one time."""

    SUBMIT = 1  # the strategy asked
    ACCEPTED = 2
    ASK_CANCEL = 3
    ASK_AMEND = 4
    AMENDED = 5
    CANCELED = 6
    FILL = 7
    EXPIRED = 8
    REJECTED = 9


LOG = np.dtype(
    [
        ("ts", "<i8"),  # µs, local: when it was asked or learnt
        ("id", "<i8"),  # client order id
        ("what", "<i8"),  # What
        ("ts_exch", "<i8"),  # µs, when the exchange did it; 0 of a request
        ("tick", "<i8"),  # limit price in ticks; 0 of a market order
        ("qty", "<f8"),  # open quantity after it; of an AMEND the new one
        ("exec_tick", "<i8"),  # price of a fill in ticks
        ("exec_qty", "<f8"),  # quantity of a fill; of several in one message the last one's
        ("done", "<f8"),  # executed by all of the message
    ]
)
REQUESTS = (What.SUBMIT, What.ASK_CANCEL, What.ASK_AMEND)
_ASKED = {
    Action.SUBMIT: What.SUBMIT,
    Action.CANCEL: What.ASK_CANCEL,
    Action.AMEND: What.ASK_AMEND,
}
_TOLD = {
    OrderEvent.ACCEPTED: What.ACCEPTED,
    OrderEvent.CANCELED: What.CANCELED,
    OrderEvent.EXPIRED: What.EXPIRED,
    OrderEvent.AMENDED: What.AMENDED,
    OrderEvent.REJECTED: What.REJECTED,
}


class Comparison(NamedTuple):
    """What two logs have in common."""

    ours: int  # lines compared
    peers: int
    by_kind: dict[str, int]  # of ours
    fills: int
    difference: dict[str, Any] | None  # the first one


def _ticks(prices: npt.NDArray[np.float64], tick: float) -> npt.NDArray[np.int64]:
    return np.nan_to_num(np.round(prices / tick)).astype(np.int64)


def our_log(journal: npt.NDArray[Any], tick: float) -> npt.NDArray[Any]:
    """Return a run's journal as LOG rows; rejects of cancels and amends are left out.

    The report beside a FILL row says nothing that the fill does not, the peer has no such row.
    """
    out = np.zeros(len(journal), LOG)
    out["ts"] = journal["ts_recv"]
    limits: dict[int, int] = {}
    fills: dict[int, int] = {}  # order → place of its newest fill, whose report is yet to come
    keep = np.zeros(len(journal), np.bool_)
    for i, head in enumerate(journal):
        row = out[i]
        one = journal[i : i + 1]
        if head["kind"] == EventKind.INTENT:
            ask = one.view(INTENT)[0]
            row["id"], row["qty"] = ask["client_order_id"], ask["qty"]
            row["what"] = _ASKED[Action(int(ask["action"]))]
            row["tick"] = _ticks(np.array([ask["price"]]), tick)[0]
            if row["what"] == What.ASK_CANCEL:
                row["qty"] = 0.0
            limits.setdefault(int(row["id"]), int(row["tick"]))
        elif head["kind"] == EventKind.FILL:
            fill = one.view(FILL)[0]
            row["id"], row["what"] = fill["client_order_id"], What.FILL
            row["exec_tick"] = _ticks(np.array([fill["price"]]), tick)[0]
            row["exec_qty"], row["ts_exch"] = fill["qty"], head["ts_event"]
            row["done"] = fill["qty"]
            row["tick"] = limits[int(row["id"])]
            fills[int(row["id"])] = i
        else:
            told = one.view(ACC_ORDER)[0]
            if told["event"] == OrderEvent.TRADE:
                out[fills[int(told["client_order_id"])]]["qty"] = told["leaves_qty"]
            event = _TOLD.get(OrderEvent(int(told["event"])))
            if event is None:
                continue
            row["id"], row["what"], row["ts_exch"] = (
                told["client_order_id"],
                event,
                head["ts_event"],
            )
            row["tick"] = _ticks(np.array([told["price"]]), tick)[0]
            if event in (What.ACCEPTED, What.AMENDED):
                row["qty"] = told["leaves_qty"]
                limits[int(row["id"])] = int(row["tick"])
        keep[i] = True
    return out[keep]


def _line(row: Any) -> dict[str, Any]:
    line = {name: row[name].item() for name in LOG.names or ()}
    line["what"] = What(line["what"]).name
    return line


def _first_difference(ours: Any, peers: Any, rule: str) -> dict[str, Any] | None:
    n = min(len(ours), len(peers))
    same = np.ones(n, np.bool_)
    for name in LOG.names or ():
        a, b = ours[name][:n], peers[name][:n]
        same &= np.abs(a - b) < 1e-9 if a.dtype.kind == "f" else a == b
    wrong = np.flatnonzero(~same)
    if not wrong.size and len(ours) == len(peers):
        return None
    at = int(wrong[0]) if wrong.size else n
    return {
        "rule": rule,
        "place": at,
        "differing_lines": int(wrong.size) + abs(len(ours) - len(peers)),
        "ours": _line(ours[at]) if at < len(ours) else None,
        "peers": _line(peers[at]) if at < len(peers) else None,
    }


def _by_message(log: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Put the fills of one order at one time into one line: the last, with what all executed."""
    out = log.copy()
    keep = np.ones(len(log), np.bool_)
    before: dict[tuple[int, int], int] = {}
    for i in np.flatnonzero(log["what"] == What.FILL):
        key = int(log["ts"][i]), int(log["id"][i])
        if key in before:
            keep[before[key]] = False
            out["done"][i] += out["done"][before[key]]
        before[key] = int(i)
    return out[keep]


def _without_passing(log: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Drop an AMENDED whose order fills in the same µs: whoever polls sees the fill alone."""
    fills = {(int(row["ts"]), int(row["id"])) for row in log[log["what"] == What.FILL]}
    passing = [
        bool(row["what"] == What.AMENDED) and (int(row["ts"]), int(row["id"])) in fills
        for row in log
    ]
    return log[~np.array(passing, np.bool_)]


def compare(
    ours: npt.NDArray[Any], peers: npt.NDArray[Any], end: int, *, executions: bool = False
) -> Comparison:
    """Compare two logs up to local time `end`, µs: every line, and the sequence of requests.

    With `executions` the lines are those of requests and fills alone, what a message executed in
    one line: the peer tells the last execution of a message, and what is left.
    """
    ours, peers = ours[ours["ts"] <= end], peers[peers["ts"] <= end]
    ours = _without_passing(_by_message(ours))
    if executions:
        ours, peers = (log[np.isin(log["what"], (*REQUESTS, What.FILL))] for log in (ours, peers))
    asked = [log[np.isin(log["what"], REQUESTS)] for log in (ours, peers)]
    a, b = (log[np.lexsort((log["what"], log["id"], log["ts"]))] for log in (ours, peers))
    difference = _first_difference(a, b, "lines by time and order")
    if difference is None:
        difference = _first_difference(*asked, "sequence of requests")
    kinds = {what.name.lower(): int((ours["what"] == what).sum()) for what in What}
    return Comparison(
        len(ours), len(peers), {k: n for k, n in kinds.items() if n}, kinds["fill"], difference
    )
