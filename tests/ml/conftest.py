"""A model server on loopback."""

from __future__ import annotations

import queue
import threading

import pytest

from ml.server import serve
from tests.patience import PATIENCE_S


@pytest.fixture
def server():
    """Return a function that serves a model and gives its port; all stop at the end."""
    stop = threading.Event()
    threads = []

    def start(model, **options):
        ports = queue.Queue()
        options |= {"stop": stop, "ready": ports.put}
        thread = threading.Thread(target=serve, args=(model, 0), kwargs=options)
        thread.start()
        threads.append(thread)
        return ports.get(timeout=PATIENCE_S)

    yield start
    stop.set()
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
