"""Frames between parent and worker: whole, bounded, plain."""

import os
import socket
import time

import pytest

from provenance.errors import FormatError
from provenance.media.wire import MAX_DEPTH, MAX_FRAME_BYTES, Channel


@pytest.fixture
def ends():
    first, second = (Channel(sock) for sock in socket.socketpair())
    yield first, second
    first.close()
    second.close()


def test_frames_keep_their_order_and_values(ends):
    for value in ({"a": [1.5, None, True]}, [], "ä", b"\0", -(1 << 63), {"n": {"m": [b""]}}):
        ends[0].send(value)
        assert ends[1].receive() == (value, [])


def test_descriptors_arrive_with_their_frame(ends, tmp_path):
    with (tmp_path / "a").open("w+b") as file:
        file.write(b"content")
        file.flush()
        ends[0].send({"n": 1}, [file.fileno(), file.fileno()])
    value, found = ends[1].receive(4)
    assert value == {"n": 1}
    assert [os.pread(descriptor, 9, 0) for descriptor in found] == [b"content"] * 2
    for descriptor in found:
        os.close(descriptor)


def test_a_closed_end_is_end_of_file(ends):
    ends[0].close()
    with pytest.raises(EOFError):
        ends[1].receive()


def test_deadlines_hold_for_both_directions(ends):
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        ends[0].receive(deadline=started + 0.1)
    with pytest.raises(TimeoutError):
        ends[0].send({"a": bytes(8 << 20)}, deadline=time.monotonic() + 0.1)  # nobody reads
    with pytest.raises(TimeoutError):
        ends[0].receive(deadline=started)
    assert time.monotonic() - started < 2


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("value", [object(), {1: 2}, {1, 2}, 1 << 64, [1j], bytes(MAX_FRAME_BYTES)])
def test_other_values_are_not_sent(ends, value):
    with pytest.raises(FormatError):
        ends[0].send(value)


def test_sr20_deep_frames_are_refused(ends):
    ends[0].send(nested(MAX_DEPTH - 2))
    ends[1].receive()
    ends[0].send(nested(MAX_DEPTH + 1))
    with pytest.raises(FormatError, match="CBOR"):
        ends[1].receive()
