"""The backtest loop: two clocks, many variants, always the earliest event next.

Ties, in this order: local market row, local report, prediction, exchange market row, a liquidation,
funding, expiry of orders, exchange request, timer, account mark; then by place in the input, of exchange
market rows by instrument number before that. So an order that reaches
the exchange at X is handled after all market rows stamped X, and a timer at t sees all rows and
reports of t.

The market is on a tape (`replay.tape`), so a row costs nothing unless it concerns own orders or a
handler wants to see it. All variants of a run share the tape, the strategy's books and the timers:
the loop picks the next moment that concerns all of them, brings one variant after the other there,
then lets each act.

Two short ways give what the long ones would. Reports that no handler hears wait for the next moment
at which their strategy acts. Requests without latency are handled where they are made, if the
exchange has seen all rows of that moment.

The loop stops, and can be entered again, when the caller must act: the tape is done, outputs must
be drained, a queue must grow, a model must answer. Where it stops never changes what comes out.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from extrema_nb.events import Action, EventKind, Flag
from extrema_nb.jit import kernel
from extrema_nb.strategy.hlist import outputs_full
from extrema_nb.strategy.state import C_FEATURES, C_INTENTS, ROW_LIMIT, Context
from replay.exchange.at_once import serve_at_once
from replay.exchange.hits import hit, next_hit
from replay.exchange.messages import (
    compact,
    forward_intents,
    note_intents,
    take_reports,
    write_mark,
)
from replay.exchange.model import (
    FAR,
    X_ENTRY,
    X_JOURNAL,
    X_KEEPS,
    X_MARGIN,
    X_MARKET,
    X_MARKS,
    X_MODELLED,
    X_NEXT_EXPIRY,
    X_NOW,
    X_PRED_DUE,
    X_PRED_HEAD,
    X_PRED_LATENCY,
    X_PRED_TAIL,
    X_REPORT_HEAD,
    X_REPORT_TAIL,
    X_REQUEST_HEAD,
    X_REQUEST_TAIL,
    X_RESTING,
    X_STOPS,
    Exchange,
)
from replay.exchange.moments import arrive, ring
from replay.exchange.resting import ranges_of
from replay.exchange.shared import (
    N_ASKS_STRUCK,
    N_BIDS_STRUCK,
    N_END,
    N_HIGHEST,
    N_LIMIT,
    N_LISTENS,
    N_LOOKS,
    N_LOWEST,
    N_MARK_EVERY,
    N_NEXT_MARK,
    N_PHASE,
    N_ROW,
    N_SOURCE,
    N_TIME,
    N_VARIANT,
    Shared,
)
from replay.tape.advance import catch_up
from replay.tape.layout import T_ROW, T_VISIT, Tape
from replay.tape.lookup import first_time

__all__ = ["Stop", "make_loop"]

ROW_BYTES = 64
_SCHEDULE = int(EventKind.SCHEDULE)
_LAST = int(Flag.LAST)
_SUBMIT = int(Action.SUBMIT)
_AMEND = int(Action.AMEND)


class Stop(IntEnum):
    """Why the loop came back; but for HORIZON, `N_VARIANT` says which variant it is about."""

    HORIZON = 0  # nothing left at or before the horizon
    OUTPUTS = 1  # drain the context's outputs
    JOURNAL = 2  # drain journal and marks
    PREDICT = 3  # answer the features that wait
    BUSY = 4  # too many messages on their way: make room


_OUTPUTS = int(Stop.OUTPUTS)
_JOURNAL = int(Stop.JOURNAL)
_PREDICT = int(Stop.PREDICT)
_BUSY = int(Stop.BUSY)

# what all variants can wait for
_END = 0
_VISIT = 1
_TIMER = 2
_MARK = 3

# what a variant has by itself
_NONE = 0
_REPORT = 1
_PRED = 2
_EXPIRY = 3
_REQUEST = 4


@kernel(part=True)
def _next_timer(sh: Shared) -> int:
    """Return the place of the timer that is due first (of several at once the first)."""
    best = 0
    for i in range(1, sh.hub.timer_count):
        if sh.timers[i, 1] < sh.timers[best, 1]:
            best = i
    return best


@kernel(part=True)
def _choose(sh: Shared, tape: Tape, horizon: int) -> None:
    """Find the next moment that concerns all variants."""
    now = sh.now_of
    source, t = _END, horizon
    k = int(tape.cursors[T_VISIT])
    if k < tape.hub.visits:
        row = int(tape.visit[k])
        due = int(tape.local_ts[row])
        if due <= t:
            source, t = _VISIT, due
            now[N_ROW] = row
    alarm = int(sh.timers[_next_timer(sh), 1])
    if alarm <= now[N_END] and (alarm < t or (alarm == t and source == _END)):
        source, t = _TIMER, alarm
    mark = int(now[N_NEXT_MARK])
    if mark <= now[N_END] and (mark < t or (mark == t and source == _END)):
        source, t = _MARK, mark
    if source != _VISIT:  # all rows of that moment come before
        now[N_ROW] = first_time(
            tape.local_ts, tape.local_mark, int(tape.hub.local_rows), int(now[N_ROW]), t + 1
        )
    now[N_LIMIT] = first_time(
        tape.market_ts, tape.market_mark, int(tape.hub.market_rows), int(now[N_LIMIT]),
        t if source == _VISIT else t + 1,
    )  # fmt: skip
    if tape.hub.instruments == 1:
        _reach(sh, tape)
    now[N_TIME] = t
    now[N_SOURCE] = source
    now[N_VARIANT] = 0
    now[N_PHASE] = 1


@kernel(part=True)
def _reach(sh: Shared, tape: Tape) -> None:
    """Note how deep the rows before the moment strike, once for all variants; of one instrument."""
    now = sh.now_of
    limit = int(now[N_LIMIT])
    lowest, highest = FAR, -FAR
    k, end = int(now[N_BIDS_STRUCK]), int(tape.strike_start[1])
    while k < end and tape.strike_at[k] < limit:
        lowest = min(lowest, int(tape.strike_tick[k]))
        k += 1
    now[N_BIDS_STRUCK], now[N_LOWEST] = k, lowest
    k, end = max(int(now[N_ASKS_STRUCK]), end), int(tape.strike_start[2])
    while k < end and tape.strike_at[k] < limit:
        highest = max(highest, int(tape.strike_tick[k]))
        k += 1
    now[N_ASKS_STRUCK], now[N_HIGHEST] = k, highest


@kernel(inline=True, part=True)
def _struck(x: Exchange, now: Any, limit: int) -> bool:
    """Say whether rows before a moment may concern own orders; for one instrument by `_reach`."""
    clock = x.clock
    if x.hub.instruments > 1 or clock[X_STOPS] > 0 or clock[X_MARGIN] != 0:
        return bool(next_hit(x, limit) < limit)
    if clock[X_RESTING] > 0:
        ranges = ranges_of(x, 0)
        if ranges[1] >= now[N_LOWEST] or ranges[2] <= now[N_HIGHEST]:
            return True
    x.strike[0, 0], x.strike[0, 1] = now[N_BIDS_STRUCK], now[N_ASKS_STRUCK]
    return False


@kernel(inline=True, part=True)
def _own_next(x: Exchange, before: int, listens: int) -> tuple[int, int]:
    """Return what a variant has by itself before a moment, and when, in the order of ties.

    Reports that nobody hears wait until then: see `take_reports`.
    """
    clock = x.clock
    source = _NONE
    t = before
    if listens != 0 and clock[X_REPORT_HEAD] < clock[X_REPORT_TAIL]:
        due = int(x.reports[clock[X_REPORT_HEAD]].ts_recv)
        if due < t:
            source, t = _REPORT, due
    if clock[X_PRED_HEAD] < clock[X_PRED_TAIL]:
        due = int(x.preds[clock[X_PRED_HEAD]].ts_recv)
        if due < t:
            source, t = _PRED, due
    if clock[X_NEXT_EXPIRY] < t:
        source, t = _EXPIRY, int(clock[X_NEXT_EXPIRY])
    if clock[X_REQUEST_HEAD] < clock[X_REQUEST_TAIL]:
        due = int(x.arrivals[clock[X_REQUEST_HEAD]])
        if due < t:
            source, t = _REQUEST, due
    return source, t


@kernel(inline=True, part=True)
def _idle(x: Exchange, now: Any, end: int, limit: int) -> bool:
    """Say whether nothing concerns a variant until a moment; mostly so, and quick to see."""
    clock = x.clock
    return bool(
        clock[X_REQUEST_HEAD] == clock[X_REQUEST_TAIL]
        and clock[X_REPORT_HEAD] == clock[X_REPORT_TAIL]
        and clock[X_PRED_HEAD] == clock[X_PRED_TAIL]
        and end < clock[X_PRED_DUE]
        and end < clock[X_NEXT_EXPIRY]
        and not _struck(x, now, limit)
    )


@kernel(part=True)
def _room(x: Exchange, ctx: Context, before: int, listens: int) -> bool:
    """Say whether there is room for the reports of what comes next, and make it."""
    if compact(x):
        return True
    return listens == 0 and take_reports(x, ctx, before) and compact(x)


@kernel(inline=True, part=True)
def _must_stop(x: Exchange, ctx: Context) -> int:
    """Return 0 if a row can be shown to a variant's handlers, else the reason to stop."""
    if outputs_full(ctx):
        return _OUTPUTS
    if x.clock[X_JOURNAL] > x.hub.journal_cap - ROW_LIMIT - 8:
        return _JOURNAL
    if x.clock[X_REQUEST_TAIL] >= x.hub.request_cap - ROW_LIMIT and not compact(x):
        return _BUSY
    return 0


