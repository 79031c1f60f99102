"""A local venue in a process of its own, as users have it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from extrema_nb.channels import Endpoints
from tests.patience import PATIENCE_S


@pytest.fixture(scope="session")
def local_venue(project_root):
    """Give the addresses of a local venue with simulated traders of BTC."""
    words = ["venue", "--simulate", "--seed", "3", "--symbols", "BTCUSDT", "--port", "0", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "extrema_nb", *words], stdout=subprocess.PIPE, cwd=project_root
    ) as venue:
        try:
            told = json.loads(venue.stdout.readline())
            yield Endpoints(told["rest_url"], told["ws_url"])
        finally:
            venue.terminate()
            venue.wait(PATIENCE_S)
