"""An own queue model has a name that tells its code, and is found again by it."""

from __future__ import annotations

import msgspec
import pytest

from extrema_nb.errors import ConfigError
from replay.exchange.config import OWN_QUEUE, ExchangeConfig
from replay.exchange.own_names import is_own, known_function, own_name
from strategies.queue_models import power3, pro_rata

PATH = "strategies.queue_models:pro_rata"


def test_a_function_and_its_path_are_one_model():
    by_function, by_path = ExchangeConfig(queue=pro_rata), ExchangeConfig(queue=PATH)
    assert by_function == by_path
    assert by_function.queue.startswith(PATH + "#")
    assert by_function.queue_code == OWN_QUEUE
    assert known_function(by_function.queue) is pro_rata
    assert known_function("power") is None


def test_assumptions_with_an_own_model_are_written_and_read_as_words():
    config = ExchangeConfig(queue=power3, queue_n=3.0)
    words = msgspec.json.encode(config)
    assert msgspec.json.decode(words, type=ExchangeConfig) == config


def test_another_code_under_the_same_name_is_another_model():
    def model(behind):
        def share(front, back, change, n):
            return behind

        return share

    first, second = own_name(model(0.25)), own_name(model(0.5))
    assert first.partition("#")[0] == second.partition("#")[0]
    assert first != second
    assert known_function(first)(1, 1, 1, 1) == 0.25
    assert own_name(model(0.25)) == first  # the same code again


def test_a_name_with_the_digest_of_other_code_is_refused():
    with pytest.raises(ConfigError, match="is not what it was: its code is #"):
        ExchangeConfig(queue=PATH + "#000000000000")


def two_words(front, back):
    return front + back


def any_words(front, back, change, *n):
    return front + back + change + len(n)


def with_default(front, back, change, n=2):
    return front + back + change + n


@pytest.mark.parametrize(
    ("queue", "message"),
    [
        ("no.such.module:f", "'no.such.module' cannot be imported"),
        ("strategies.queue_models:pro_rat", "has no 'pro_rat'.*did you mean 'pro_rata'"),
        (":f", "cannot be imported"),
        (two_words, r"takes \(front, back\), expected \(front, back, change, n\)"),
        (any_words, "expected"),
        (with_default, "takes .*n=2"),
        (int, "is a type, expected a function"),
    ],
)
def test_what_is_no_model_is_refused(queue, message):
    with pytest.raises(ConfigError, match=message):
        ExchangeConfig(queue=queue)


def test_only_functions_and_paths_are_own():
    assert is_own(pro_rata)
    assert is_own(PATH)
    assert not is_own("power")
    assert not is_own(3)
