"""Write the reference pages that are made from tables in the code: ``python docs/generate.py``.

A test compares the files with what this script would write, so a page can not fall behind.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from enum import IntEnum, IntFlag
from pathlib import Path
from typing import Any

from extrema_nb import events, venues
from extrema_nb.channels import INTERVALS, Lob, Subscription, parse_channel
from extrema_nb.errors import ConfigError
from extrema_nb.events import FIELDS, VIEWS, OrderEvent, OrderStatus
from extrema_nb.feeds.polls import polled
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.market import CALLS, MarketVenue, StreamPlan
from extrema_nb.orders import TERMINAL, transition_rows

__all__ = ["PAGES", "main"]

FOLDER = Path(__file__).resolve().parent
NOTE = "<!-- made by docs/generate.py from the tables in the code; edit those -->"


def _table(head: tuple[str, ...], rows: Iterator[tuple[object, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(map(str, row)) + " |"
    yield ""


def _comments(owner: type[IntEnum | IntFlag]) -> dict[str, str]:
    """Return member name → the comment on its line."""
    found = re.findall(r"^    (\w+) = -?\d+(?:  # (.*))?$", inspect.getsource(owner), re.MULTILINE)
    return dict(found)


def _codes(owner: type[IntEnum | IntFlag]) -> Iterator[str]:
    summary = (owner.__doc__ or "").splitlines()[0].partition(". ")[0].rstrip(".") + "."
    yield f"### {owner.__name__}"
    yield ""
    yield summary
    yield ""
    comments = _comments(owner)
    if any(comments.values()):
        rows = ((f"`{m.name}`", m.value, comments.get(str(m.name), "")) for m in owner)
        yield from _table(("name", "value", "meaning"), rows)
    else:  # the names say it all
        yield ", ".join(f"`{m.name}` {m.value}" for m in owner)
        yield ""


def event_rows() -> Iterator[str]:
    """Yield the lines of the page about rows."""
    yield "# Event rows"
    yield ""
    yield NOTE
    yield ""
    yield "Everything that a strategy can see arrives as a row of 64 bytes, one cache line."
    yield "A row is a head of 24 bytes and a payload of 40; the tag `kind` says which view fits."
    yield "All integers are signed, all times are µs since the UNIX epoch, nothing is padded."
    yield f"This is schema version {events.SCHEMA_VERSION}."
    yield ""
    yield "## Head"
    yield ""
    meaning = {
        "ts_event": "µs, the venue's clock",
        "ts_recv": "µs, our clock when it arrived; orders everything",
        "inst": "instrument id in the `InstrumentTable`, −1 none",
        "kind": "`EventKind`, the tag",
        "side": "`Side`; of a trade the taker's; of a candle its `interval` code",
        "flags": "`Flag` bits",
    }
    fields: Any = events.EVENT.fields
    head = ((f"`{n}`", fields[n][0].str[1:], fields[n][1], text) for n, text in meaning.items())
    yield from _table(("field", "type", "byte", "meaning"), head)
    yield "## Payload"
    yield ""
    for kind, view in VIEWS.items():
        name = next(n for n in events.__all__ if getattr(events, n) is view)
        yield f"### {kind.name}"
        yield ""
        yield f"`kind` {kind.value}, view `{name}`."
        yield ""
        places: Any = view.fields
        payload = (
            (f"`{n}`", places[n][0].str[1:], places[n][1], f.meaning, f.unit, f.absent)
            for n, f in FIELDS[kind].items()
        )
        yield from _table(("field", "type", "byte", "meaning", "unit", "absent"), payload)
    yield "## Codes"
    yield ""
    for owner in (
        events.Side,
        events.Flag,
        events.OrderStatus,
        events.OrderEvent,
        events.OrderType,
        events.TimeInForce,
        events.Action,
        events.StatusCode,
    ):
        yield from _codes(owner)
    yield "### Intervals"
    yield ""
    yield "`interval` of a CANDLE row."
    yield ""
    yield ", ".join(f"`{word}` {code}" for code, word in enumerate(INTERVALS))


def order_states() -> Iterator[str]:
    """Yield the lines of the page about orders."""
    yield "# Order states"
    yield ""
    yield NOTE
    yield ""
    yield "One table for live, paper and backtest: `extrema_nb.orders.TRANSITIONS`."
    yield "A state changes by a request of ours or by a report of the venue."
    yield "A report that has no entry makes no sense in that state: it is counted and not obeyed."
    yield f"{', '.join(f'`{s.name}`' for s in TERMINAL)} are final."
    yield ""
    yield "## Requests"
    yield ""
    asked = [
        ("submit", "", "`PENDING_NEW`"),
        ("cancel", "any open state", "`PENDING_CANCEL`"),
        ("amend", "`LIVE`, `PARTIALLY_FILLED`", "`PENDING_AMEND`"),
    ]
    yield from _table(("request", "from", "to"), iter(asked))
    yield "## Reports"
    yield ""
    told = [e for e in OrderEvent if e is not OrderEvent.NONE]
    following = {(status, event): after for status, event, after in transition_rows()}
    lines = (
        (f"`{s.name}`", *(following.get((s.name, e.name), "") for e in told))
        for s in OrderStatus
        if any((s.name, e.name) in following for e in told)
    )
    yield from _table(("state", *(f"`{e.name}`" for e in told)), lines)
    yield "A fill that leaves nothing open makes the order `FILLED`, whatever the table says."
    yield "`LIVE or PARTIALLY_FILLED`: the second if something was executed before."


WORDS = (
    "trade", "agg_trade", "bbo", "book", "book5", "book20", "candle_1m", "funding",
    "open_interest", "liquidation",
)  # fmt: skip
SAMPLES = ("BTC_USDT_PERP", "BTC_USD_PERP", "BTC_USDC_PERP", "BTC_USDT", "BTC_USD")
NONE = "–"
EXAMPLE = """
    from extrema_nb.feeds.public import PublicRest


    async def last_week(start_us, end_us):
        async with PublicRest("okx") as rest:
            await rest.instruments()
            candles = await rest.candles("BTC_USDT_PERP", "1h", start_us, end_us)
            rates = await rest.funding_history("BTC_USDT_PERP", start_us, end_us)
            book = await rest.book("BTC_USDT_PERP")
            return candles, rates, book, await rest.tickers(), await rest.clock_offset_us()
