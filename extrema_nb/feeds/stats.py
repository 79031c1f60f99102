"""Counters of a feed."""

from __future__ import annotations

import msgspec

__all__ = ["FeedStats"]


class FeedStats(msgspec.Struct):
    """What a feed has seen so far; everything counts from its start."""

    frames: int = 0
    bytes: int = 0
    rows: int = 0  # published, STATUS rows included
    connections: int = 0  # open now
    subscriptions: int = 0  # streams of open connections, now
    attempts: int = 0  # to connect
    connects: int = 0
    reconnects: int = 0
    replaced: int = 0  # connections that went because a second one had taken over
    failures: int = 0  # connections that ended badly, and attempts that failed
    sent: int = 0  # frames that left: subscriptions and heartbeats
    gaps: int = 0  # breaks in the sequence of a book, or in the ids of trades
    missing_trades: int = 0  # in those gaps, as their ids tell
    duplicates: int = 0  # book messages and trades dropped because they were seen before
    superseded: int = 0  # book messages dropped because the snapshot contained them
    resyncs: int = 0  # snapshots that made a book good
    snapshot_errors: int = 0  # snapshot requests that failed
    decode_errors: int = 0  # frames that could not be read
    venue_errors: int = 0  # error frames of the venue
    unknown: int = 0  # frames of event types that nobody asked for
    silences: int = 0  # streams that fell silent for longer than they should
    resubscribes: int = 0  # silent streams that were subscribed again
    renewals: int = 0  # connections replaced because a stream stayed silent
    dropped: int = 0  # messages dropped because another connection had brought them
    healed: int = 0  # book changes missing on one connection that another one brought
    polls: int = 0  # answers to what is asked for from time to time
    poll_errors: int = 0  # such questions whose answer did not come or could not be read
    last_lag_us: int = 0  # receive time less venue time of the last row; negative: its clock leads
