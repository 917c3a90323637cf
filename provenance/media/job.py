"""One job in a worker: what a task is given, and the parent's side of the conversation about it."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from provenance.errors import FormatError, WorkerError, every_error
from provenance.media.wire import Channel
from provenance.settings import Limits

_MODES = ("rb", "r+b", "wb", "w+b")

#: A file for a job: read-only path, (path, mode), an open file with a descriptor, or bytes.
Source = Path | tuple[Path, str] | BinaryIO | bytes
#: Answers a call that a task makes to the parent.
Callback = Callable[[object], object]


@dataclass(frozen=True, slots=True)
class Job:
    """What a task is given.

    Attributes:
        files: The open files, at position 0, closed after the task.
        params: The plain parameters.
        limits: The limits of the pool.
        channel: Way back to the parent; use :meth:`call`.
    """

    files: tuple[BinaryIO, ...]
    params: Mapping[str, object]
    limits: Limits
    channel: Channel

    def call(self, name: str, data: object = None) -> object:
        """Return what the parent's callback ``name`` answers to the plain value ``data``.

        A callback that raises ends this job and the worker; its error reaches the caller of the job.
        """
        self.channel.send({"call": name, "data": data})
        answer, _descriptors = self.channel.receive()
        return cast("dict[str, object]", answer)["answer"]


class CallbackError(Exception):
    """Carries what a callback raised past the handlers of what a worker can cause."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class NonsenseError(Exception):
    """The worker sent something that is not part of the conversation."""


def open_source(source: Source, stack: contextlib.ExitStack) -> tuple[int, str]:
    """Return an open descriptor of ``source`` and its mode; ``stack`` closes what was opened here.

    Raises:
        ValueError: The mode is not one of the four binary ones.
        OSError: The path cannot be opened.
    """
    if isinstance(source, bytes):
        spool = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        spool.write(source)
        spool.flush()
        return spool.fileno(), "rb"
    if isinstance(source, (Path, tuple)):
        path, mode = source if isinstance(source, tuple) else (source, "rb")
        if mode not in _MODES:
            raise ValueError(f"a file for a job is opened in one of {_MODES}, not {mode!r}")
        return stack.enter_context(path.open(mode)).fileno(), mode
    if not source.writable():
        return source.fileno(), "rb"
    source.flush()
    return source.fileno(), "r+b" if source.readable() else "wb"


def converse(
    channel: Channel,
    message: Mapping[str, object],
    descriptors: Sequence[int],
    deadline: float,
    callbacks: Mapping[str, Callback],
) -> dict[str, object]:
    """Send a job, answer the worker's calls and return its final answer.

    Args:
        channel: The parent's end.
        message: The job.
        descriptors: Its open files.
        deadline: Moment of ``time.monotonic()`` the worker must be done at; moved on by what callbacks take.
        callbacks: What the worker may ask for.

    Raises:
        CallbackError: A callback raised; ``error`` is what it raised.
        NonsenseError: The worker sent something else.
        TimeoutError: The deadline passed.
        EOFError: The worker is gone; also ``ConnectionError``.
    """
    channel.send(message, descriptors, deadline=deadline)
    while True:
        answer = _receive(channel, deadline)
        if "call" not in answer:
            return answer
        callback = callbacks.get(str(answer["call"]))
        if callback is None:
            raise NonsenseError(f"it asked for {str(answer['call'])[:40]!r}, which was not offered")
        before = time.monotonic()
        try:
            made = callback(answer.get("data"))
        except Exception as cause:
            raise CallbackError(cause) from cause
        deadline += time.monotonic() - before
        channel.send({"answer": made}, deadline=deadline)


def _receive(channel: Channel, deadline: float) -> dict[str, object]:
    try:
        answer, _descriptors = channel.receive(deadline=deadline)
    except FormatError as cause:
        raise NonsenseError(cause.message) from cause
    if not isinstance(answer, dict) or not answer.keys() & {"call", "value", "error"}:
        raise NonsenseError("its answer is neither a value nor an error")
    return answer


def value_of(answer: Mapping[str, object]) -> object:
    """Return the value of a final answer, or raise the error it carries.

    Raises:
        ProvenanceError: The class the task raised; ``WorkerError`` for what it did not foresee.
    """
    if "error" not in answer:
        return answer["value"]
    match answer["error"]:
        case [str(code), str(message), str(hint)]:
            raise _BY_CODE.get(code, WorkerError)(message, hint=hint)
        case _:
            raise WorkerError("the media worker reported an error in an unknown form")


_BY_CODE = {cls.code: cls for cls in every_error()}
