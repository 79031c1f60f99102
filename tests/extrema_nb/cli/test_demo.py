"""Parts of ``extrema-nb demo``; the whole of it is under tests/integration."""

from __future__ import annotations

import pytest

from extrema_nb.cli import demo
from extrema_nb.config import load_toml
from extrema_nb.errors import ExtremaError
from extrema_nb.runtime.live import LiveConfig, tasks_of
from extrema_nb.runtime.sessions import META_FILE

VENUE = {"rest_url": "http://127.0.0.1:1", "ws_url": "ws://127.0.0.1:1"}


def test_an_older_demo_makes_room_and_anything_else_does_not(tmp_path):
    out = tmp_path / "demo"
    out.mkdir()
    demo._clean(out)
    (out / "demo.log").touch()
    (out / "rows").mkdir()
    demo._clean(out)
    assert list(out.iterdir()) == []
    (out / META_FILE).touch()
    with pytest.raises(ExtremaError, match="holds something else than a demo"):
        demo._clean(out)
    assert (out / META_FILE).exists()


def test_its_configuration_is_one_that_live_takes(tmp_path):
    config = load_toml(demo._live_config(tmp_path, VENUE), LiveConfig)
    assert len(tasks_of(config)) == 2
    assert config.strategy[0].params == demo.PARAMS
    assert config.venue.rest == VENUE["rest_url"]


def test_a_step_that_fails_is_told_with_what_it_said(tmp_path):
    steps = demo._Steps(tmp_path / "demo.log")
    with pytest.raises(ExtremaError, match=r"inspect .* ended with code 2: .*no such file"):
        steps.run("inspect", str(tmp_path / "none"), "--json")


@pytest.mark.parametrize(("value", "text"), [(None, "?"), (1234.5, "+1,234.50"), (-2.0, "-2.00")])
def test_money_has_a_sign(value, text):
    assert demo._money(value) == text