@kernel(part=True)
def _after(x: Exchange, ctx: Context, at_once: bool) -> None:
    """Take what the handlers have said; `at_once`: the exchange has seen all rows of the moment."""
    if ctx.clock[C_INTENTS] > 0:
        note_intents(x, ctx)
        served = 0
        if at_once and x.clock[X_MODELLED] == 0 and x.clock[X_ENTRY] == 0:
            served = serve_at_once(x, ctx)
        forward_intents(x, ctx, served)
    if ctx.clock[C_FEATURES] > 0 and x.clock[X_PRED_DUE] == FAR and x.clock[X_PRED_LATENCY] >= 0:
        x.clock[X_PRED_DUE] = ctx.features[0].ts + x.clock[X_PRED_LATENCY]


@kernel(part=True)
def _write_timer(sh: Shared, timer: int, t: int) -> None:
    """Write the SCHEDULE row of a timer that is due."""
    row = sh.timer_row[0]
    row.ts_event = t
    row.ts_recv = t
    row.inst = -1
    row.kind = _SCHEDULE
    row.flags = _LAST
    row.timer = sh.timers[timer, 0]
    row.tick = sh.timers[timer, 3]
    row.period = sh.timers[timer, 2]


@kernel(part=True)
def _done(sh: Shared, tape: Tape) -> None:
    """Move on behind the moment at hand."""
    now = sh.now_of
    if now[N_SOURCE] == _VISIT:
        tape.cursors[T_VISIT] += 1
    elif now[N_SOURCE] == _TIMER:
        timer = _next_timer(sh)
        sh.timers[timer, 1] += sh.timers[timer, 2]
        sh.timers[timer, 3] += 1
    elif now[N_SOURCE] == _MARK:
        now[N_NEXT_MARK] += now[N_MARK_EVERY]
    now[N_PHASE] = 0


