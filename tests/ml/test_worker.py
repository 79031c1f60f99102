"""The prediction worker: order, batching, limits, faults, stopping."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest
import zmq

from extrema_nb.errors import ConfigError, ModelError
from ml.rows import read_predictions
from ml.worker import Feature, PredictionWorker, groups_of_one_length
from ml.zmq_runner import ZmqRunner

WAIT_S = 10.0  # s; only reached when a test fails


class Clock:
    """Counts up by one at each reading."""

    def __init__(self, step=1):
        self.time = 1_000
        self.step = step

    def now(self):
        self.time += self.step
        return self.time


class Runner:
    """Answers the sum of a row; may be held up, and may fail on a row of -1."""

    def __init__(self, *, held=False):
        self.go = threading.Event()
        self.asked = threading.Event()
        self.sizes = []
        self.closed = 0
        if not held:
            self.go.set()

    def infer(self, features):
        self.sizes.append(len(features))
        self.asked.set()
        assert self.go.wait(WAIT_S)
        if (features == -1).any():
            raise ModelError("a row of -1")
        if (features == -2).any():
            return features[:0]
        if (features == -3).any():
            raise ZeroDivisionError
        return features.sum(axis=1, keepdims=True)

    def close(self):
        self.closed += 1


def features(*values, model=7, ts=100):
    return [(0, model, ts + i, np.array(v, np.float32)) for i, v in enumerate(values)]


def make(runner, published, **options):
    worker = PredictionWorker(runner, 7, published.append, options.pop("clock", Clock()), **options)
    worker.start()
    return worker


def values_of(published):
    return [p.values.tolist() for rows in published for p in read_predictions(rows)]


def test_features_become_rows_in_their_order():
    published, runner = [], Runner()
    worker = make(runner, published)
    assert worker.submit(features([1, 2], [3, 4])) == 2
    assert worker.close()
    answers = [p for rows in published for p in read_predictions(rows)]
    assert [(p.model, p.ts_feature, p.values.tolist()) for p in answers] == [
        (7, 100, [3.0]),
        (7, 101, [7.0]),
    ]
    assert all(p.ts_recv > 1_000 for p in answers)
    assert worker.stats.as_dict() == {
        "submitted": 2, "answered": 2, "dropped": 0, "failed": 0, "late": 0, "batches": 1,
    }  # fmt: skip
    assert runner.closed == 1


def test_what_waits_is_asked_in_one_go():
    published, runner = [], Runner(held=True)
    worker = make(runner, published)
    worker.submit(features([1]))
    assert runner.asked.wait(WAIT_S)
    for value in range(2, 8):
        worker.submit(features([value]))
    runner.go.set()
    assert worker.close()
    assert runner.sizes == [1, 6]
    assert values_of(published) == [[float(v)] for v in range(1, 8)]


def test_a_question_has_at_most_max_batch_rows():
    published, runner = [], Runner()
    worker = make(runner, published, max_batch=3)
    worker.submit(features(*([v] for v in range(8))))
    assert worker.close()
    assert sum(runner.sizes) == 8
    assert max(runner.sizes) <= 3


def test_a_full_queue_loses_the_oldest_and_counts_them(caplog):
    published, runner = [], Runner(held=True)
    worker = make(runner, published, capacity=2)
    worker.submit(features([1]))
    assert runner.asked.wait(WAIT_S)
    worker.submit(features([2], [3], [4], [5]))
    runner.go.set()
    assert worker.close()
    assert values_of(published) == [[1.0], [4.0], [5.0]]
    assert worker.stats.dropped == 2
    assert "2 feature rows dropped" in caplog.text


def test_features_for_other_models_are_left_alone():
    published = []
    worker = make(Runner(), published)
    assert worker.submit(features([1], model=8)) == 0
    worker.close()
    assert published == []
    assert worker.stats.submitted == 0


def test_values_are_copied_when_submitted():
    published, runner = [], Runner(held=True)
    worker = make(runner, published)
    worker.submit(features([0]))
    assert runner.asked.wait(WAIT_S)
    reused = np.array([5], np.float32)
    worker.submit([(0, 7, 1, reused)])
    reused[0] = 99
    runner.go.set()
    worker.close()
    assert values_of(published) == [[0.0], [5.0]]


@pytest.mark.parametrize("bad", [-1, -2, -3])
def test_after_a_failure_the_worker_goes_on(bad, caplog):
    published, runner = [], Runner()
    worker = make(runner, published, max_batch=1)
    worker.submit(features([bad], [2]))
    assert worker.close()
    assert values_of(published) == [[2.0]]
    assert worker.stats.failed == 1
    assert "model 7" in caplog.text


def test_a_late_answer_is_thrown_away_and_counted():
    published = []
    worker = make(Runner(), published, clock=Clock(step=2_000_000), timeout_s=1.0)
    worker.submit(features([1], [2]))
    assert worker.close()
    assert published == []
    assert worker.stats.late == 2


def test_features_of_different_lengths_are_asked_apart_in_order():
    published, runner = [], Runner()
    worker = make(runner, published)
    worker.submit(features([1], [1, 1], [2, 2], [5]))
    assert worker.close()
    assert values_of(published) == [[1.0], [2.0], [4.0], [5.0]]
    assert runner.sizes == [1, 2, 1]


def test_closing_without_draining_counts_what_was_left():
    published, runner = [], Runner(held=True)
    worker = make(runner, published)
    worker.submit(features([1]))
    assert runner.asked.wait(WAIT_S)
    worker.submit(features([2], [3]))
    release = threading.Timer(0.05, runner.go.set)
    release.start()
    assert worker.close(drain=False)
    release.join()
    assert values_of(published) == [[1.0]]
    assert worker.stats.dropped == 2


def test_closing_twice_or_before_the_start_is_fine_and_later_features_are_dropped():
    runner = Runner()
    worker = PredictionWorker(runner, 7, [].append, Clock())
    assert worker.close()
    assert worker.close()
    assert runner.closed >= 1
    assert worker.submit(features([1])) == 1
    assert worker.stats.dropped == 1


def test_a_model_that_hangs_is_left_behind(caplog):
    runner = Runner(held=True)
    worker = make(runner, [])
    worker.submit(features([1]))
    assert runner.asked.wait(WAIT_S)
    assert not worker.close(timeout_s=0.01)
    assert "left behind" in caplog.text
    runner.go.set()
    assert worker.close()


def test_closing_ends_a_question_to_a_server_that_is_silent():
    with zmq.Context() as context, context.socket(zmq.ROUTER) as silent:
        port = silent.bind_to_random_port("tcp://127.0.0.1")
        worker = make(ZmqRunner(f"tcp://127.0.0.1:{port}", timeout_s=3600.0), [])
        worker.submit(features([1], [2]))
        assert silent.poll(int(WAIT_S * 1000))  # the question has come
        assert worker.close(timeout_s=0.01)
        assert worker.stats.answered == 0
        assert worker.stats.failed + worker.stats.dropped == 2


def test_with_a_loop_rows_are_stamped_and_published_in_its_thread():
    async def main():
        published, threads, done = [], [], asyncio.Event()
        loop = asyncio.get_running_loop()

        def publish(rows):
            published.append(rows)
            threads.append(threading.get_ident())
            done.set()

        worker = PredictionWorker(Runner(), 7, publish, Clock(), loop=loop)
        worker.start()
        worker.submit(features([1, 2]))
        await asyncio.wait_for(done.wait(), WAIT_S)
        assert await loop.run_in_executor(None, worker.close)
        assert threads == [threading.get_ident()]
        assert values_of(published) == [[3.0]]

    asyncio.run(main())


def test_a_closed_loop_loses_answers_and_counts_them(caplog):
    loop = asyncio.new_event_loop()
    loop.close()
    worker = PredictionWorker(Runner(), 7, [].append, Clock(), loop=loop)
    worker.start()
    worker.submit(features([1]))
    assert worker.close()
    assert worker.stats.dropped == 1
    assert "answers lost" in caplog.text


@pytest.mark.parametrize("options", [{"capacity": 0}, {"max_batch": 0}, {"timeout_s": 0.0}])
def test_limits_must_be_usable(options):
    with pytest.raises(ConfigError, match="prediction worker"):
        PredictionWorker(Runner(), 7, [].append, Clock(), **options)


def test_groups_are_runs_of_neighbours():
    made = [Feature(0, 0, i, np.zeros(k, np.float32)) for i, k in enumerate([1, 1, 2, 1])]
    assert [[f.ts for f in group] for group in groups_of_one_length(made)] == [[0, 1], [2], [3]]
    assert list(groups_of_one_length([])) == []
