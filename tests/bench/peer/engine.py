"""The peer's side: runs in the peer's own interpreter, takes JSON lines, answers JSON lines.

Needs hftbacktest and its dependencies alone; nothing of extrema-nb is imported here.
"""

# ruff: noqa: T201, C901, PLR0912, PLR0915

from __future__ import annotations

import importlib.metadata
import json
import math
import sys
import time

import hftbacktest as hbt
import numpy as np
from hftbacktest.order import FOK, GTC, GTX, IOC, LIMIT, MARKET
from numba import njit

SUBMIT, ACCEPTED, ASK_CANCEL, ASK_AMEND, AMENDED, CANCELED, FILL, EXPIRED, REJECTED = range(1, 10)
LOG = np.dtype(
    [
        ("ts", "<i8"), ("id", "<i8"), ("what", "<i8"), ("ts_exch", "<i8"), ("tick", "<i8"),
        ("qty", "<f8"), ("exec_tick", "<i8"), ("exec_qty", "<f8"), ("done", "<f8"),
    ]
)  # fmt: skip
# columns of an own order in `own`
O_ID, O_SIDE, O_TICK, O_STATE, O_EXCH, O_ASKED = range(6)
LEAVES, ASKED = range(2)  # columns of `own_qty`: open, and what an amend asks for
# states: what the strategy may do with it
NEW, LIVE, CANCELING, AMENDING = range(4)
STRATEGIES = {
    "noop": -1,
    "requote": 0,
    "ioc_cross": 1,
    "grid": 2,
    "modify_chase": 3,
    "mixed_tif": 4,
    "script": 5,
}
# statuses of the peer
S_NEW, S_EXPIRED, S_FILLED, S_CANCELED, S_PART, S_REJECTED = 1, 2, 3, 4, 5, 6


@njit
def note(log, n, ts, number, what, ts_exch, tick, qty, exec_tick, exec_qty, done=0.0):
    row = log[n]
    row.ts = ts
    row.id = number
    row.what = what
    row.ts_exch = ts_exch
    row.tick = tick
    row.qty = qty
    row.exec_tick = exec_tick
    row.exec_qty = exec_qty
    row.done = done
    return n + 1


@njit
def poll(bt, own, own_qty, open_, log, n, held):
    """Note what has become known of each open order; close gaps; return (open, lines).

    What was executed is the fall of the open quantity since the last look: a report names the
    last execution alone, and the peer's position leaves out what did not complete an order.
    """
    now = bt.current_timestamp
    orders = bt.orders(0)
    kept = 0
    for i in range(open_):
        number = own[i, O_ID]
        order = orders.get(number)
        gone = False
        if order is not None and (order.exch_timestamp != own[i, O_EXCH] or order.req == 0):
            state = own[i, O_STATE]
            status = order.status
            tick = order.price_tick
            exch = order.exch_timestamp
            leaves = order.leaves_qty
            done = own_qty[i, LEAVES] - leaves
            # an amend that has come through shows what it asked for
            amended = state == AMENDING and (
                tick == own[i, O_ASKED] if own[i, O_ASKED] != own[i, O_TICK]
                else abs(order.qty - own_qty[i, ASKED]) < 1e-9
            )  # fmt: skip
            part = exch != own[i, O_EXCH] and done > 1e-9 and order.exec_qty > 0.0
            if status == S_FILLED or (
                part and not amended and status in {S_PART, S_EXPIRED, S_CANCELED}
            ):
                if amended:  # and filled in the same µs
                    done = own_qty[i, ASKED] - leaves
                if status == S_FILLED:
                    leaves = 0.0
                n = note(
                    log, n, now, number, FILL, exch, tick if own[i, O_TICK] != 0 else 0, leaves,
                    order.exec_price_tick, order.exec_qty, done,
                )  # fmt: skip
                held[0] += own[i, O_SIDE] * done
                own_qty[i, LEAVES] = leaves
            if status == S_FILLED:
                gone = True
            elif status == S_EXPIRED:
                n = note(log, n, now, number, EXPIRED, exch, tick, 0.0, 0, 0.0)
                gone = True
            elif status == S_CANCELED:
                n = note(log, n, now, number, CANCELED, exch, tick, 0.0, 0, 0.0)
                gone = True
            elif status == S_REJECTED:
                n = note(log, n, now, number, REJECTED, exch, tick, 0.0, 0, 0.0)
                gone = True
            elif order.req == 0:  # not so of a part that was filled while a request is on its way
                if state == NEW:
                    if status != S_PART:
                        n = note(log, n, now, number, ACCEPTED, exch, tick, leaves, 0, 0.0)
                    own[i, O_STATE] = LIVE
                elif amended:
                    n = note(log, n, now, number, AMENDED, exch, tick, leaves, 0, 0.0)
                    own[i, O_STATE] = LIVE
                    own[i, O_TICK] = tick
                    own_qty[i, LEAVES] = leaves
                elif state == CANCELING and status != S_PART:  # refused: a fill is on its way
                    own[i, O_STATE] = LIVE
            own[i, O_EXCH] = exch
        if not gone:
            if kept != i:
                own[kept] = own[i]
                own_qty[kept] = own_qty[i]
            kept += 1
    return kept, n