"""


def _sample(venue: MarketVenue) -> str:
    """Return the symbol of an instrument that the venue names."""
    for name in SAMPLES:
        symbol = venue.symbol_of(name)
        if symbol != name and venue.name_of(symbol) == name:
            return symbol
    return venue.symbol_of("BTC_USDT")


def _stream(venue: MarketVenue, word: str) -> str:
    try:
        return venue.stream_name(_sample(venue), parse_channel(word))
    except ConfigError:
        return ""


def _plan(venue: MarketVenue) -> StreamPlan:
    """Return the connection that carries a book or, without one, its top."""
    symbol = _sample(venue)
    table = InstrumentTable([Instrument(venue=venue.id, symbol=symbol, name=venue.name_of(symbol))])
    book = Lob() if _stream(venue, "book") else Lob("snapshot")
    return venue.stream_url(venue.endpoints, [Subscription(0, book)], table)[0]


def _limits(venue: MarketVenue) -> Iterator[str]:
    plan, ws = _plan(venue), venue.ws_limits
    if plan.ping:
        yield f"- Heartbeat: `{plan.ping}` every {plan.ping_s:g} s."
    else:
        yield "- Heartbeat: pings of the WebSocket protocol."
    if plan.life_s:
        yield f"- A connection is replaced before it is {plan.life_s / 3600:g} h old."
    found = [
        f"{ws.streams} streams a connection" if ws.streams else "",
        f"{ws.messages} frames from us in {ws.messages_s:g} s" if ws.messages else "",
        f"{ws.connects} new connections in {ws.connects_s:g} s" if ws.connects else "",
        f"{ws.frame_bytes} bytes a frame from us" if ws.frame_bytes else "",
    ]
    if any(found):
        yield f"- WebSocket limits: {', '.join(filter(None, found))}."
    for window, capacity, seconds, _ in venue.limits:
        yield f"- REST limit `{window}`: {capacity} in {seconds:g} s."


def _venue_page(venue: MarketVenue) -> Iterator[str]:
    yield f"## {venue.id}"
    yield ""
    yield f"Hosts: `{venue.endpoints.rest}` and `{venue.endpoints.ws}`."
    how = {
        "rest": "its snapshot is fetched over REST and joined with the changes that were buffered",
        "stream": "its snapshot is the first push of the channel",
    }
    yield f"Book: {how[venue.snapshot_from]}."
    yield ""
    yield from _limits(venue)
    yield ""
    named = [(f"`{word}`", f"`{found}`") for word in WORDS if (found := _stream(venue, word))]
    yield from _table(("channel", "stream"), iter(named))


def _offer(venue: MarketVenue, word: str) -> str:
    """Return how a venue offers the channel of a word."""
    if _stream(venue, word):
        return "yes"
    return "polled" if polled(venue, Subscription(0, parse_channel(word))) else NONE


def venue_matrix() -> Iterator[str]:
    """Yield the lines of the page about venues."""
    yield "# Venues"
    yield ""
    yield NOTE
    yield ""
    yield "What each venue offers, by the words of the command line."
    yield f"{NONE} means that asking for it is refused with the list of what there is."
    yield "How a venue is added: [extrema_nb/venues/README.md](../extrema_nb/venues/README.md)."
    yield "What the claims rest on: [conformance](conformance.md)."
    yield ""
    every = [venues.load(name) for name in venues.known()]
    yield "## Streams"
    yield ""
    rows = ((f"[{v.id}](#{v.id})", *(_offer(v, word) for word in WORDS)) for v in every)
    yield from _table(("venue", *(f"`{word}`" for word in WORDS)), rows)
    yield "`book5` and `book20` are the top of the book, sent whole each time."
    yield "Candles have other intervals too, and books other speeds (`book@100ms`)."
    yield "Gate also has books of 50 and 400 levels with pushed snapshots: `diff50@20ms`, `diff400`."
    yield "A wrong one is refused with those that exist."
    yield (
        "Polled means that the venue pushes none: it is asked over REST, each instrument once in "
        "`poll_s` (60 s), and the rows are flagged `POLLED`."
    )
    yield "Rows of `funding` say when it is paid next (`next_ts`) where the venue does: Binance, OKX."
    yield (
        "Hyperliquid and dYdX do not say it, and pay every full hour: there it is the next full hour "
        "after the row's time, which is that of receipt where the message has none."
    )
    yield "In its first weeks (May 2023) Hyperliquid paid every eight hours; rows of then say too much."
    yield (
        "Gate's contracts pay at intervals of their own that its tickers do not state: their rows "
        "have no time, and a simulated exchange pays nothing by them."
    )
    yield ""
    yield "## REST"
    yield ""
    rows = (
        (
            v.id,
            *("yes" if call in v.calls else NONE for call in CALLS),
            "yes" if venues.can_trade(v) else NONE,
        )
        for v in every
    )
    yield from _table(("venue", *(call.replace("_", " ") for call in CALLS), "orders"), rows)
    yield "Without orders a venue is recorded, replayed, and traded on paper."
    yield ""
    yield "The same for all venues, from Python:"
    yield ""
    yield "```python"
    yield from inspect.cleandoc(EXAMPLE).splitlines()
    yield "```"
    yield ""
    yield "Candles and funding rates come oldest first, each once, over as many pages as it takes."
    yield ""
    for venue in every:
        yield from _venue_page(venue)


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "event-rows.md": event_rows,
    "order-states.md": order_states,
    "venues.md": venue_matrix,
}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        text = "\n".join(page()).rstrip() + "\n"
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
