"""How long streams may be silent."""

from __future__ import annotations

from extrema_nb.channels import Candles, Lob, Trades
from extrema_nb.feeds.settings import FeedSettings
from extrema_nb.net.ws import WsSettings


def test_books_may_be_silent_for_less_time_than_trades():
    settings = FeedSettings(book_silence_s=1.0, trade_silence_s=2.0)
    assert settings.silence_us(Lob()) == settings.silence_us(Lob("bbo")) == 1_000_000
    assert settings.silence_us(Trades()) == 2_000_000
    assert settings.silence_us(Candles()) == 62_000_000


def test_a_connection_may_be_silent_as_long_as_its_liveliest_stream():
    settings = FeedSettings(book_silence_s=1.0, trade_silence_s=2.0)
    both = settings.ws_of([Trades(), Lob()])
    assert (both.idle_s, both.first_message_s) == (1.0, 1.0)
    assert settings.ws_of([Trades()]).idle_s == 2.0
    patient = FeedSettings(ws=WsSettings(idle_s=None, first_message_s=None))
    assert patient.ws_of([Lob()]).idle_s is None
    assert patient.ws_of([Lob()]).first_message_s is None