@njit
def send(bt, own, own_qty, open_, log, n, number, side, tick, size, qty, tif, kind):
    price = tick * size
    if side > 0:
        rc = bt.submit_buy_order(0, number, price, qty, tif, kind, False)
    else:
        rc = bt.submit_sell_order(0, number, price, qty, tif, kind, False)
    if rc != 0:
        raise RuntimeError("submit was refused")
    shown = tick if kind == LIMIT else 0
    n = note(log, n, bt.current_timestamp, number, SUBMIT, 0, shown, qty, 0, 0.0)
    row = own[open_]
    row[O_ID] = number
    row[O_SIDE] = side
    row[O_TICK] = shown
    row[O_STATE] = NEW
    row[O_EXCH] = 0
    own_qty[open_, LEAVES] = qty
    return open_ + 1, n


@njit
def ask_cancel(bt, own, i, log, n):
    if bt.cancel(0, own[i, O_ID], False) != 0:
        raise RuntimeError("cancel was refused")
    own[i, O_STATE] = CANCELING
    return note(
        log, n, bt.current_timestamp, own[i, O_ID], ASK_CANCEL, 0, own[i, O_TICK], 0.0, 0, 0.0
    )


@njit
def ask_amend(bt, own, own_qty, i, tick, size, qty, log, n):
    if bt.modify(0, own[i, O_ID], tick * size, qty, False) != 0:
        raise RuntimeError("modify was refused")
    own[i, O_STATE] = AMENDING
    own[i, O_ASKED] = tick
    own_qty[i, ASKED] = qty
    return note(log, n, bt.current_timestamp, own[i, O_ID], ASK_AMEND, 0, tick, qty, 0, 0.0)


@njit
def has(own, open_, side, tick):
    for i in range(open_):
        if own[i, O_SIDE] == side and own[i, O_TICK] == tick and own[i, O_STATE] != CANCELING:
            return True
    return False


