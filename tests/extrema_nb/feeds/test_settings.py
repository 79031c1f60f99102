"""How long streams may be silent."""

from __future__ import annotations

import pytest

from extrema_nb.channels import Candles, Liquidations, Lob, Trades
from extrema_nb.errors import ConfigError
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


@pytest.mark.parametrize(
    "wrong", [{"lines": 0}, {"lines": 3}, {"hold_s": 0.0}, {"book_silence_s": -1.0}, {"life_s": -1}]
)
def test_what_makes_no_sense_is_refused_by_name(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        FeedSettings(**wrong).check()
    FeedSettings().check()


def test_a_connection_with_nothing_but_liquidations_is_never_idle():
    ws = FeedSettings().ws_of([Liquidations()])
    assert ws.idle_s is None
    assert ws.first_message_s is None