def make_loop(step: Any, hit: Any = hit) -> Any:
    """Return ``loop(sh, tape, books, horizon) -> Stop`` around a group's step.

    Parameters
    ----------
    step : the jitted step of a `KernelGroup` whose books are kept by a tape
    hit : what the market does to own orders, by the queue model
    sh, tape : `Shared` and `Tape`; `books` the strategy's `L2Books`
    horizon : µs; the tape holds all rows up to here, by both clocks
    """

    def show(ctx: Any, cells: Any, at: Any) -> None:
        step(ctx, cells, at)

    one = kernel(show, cache=False, inline=False)

    def alone(
        x: Any, ctx: Any, cells: Any, end: Any, inclusive: Any, limit: Any, listens: Any, looks: Any
    ) -> int:
        """Let a variant do what it has by itself until `end`."""
        clock = x.clock
        tape = x.venue
        last = end + 1 if inclusive else end
        while True:
            source, t = _own_next(x, last, listens)
            if min(t, end) >= clock[X_PRED_DUE]:
                return _PREDICT
            until = limit
            if source != _NONE:
                until = int(clock[X_MARKET])
                before = t + 1 if source >= _EXPIRY else t
                if until < limit and tape.market_ts[until] < before:
                    until = first_time(tape.market_ts, tape.market_mark, limit, until, before)
            position = next_hit(x, until)
            if position < until:
                if not _room(x, ctx, last, listens):
                    return _BUSY
                hit(x, position)
                continue
            if source == _NONE:
                clock[X_MARKET] = max(clock[X_MARKET], limit)
                if listens == 0 and not take_reports(x, ctx, last):
                    return _JOURNAL
                return 0
            clock[X_MARKET] = max(clock[X_MARKET], until)
            if source >= _EXPIRY:
                if not _room(x, ctx, last, listens):
                    return _BUSY
                clock[X_NOW] = t
                if source == _EXPIRY:
                    ring(x)
                else:
                    arrive(x, x.requests[clock[X_REQUEST_HEAD]])
                    clock[X_REQUEST_HEAD] += 1
                continue
            why = _must_stop(x, ctx)
            if why != 0:
                return why
            if listens != 0:
                n = int(tape.hub.local_rows)
                hint = int(tape.cursors[T_ROW])
                row = first_time(tape.local_ts, tape.local_mark, n, hint, t + 1)
                catch_up(tape, ctx, row, looks)
            if source == _REPORT:
                head = clock[X_REPORT_HEAD]
                x.journal[clock[X_JOURNAL]] = x.reports[head]
                clock[X_JOURNAL] += clock[X_KEEPS]
                clock[X_REPORT_HEAD] = head + 1
                one(ctx, cells, x.hub.reports + head * ROW_BYTES)
            else:
                head = clock[X_PRED_HEAD]
                clock[X_PRED_HEAD] = head + 1
                one(ctx, cells, x.hub.preds + head * ROW_BYTES)
            _after(x, ctx, False)

    bring = kernel(alone, cache=False, inline=False)

    def loop(sh: Any, tape: Any, books: Any, horizon: Any) -> int:
        now = sh.now_of
        cell_bytes = sh.hub.cell_count * 8
        listens = int(now[N_LISTENS])
        looks = int(now[N_LOOKS])
        while True:
            if now[N_PHASE] == 0:
                _choose(sh, tape, horizon)
            source = int(now[N_SOURCE])
            t = int(now[N_TIME])
            limit = int(now[N_LIMIT])
            upto = int(now[N_ROW])
            at = tape.hub.rows + upto * ROW_BYTES
            if source == _VISIT:
                upto += 1
            elif source == _TIMER:
                _write_timer(sh, _next_timer(sh), t)
                at = sh.hub.timer_row
            if now[N_PHASE] == 1:
                for k in range(now[N_VARIANT], sh.hub.variants):
                    x = Exchange(sh.exchanges[k], tape)
                    if _idle(x, now, t, limit):
                        x.clock[X_MARKET] = max(x.clock[X_MARKET], limit)
                        continue
                    why = bring(
                        x, Context(sh.contexts[k], books), sh.hub.cells + k * cell_bytes, t,
                        source != _VISIT, limit, listens, looks,
                    )  # fmt: skip
                    if why != 0:
                        now[N_VARIANT] = k
                        return why
                catch_up(tape, Context(sh.contexts[0], books), upto, looks)
                now[N_VARIANT] = 0
                now[N_PHASE] = 2
            if source == _END:
                now[N_PHASE] = 0
                return 0
            for k in range(now[N_VARIANT], sh.hub.variants):
                x = Exchange(sh.exchanges[k], tape)
                ctx = Context(sh.contexts[k], books)
                why = _must_stop(x, ctx)
                if source == _MARK and x.clock[X_MARKS] >= x.hub.mark_cap - x.hub.instruments:
                    why = _JOURNAL
                if why != 0:
                    now[N_VARIANT] = k
                    return why
                if source == _MARK:
                    write_mark(x, ctx, t)
                else:
                    one(ctx, sh.hub.cells + k * cell_bytes, at)
                    _after(x, ctx, source == _TIMER and listens == 0)
            _done(sh, tape)

    return kernel(loop)