@njit
def act(bt, which, k, size, q, limit, own, own_qty, open_, log, n, number, memo, held):
    """One decision; return (open, lines, next id)."""
    depth = bt.depth(0)
    bid, ask = depth.best_bid_tick, depth.best_ask_tick
    two_sided = 0 < bid < 1 << 40 and 0 < ask < 1 << 40
    if which == 0:
        for i in range(open_):
            if own[i, O_STATE] == LIVE:
                n = ask_cancel(bt, own, i, log, n)
    if not two_sided or which < 0:
        return open_, n, number
    if which == 0:
        for side in (1, -1):
            open_, n = send(
                bt, own, own_qty, open_, log, n, number, side, bid if side > 0 else ask, size, q,
                GTX, LIMIT,
            )  # fmt: skip
            number += 1
    elif which == 1:
        side = 1 if k % 2 == 0 else -1
        qty = q if k % 4 < 2 else 200 * q
        tick = ask + 5 if side > 0 else bid - 5
        open_, n = send(bt, own, own_qty, open_, log, n, number, side, tick, size, qty, IOC, LIMIT)
        number += 1
    elif which == 2:
        first_bid = min(math.floor((bid + ask - 40) / 20) * 10, bid)
        first_ask = max(math.ceil((bid + ask + 40) / 20) * 10, ask)
        position = held[0]
        buying = position + q <= limit + 1e-9
        selling = position - q >= -limit - 1e-9
        # the same grid with all of its orders: nothing to cancel, nothing is missing
        same = (
            memo[0] == first_bid and memo[1] == first_ask and memo[2] == open_
            and memo[3] == int(buying) and memo[4] == int(selling)
        )  # fmt: skip
        if not same:
            before = n
            for i in range(open_):
                if own[i, O_STATE] == LIVE:
                    if own[i, O_SIDE] > 0:
                        away = first_bid - own[i, O_TICK]
                        wanted = buying
                    else:
                        away = own[i, O_TICK] - first_ask
                        wanted = selling
                    if not wanted or away < 0 or away > 90 or away % 10 != 0:
                        n = ask_cancel(bt, own, i, log, n)
            for level in range(10):
                if buying and not has(own, open_, 1, first_bid - 10 * level):
                    open_, n = send(
                        bt, own, own_qty, open_, log, n, number, 1, first_bid - 10 * level, size,
                        q, GTX, LIMIT,
                    )  # fmt: skip
                    number += 1
                if selling and not has(own, open_, -1, first_ask + 10 * level):
                    open_, n = send(
                        bt, own, own_qty, open_, log, n, number, -1, first_ask + 10 * level, size,
                        q, GTX, LIMIT,
                    )  # fmt: skip
                    number += 1
            memo[0], memo[1], memo[3], memo[4] = first_bid, first_ask, int(buying), int(selling)
            memo[2] = open_ if n == before else -1
    elif which == 3:
        has_bid = False
        has_ask = False
        for i in range(open_):
            if own[i, O_SIDE] > 0:
                has_bid = True
                touch = bid
            else:
                has_ask = True
                touch = ask
            if own[i, O_STATE] != LIVE:
                continue
            if k % 5 == 4 and own_qty[i, LEAVES] > 0.0015:
                n = ask_amend(
                    bt, own, own_qty, i, own[i, O_TICK], size, own_qty[i, LEAVES] - 0.001, log, n
                )
            elif own[i, O_TICK] != touch:
                n = ask_amend(bt, own, own_qty, i, touch, size, own_qty[i, LEAVES], log, n)
        if not has_bid:
            open_, n = send(bt, own, own_qty, open_, log, n, number, 1, bid, size, q, GTX, LIMIT)
            number += 1
        if not has_ask:
            open_, n = send(bt, own, own_qty, open_, log, n, number, -1, ask, size, q, GTX, LIMIT)
            number += 1
    else:
        step = k % 8
        side = 1 if step % 2 == 0 else -1
        qty, tif, kind = q, GTC, LIMIT
        tick = ask + 2 if side > 0 else bid - 2
        if step < 2:
            kind = MARKET
        elif step < 4:
            qty, tif = 150 * q, FOK
        elif step >= 6:
            tif = GTX
            tick = ask if side > 0 else bid
        open_, n = send(bt, own, own_qty, open_, log, n, number, side, tick, size, qty, tif, kind)
        number += 1
    return open_, n, number


@njit
def act_script(bt, k, size, script, own, own_qty, open_, log, n, number):
    """Carry out the script's lines of tick `k`: at, action, side, tick, qty, tif, ref."""
    for line in script:
        if line[0] != k:
            continue
        action, side, tick, qty = int(line[1]), int(line[2]), int(line[3]), line[4]
        if action in {1, 5}:
            kind = LIMIT if action == 1 else MARKET
            open_, n = send(
                bt, own, own_qty, open_, log, n, number, side, tick, size, qty, int(line[5]), kind
            )
            number += 1
            continue
        for i in range(open_):
            if own[i, O_ID] == int(line[6]) and own[i, O_STATE] == LIVE:
                if action == 2:
                    n = ask_cancel(bt, own, i, log, n)
                else:
                    asked = own_qty[i, LEAVES]
                    if action == 6:
                        asked = qty
                    elif tick == own[i, O_TICK]:
                        asked = min(qty, own_qty[i, LEAVES])
                    n = ask_amend(bt, own, own_qty, i, tick, size, asked, log, n)
    return open_, n, number


