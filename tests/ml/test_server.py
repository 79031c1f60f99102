"""The model server helper: what it answers, whatever comes."""

from __future__ import annotations

import threading

import msgspec
import numpy as np
import pytest
import zmq

from extrema_nb.errors import ConfigError
from ml.server import answer, serve
from ml.tensor import AltTensor

ROWS = np.array([[1, 2], [3, 4]], np.float32)


def fails(features):
    assert len(features)
    raise ValueError("no such leaf")


def test_answer_has_the_models_values_and_the_questions_time_and_words():
    asked = AltTensor.of(9, ROWS, {"mine": "x"})
    found = answer(lambda rows: rows.sum(axis=1), asked.to_msgpack(), "sum")
    assert found == AltTensor.of(
        9, [3.0, 7.0], {"mine": "x", "model_runner": "zmq", "model_name": "sum"}
    )


def test_models_of_other_number_types_answer_in_float32():
    found = answer(lambda rows: [True] * len(rows), AltTensor.of(0, ROWS).to_msgpack())
    assert found.data.dtype == np.float32
    assert found.data.tolist() == [1.0, 1.0]


def test_failure_of_the_model_is_told_to_the_asker_and_logged(caplog):
    found = answer(fails, AltTensor.of(9, ROWS).to_msgpack())
    assert found == AltTensor(
        9, np.empty(0, np.float32), (0,), {"error": "ValueError: no such leaf"}
    )
    assert "no such leaf" in caplog.text


@pytest.mark.parametrize("question", [b"", b"\xff", msgspec.msgpack.encode([1, [1.0], [2], {}])])
def test_a_question_that_is_no_tensor_gets_an_error_as_answer(question):
    assert "error" in answer(fails, question).metadata


def test_server_goes_on_after_garbage_and_reads_only_the_first_frame(server):
    port = server(lambda rows: rows * 2)
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.setsockopt(zmq.RCVTIMEO, 10_000)
        socket.connect(f"tcp://127.0.0.1:{port}")
        socket.send(b"garbage")
        assert "error" in AltTensor.from_msgpack(socket.recv()).metadata
        socket.send_multipart([AltTensor.of(1, ROWS).to_msgpack(), b"more"])
        assert AltTensor.from_msgpack(socket.recv()).data.tolist() == [2, 4, 6, 8]


def test_a_taken_port_is_a_mistake_that_names_it(server):
    port = server(lambda rows: rows)
    with pytest.raises(ConfigError, match=f"cannot have port {port}"):
        serve(lambda rows: rows, port, stop=threading.Event())
