"""The way out of a client."""

from __future__ import annotations

from replay.local_venue.hub import encode_frame
from replay.local_venue.public.outlet import TOO_MUCH, Outlet


class Pipe:
    """What a transport does with bytes."""

    def __init__(self):
        self.written, self.held, self.aborted = [], 0, False

    def write(self, data):
        self.written.append(data)

    def is_closing(self):
        return self.aborted

    def get_write_buffer_size(self):
        return self.held

    def abort(self):
        self.aborted = True


def test_what_is_pushed_leaves_in_order_and_in_one_write():
    pipe = Pipe()
    outlet = Outlet(pipe)
    outlet.push(b"1")
    outlet.push(b"2")
    assert pipe.written == []
    outlet.flush()
    outlet.flush()
    outlet.say(b"hello")
    assert pipe.written == [b"12", encode_frame(b"hello")]
    assert outlet.sent == 3


def test_a_client_that_does_not_read_is_cut_and_nothing_is_written_after_that(caplog):
    pipe = Pipe()
    outlet = Outlet(pipe)
    pipe.held = TOO_MUCH + 1
    outlet.say(b"x")
    assert pipe.aborted
    assert "too slow" in caplog.text
    outlet.say(b"y")
    assert len(pipe.written) == 1


def test_messages_that_differ_by_connection_are_counted_on_their_way_out():
    pipe = Pipe()
    outlet = Outlet(pipe, lambda payload, number: payload + b"%d" % number)
    outlet.say(b"a")
    outlet.say(b"b" * 200)
    outlet.say(b"c" * 70_000)
    outlet.say(b"")  # lost on its way: its number is used up
    outlet.say(b"d")
    assert pipe.written[3:] == [encode_frame(b"d4")]
    assert pipe.written[0] == encode_frame(b"a0")
    assert pipe.written[1] == encode_frame(b"b" * 200 + b"1")
    assert pipe.written[2] == encode_frame(b"c" * 70_000 + b"2")