@njit
def run(bt, which, first, last, period, size, q, limit, own, own_qty, log, watch, script, held):
    """Decide at each multiple of `period` up to `last`; return the number of log lines.

    With `watch` it stops at every feed row and report in between, so that each order event is seen
    at the time it arrives; without it, at decisions alone.
    """
    open_ = n = k = 0
    number = 1
    memo = np.full(5, -1, np.int64)  # the grid as it was when nothing was left to do
    if bt.elapse(0) != 0:
        return 0
    due = -(-first // period) * period
    while due < bt.current_timestamp:  # its clock begins with its first row; before that is no book
        k += 1
        due += period
    over = False
    while not over:
        stop = min(due, last)
        if watch:
            while bt.current_timestamp < stop:
                rc = bt.wait_next_feed(True, stop - bt.current_timestamp)
                open_, n = poll(bt, own, own_qty, open_, log, n, held)
                if rc == 1 or rc > 3:
                    over = True
                    break
        else:
            over = bt.elapse(stop - bt.current_timestamp) != 0
            open_, n = poll(bt, own, own_qty, open_, log, n, held)
        if due > last:
            break
        if not over:
            if which == 5:
                open_, n, number = act_script(
                    bt, k, size, script, own, own_qty, open_, log, n, number
                )
            else:
                open_, n, number = act(
                    bt,
                    which,
                    k,
                    size,
                    q,
                    limit,
                    own,
                    own_qty,
                    open_,
                    log,
                    n,
                    number,
                    memo,
                    held,
                )
            bt.clear_inactive_orders(0)
            k += 1
            due += period
    return n


@njit
def run_noop(bt, period):
    steps = 0
    while bt.elapse(period) == 0:
        steps += 1
    return steps


def asset(task, events):
    """Return the peer's asset for one task."""
    out = (
        hbt.BacktestAsset()
        .data(events)
        .linear_asset(1.0)
        .constant_order_latency(task["entry"], task["response"])
        .trading_value_fee_model(0.0, 0.0)
        .tick_size(task["tick"])
        .lot_size(task["lot"])
    )
    out = out.partial_fill_exchange() if task.get("partial") else out.no_partial_fill_exchange()
    if task["queue"] == "risk_averse":
        out = out.risk_adverse_queue_model()
    elif task["queue"] == "fifo":
        out = out.l3_fifo_queue_model()
    elif task["queue"] == "power":
        out = out.power_prob_queue_model(task["queue_n"])
    elif task["queue"] == "power2":
        out = out.power_prob_queue_model2(task["queue_n"])
    elif task["queue"] == "power3":
        out = out.power_prob_queue_model3(task["queue_n"])
    elif task["queue"] == "log":
        out = out.log_prob_queue_model()
    else:
        out = out.log_prob_queue_model2()
    if "roi" in task:
        out = out.roi_lb(task["roi"][0]).roi_ub(task["roi"][1])
    return out


def work(task, events):
    """Run one task: a logged run over the hash book, or a timed run over the array book."""
    if "events" in task:
        events = np.load(task["events"])
    build = hbt.ROIVectorMarketDepthBacktest if "roi" in task else hbt.HashMapMarketDepthBacktest
    bt = build([asset(task, events)])
    log = np.zeros(task.get("lines", 2_000_000), LOG)
    log["ts"] = 1  # touch the pages, so that no timed run pays for them
    own = np.zeros((4096, 6), np.int64)
    own_qty = np.zeros((4096, 2))
    held = np.zeros(1)  # position by the executions that were noted
    which = STRATEGIES[task["strategy"]]
    started = time.perf_counter()
    if which < 0:
        lines = run_noop(bt, 1 << 60)
    else:
        lines = run(
            bt, which, task["first"], task["last"], task["period"], task["tick"], task["qty"],
            task["limit"], own, own_qty, log, task["watch"],
            np.array(task.get("script", [[-1.0] * 7])), held,
        )  # fmt: skip
    seconds = time.perf_counter() - started
    state = bt.state_values(0)
    answer = {
        "seconds": seconds, "lines": int(lines) if which >= 0 else 0,
        "trades": int(state.num_trades), "position": float(state.position),
        "executed": float(held[0]), "reached": int(bt.current_timestamp),
    }  # fmt: skip
    bt.close()
    if "log" in task:
        np.save(task["log"], log[:lines])
    return answer


def main():
    """Answer one JSON line for each on standard input."""
    events = np.load(sys.argv[1])
    versions = {
        name: importlib.metadata.version(name) for name in ("hftbacktest", "numba", "numpy")
    }
    print(json.dumps(versions), flush=True)
    for line in sys.stdin:
        print(json.dumps(work(json.loads(line), events)), flush=True)


if __name__ == "__main__":
    main()
