"""Messages between the parent and its media workers: length-prefixed CBOR over a socket pair.

::

    frame = length (4 bytes, big endian) + CBOR of that length

File descriptors ride on the first byte of a frame (``SCM_RIGHTS``). A worker may have been taken over by the
media it parsed, so its frames are untrusted: size and depth are capped, no CBOR tag is decoded (a tag can
compile a regular expression or build cyclic values), and only plain types come through.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Mapping, Sequence
from typing import NoReturn

import cbor2

from provenance.errors import FormatError

#: Largest frame, bytes: one picture of a difference map is below 1 MiB; larger output goes to a descriptor.
MAX_FRAME_BYTES = 16 << 20
#: Deepest nesting of a frame. Source: security.md SR-20.
MAX_DEPTH = 64
#: Most descriptors on one frame; the kernel's own bound is 253 (SCM_MAX_FD).
MAX_DESCRIPTORS = 16
_LENGTH = struct.Struct(">I")
_INTEGERS = 1 << 63
_PLAIN = (str, bytes, int, float, bool, type(None))
#: Every tag that cbor2 would turn into a Python object by itself.
_TAGS = (*range(6), 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799)

#: What travels: nested dict and list of str, bytes, int, float, bool and None.
Plain = Mapping[str, "Plain"] | Sequence["Plain"] | str | bytes | int | float | None


class Channel:
    """One end of the conversation between a parent and one worker.

    Not thread-safe: exactly one thread owns a channel at a time.

    Args:
        sock: A connected stream socket of family ``AF_UNIX``.
    """

    __slots__ = ("_sock",)

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def close(self) -> None:
        """Close this end; the other end then reads end of file."""
        self._sock.close()

    def send(self, value: object, descriptors: Sequence[int] = (), deadline: float | None = None) -> None:
        """Send one frame.

        Args:
            value: Plain nested value.
            descriptors: Open descriptors to duplicate into the other process, at most ``MAX_DESCRIPTORS``.
            deadline: Moment of ``time.monotonic()`` to give up at.

        Raises:
            FormatError: ``value`` is not plain or the frame would be larger than ``MAX_FRAME_BYTES``.
            TimeoutError: The deadline passed.
            OSError: The other end is gone.
        """
        body = _encode(value)
        # Apart, so that a picture's pixels are not copied once more to stand behind four bytes.
        head = _LENGTH.pack(len(body))
        self._set_timeout(deadline)
        parts = [head, body]
        sent = socket.send_fds(self._sock, parts, descriptors) if descriptors else self._sock.sendmsg(parts)
        for part in parts:
            self._sock.sendall(memoryview(part)[sent:])
            sent = max(sent - len(part), 0)

    def receive(self, max_descriptors: int = 0, deadline: float | None = None) -> tuple[object, list[int]]:
        """Return the next frame and the descriptors that came with it.

        Raises:
            EOFError: The other end is gone.
            FormatError: The frame is too large or not plain CBOR.
            TimeoutError: The deadline passed.
        """
        head = bytearray()
        descriptors: list[int] = []
        while len(head) < _LENGTH.size:
            self._set_timeout(deadline)
            wanted = _LENGTH.size - len(head)
            if max_descriptors:
                part, found, _flags, _address = socket.recv_fds(self._sock, wanted, max_descriptors)
                descriptors.extend(found)
            else:
                part = self._sock.recv(wanted)
            if not part:
                raise EOFError("the other end closed the channel")
            head += part
        (length,) = _LENGTH.unpack(head)
        if length > MAX_FRAME_BYTES:
            raise FormatError(f"expected a frame of at most {MAX_FRAME_BYTES} bytes, found {length}")
        return _decode(self._body(length, deadline)), descriptors

    def _body(self, length: int, deadline: float | None) -> bytearray:
        body = bytearray(length)
        view = memoryview(body)
        while view:
            self._set_timeout(deadline)
            count = self._sock.recv_into(view)
            if not count:
                raise EOFError("the other end closed the channel inside a frame")
            view = view[count:]
        return body

    def _set_timeout(self, deadline: float | None) -> None:
        if deadline is None:
            if self._sock.gettimeout() is not None:
                self._sock.settimeout(None)
            return
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline passed")
        self._sock.settimeout(left)


def _encode(value: object) -> bytes:
    _check_plain(value)  # before the encoder, which would import what it lacks, out of reach in a worker
    try:
        body = cbor2.dumps(value)
    except (cbor2.CBOREncodeError, RecursionError) as cause:
        raise FormatError(f"expected plain values to send, found: {cause}") from cause
    if len(body) > MAX_FRAME_BYTES:
        raise FormatError(
            f"expected at most {MAX_FRAME_BYTES} bytes to send, found {len(body)}",
            hint="write large results to a descriptor",
        )
    return body


def _refuse(*_unused: object) -> NoReturn:
    raise cbor2.CBORDecodeError("tags are not part of the message format")


_REFUSALS = dict.fromkeys(_TAGS, _refuse)


def _decode(body: bytes | bytearray) -> object:
    try:
        value: object = cbor2.loads(
            body,
            tag_hook=_refuse,
            semantic_decoders=_REFUSALS,
            max_depth=MAX_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            strict_hashable_types=True,
        )
    except (cbor2.CBORDecodeError, ValueError, RecursionError, OverflowError) as cause:
        raise FormatError(f"expected one plain CBOR value, found: {cause}") from cause
    _check_plain(value)
    return value


def _check_plain(value: object) -> None:
    pending = [value]
    while pending:
        found = pending.pop()
        if isinstance(found, dict):
            if not all(isinstance(key, str) for key in found):
                raise FormatError("expected text keys in a message")
            pending.extend(found.values())
        elif isinstance(found, (list, tuple)):
            pending.extend(found)
        elif isinstance(found, int) and not -_INTEGERS <= found < _INTEGERS:
            raise FormatError("expected integers of at most 64 bits in a message")
        elif not isinstance(found, _PLAIN):
            raise FormatError(f"expected plain values in a message, found {type(found).__name__}")
