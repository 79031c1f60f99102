"""Texts without secrets."""

from __future__ import annotations

import pytest

from extrema_nb.execution.redact import MARKER, clean, mask, names_secret


@pytest.mark.parametrize(
    ("identifier", "masked"),
    [
        ("", ""), ("1", MARKER), ("52955084", MARKER), ("123456789", "123...789"),
        ("apikey12345", "api...345"), ("12345678901234", "123...234"),
        ("123456789012345", "123456...2345"),
        ("0x1234567890abcdef1234567890abcdef12345678", "0x1234...5678"),
        ("binance_api_key_1234567890", "binanc...7890"),
        ("gate_api_key_1234567890", "gate_a...7890"),
    ],
)  # fmt: skip
def test_an_identifier_keeps_its_ends_alone(identifier, masked):
    assert mask(identifier) == masked


@pytest.mark.parametrize(
    "text",
    [
        "GET https://h/x?symbol=B&signature=SECRETS&y=1",
        "ws://h/private/ws?listenKey=SECRETS&events=A/B",
        'body {"listenKey":"SECRETS"}',
        "header api_key: SECRETS",
        "X-MBX-APIKEY=SECRETS",
        "it says SECRETS outright",
    ],
)
def test_what_is_secret_is_taken_out_and_the_rest_stays(text):
    cleaned = clean(text, ["SECRETS"])
    assert "SECRETS" not in cleaned
    assert cleaned[:3] == text[:3]


def test_a_listen_key_in_a_path_is_taken_out():
    key = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"
    assert clean(f"cannot open wss://h/private/ws/{key} now") == (
        f"cannot open wss://h/private/ws/{MARKER} now"
    )
    assert clean("wss://h/ws/btcusdt@trade") == "wss://h/ws/btcusdt@trade"


@pytest.mark.parametrize(
    "word",
    ["api_key", "apiKey", "ACCESS_TOKEN", "accessToken", "secret", "Signature", "passphrase",
     '"auth"', '"key"', '"sign"', "listenKey"],
)  # fmt: skip
def test_a_text_with_a_telling_word_is_not_fit_to_be_shown(word):
    assert names_secret(f'{{"a": 1, {word}: 2}}')
    assert not names_secret('{"method": "SUBSCRIBE", "params": ["btcusdt@trade"]}')
