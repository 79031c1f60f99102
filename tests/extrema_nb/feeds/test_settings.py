"""How long streams may be silent."""

from __future__ import annotations

from extrema_nb.channels import Candles, Lob, Trades
from extrema_nb.feeds.settings import FeedSettings


def test_books_may_be_silent_for_less_time_than_trades():
    settings = FeedSettings(book_silence_s=1.0, trade_silence_s=2.0)
    assert settings.silence_us(Lob()) == settings.silence_us(Lob("bbo")) == 1_000_000
    assert settings.silence_us(Trades()) == 2_000_000
    assert settings.silence_us(Candles()) == 62_000_000
