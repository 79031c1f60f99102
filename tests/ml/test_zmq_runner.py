"""The ZeroMQ runner against real sockets."""

from __future__ import annotations

import threading

import msgspec
import numpy as np
import pytest
import zmq

from extrema_nb.errors import ConfigError, ModelError
from ml.tensor import AltTensor
from ml.zmq_runner import ZmqRunner, open_runner
from tests.patience import PATIENCE_S

ROWS = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
SHORT_S = 0.2  # s; long enough for loopback, short enough for a test


class Peer:
    """A server that answers each question with the next scripted frame; None stays silent."""

    def __init__(self, script):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.ROUTER)  # unlike REP it may leave one out
        self.port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.questions = []
        self.thread = threading.Thread(target=self.run, args=(list(script),))
        self.thread.start()

    def run(self, script):
        for reply in script:
            if not self.socket.poll(10_000):
                return
            who, empty, question = self.socket.recv_multipart()
            self.questions.append(question)
            if reply is not None:
                frames = reply if isinstance(reply, list) else [reply]
                self.socket.send_multipart([who, empty, *frames])

    def close(self):
        self.thread.join(PATIENCE_S)
        self.socket.close(linger=0)
        self.context.term()


@pytest.fixture
def peer():
    """Return a function that starts a scripted server; all are closed at the end."""
    peers = []

    def start(*script):
        peers.append(Peer(script))
        return peers[-1]

    yield start
    for each in peers:
        each.close()


def frame(values, timestamp=0, **metadata):
    return AltTensor.of(timestamp, values, metadata).to_msgpack()


def runner_for(port, **options):
    return ZmqRunner(f"tcp://127.0.0.1:{port}", **options)


def test_rows_go_out_as_one_tensor_and_answers_come_back(peer):
    there = peer(frame([[10.0], [20.0], [30.0]]))
    runner = open_runner(str(there.port))
    assert runner.infer(ROWS, timestamp=7).tolist() == [[10], [20], [30]]
    assert there.questions == [frame(ROWS, 7)]
    assert (runner.stats.requests, runner.stats.replies, runner.stats.sockets) == (1, 1, 1)
    runner.close()


def test_a_flat_answer_is_one_value_a_row(peer):
    runner = runner_for(peer(frame([1.0, 2.0, 3.0])).port)
    assert runner.infer(ROWS).tolist() == [[1], [2], [3]]
    runner.close()


def test_servers_of_one_row_are_asked_row_by_row(peer):
    there = peer(frame([[1.0]]), frame([[2.0]]), frame([[3.0]]))
    runner = runner_for(there.port, batch=False)
    assert runner.infer(ROWS).tolist() == [[1], [2], [3]]
    assert there.questions == [frame(ROWS[i : i + 1]) for i in range(3)]
    runner.close()


def test_answer_as_a_map_and_further_frames_are_fine(peer):
    answer = {"timestamp": 3, "data": [1.5], "shape": [1, 1], "metadata": {"k": "v"}}
    runner = runner_for(peer([msgspec.msgpack.encode(answer), b"ignored"]).port)
    assert runner.infer_tensor(AltTensor.of(1, [1.0])) == AltTensor.of(3, [[1.5]], {"k": "v"})
    runner.close()


def test_a_silent_server_times_out_and_the_next_question_is_answered(peer):
    there = peer(None, frame([1.0, 2.0, 3.0]))
    runner = runner_for(there.port, timeout_s=SHORT_S)
    with pytest.raises(ModelError, match=r"no answer in 0\.2 s"):
        runner.infer(ROWS)
    runner.timeout_s = 10.0
    assert runner.infer(ROWS).tolist() == [[1], [2], [3]]
    assert (runner.stats.timeouts, runner.stats.sockets) == (1, 2)  # a new REQ socket
    runner.close()


def test_a_late_answer_is_never_taken_for_the_next_one():
    with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        runner = runner_for(port, timeout_s=SHORT_S)
        with pytest.raises(ModelError):
            runner.infer(ROWS)
        first, _, _ = socket.recv_multipart()
        runner.timeout_s = 10.0
        answers = []
        thread = threading.Thread(target=lambda: answers.append(runner.infer(ROWS)))
        thread.start()
        second, _, _ = socket.recv_multipart()
        socket.send_multipart([first, b"", frame([9.0, 9.0, 9.0])])
        socket.send_multipart([second, b"", frame([1.0, 2.0, 3.0])])
        thread.join(PATIENCE_S)
        assert answers[0].tolist() == [[1], [2], [3]]
        runner.close()


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (b"garbage", "cannot be read"),
        (msgspec.msgpack.encode([0, [1.0], [2], {}]), "1 values"),
        (frame([1.0]), r"shape \(1,\) to 3 rows"),
        (frame(1.0), r"shape \(\) to 3 rows"),
        (frame([], error="ValueError: no"), "an error: ValueError: no"),
    ],
)
def test_bad_replies_are_counted_and_logged_and_the_next_is_fine(peer, caplog, reply, message):
    runner = runner_for(peer(reply, frame([1.0, 2.0, 3.0])).port)
    with pytest.raises(ModelError, match=message):
        runner.infer(ROWS)
    assert runner.stats.bad_replies == 1
    assert "model server" in caplog.text
    assert len(runner.infer(ROWS)) == 3
    assert runner.stats.sockets == 1
    runner.close()


def test_answers_of_different_lengths_are_refused(peer):
    there = peer(frame([[1.0]]), frame([[1.0, 2.0]]))
    runner = runner_for(there.port, batch=False)
    with pytest.raises(ModelError, match=r"rows of \[1, 2\] values"):
        runner.infer(ROWS[:2])
    runner.close()


def test_no_rows_ask_nothing():
    runner = runner_for(1)
    assert runner.infer(ROWS[:0]).shape == (0, 0)
    assert runner.stats.requests == 0
    runner.close()


def test_flat_features_are_refused():
    runner = runner_for(1)
    with pytest.raises(ModelError, match="1-dimensional"):
        runner.infer(ROWS[0])
    runner.close()


def test_closing_twice_is_fine_and_a_closed_runner_says_so():
    runner = runner_for(1)
    runner.close()
    runner.close()
    with pytest.raises(ModelError, match="closed"):
        runner.infer(ROWS)


def test_close_from_another_thread_ends_a_question_long_before_its_time_out(peer):
    there = peer(None)
    runner = runner_for(there.port, timeout_s=3600.0)
    raised = []

    def ask():
        try:
            runner.infer(ROWS)
        except ModelError as error:
            raised.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    there.thread.join(PATIENCE_S)  # the question has come
    runner.close()
    thread.join(PATIENCE_S)
    assert "was closed" in raised[0]


@pytest.mark.parametrize("target", ["", "0", "65536", "http", "-1", "5 5", "\u0665"])
def test_a_target_that_is_no_port_is_the_users_mistake(target):
    with pytest.raises(ConfigError, match="is no port"):
        open_runner(target)


def test_an_address_that_zmq_refuses_is_the_users_mistake():
    with pytest.raises(ConfigError, match=r"expected tcp://127\.0\.0\.1:PORT"):
        open_runner("nonsense://1")


@pytest.mark.parametrize("timeout_s", [0.0, -1.0, float("nan"), float("inf")])
def test_a_time_out_must_be_a_time(timeout_s):
    with pytest.raises(ConfigError, match="timeout_s"):
        runner_for(1, timeout_s=timeout_s)
