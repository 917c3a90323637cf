"""The process that media is parsed in: reads jobs from its channel, runs tasks, answers.

Started by :mod:`provenance.media.sandbox` as a fresh interpreter. It imports the tasks while it still may,
locks itself down, and only then sees media.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO, cast

from provenance.errors import FormatError, LimitError, ProvenanceError, StorageError, WorkerError
from provenance.media.job import Job
from provenance.media.lockdown import lock_down
from provenance.media.wire import MAX_DESCRIPTORS, Channel
from provenance.settings import Limits

#: Longest error text that travels, characters.
_TEXT = 1000


def main(descriptor: int) -> None:
    """Serve jobs on the socket ``descriptor`` until the parent closes it, then end the process.

    Args:
        descriptor: One end of a connected ``AF_UNIX`` stream pair.
    """
    channel = Channel(socket.socket(fileno=descriptor))
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        _serve(channel)
    os._exit(0)  # library threads may still run; nothing of this process is worth an orderly end


def _serve(channel: Channel) -> None:
    boot = cast("dict[str, object]", channel.receive()[0])
    limits = Limits(**cast("dict[str, int]", boot["limits"]))
    try:
        tasks = _load(str(boot["tasks"]))
        isolation = lock_down(limits.worker_memory_bytes, limits.media_bytes * 2)
    except Exception as cause:  # noqa: BLE001 - edge of the process: the parent reports it
        channel.send({"failed": f"{type(cause).__name__}: {cause}"[:_TEXT]})
        return
    channel.send({"level": isolation.level.value, "reason": isolation.reason})
    while True:
        message, descriptors = channel.receive(MAX_DESCRIPTORS)
        answer = _run(tasks, cast("dict[str, object]", message), descriptors, limits, channel)
        try:
            channel.send(answer)
        except FormatError as cause:
            channel.send(_failure(WorkerError(f"the task's result cannot be sent: {cause.message}")))


def _load(name: str) -> Mapping[str, Callable[[Job], object]]:
    module = importlib.import_module(name)
    warm_up = getattr(module, "warm_up", None)
    if warm_up is not None:
        warm_up()
    return cast("Mapping[str, Callable[[Job], object]]", module.TASKS)


def _run(
    tasks: Mapping[str, Callable[[Job], object]],
    message: Mapping[str, object],
    descriptors: Sequence[int],
    limits: Limits,
    channel: Channel,
) -> dict[str, object]:
    task = str(message["task"])
    if task not in tasks:
        return _failure(WorkerError(f"expected a task of {sorted(tasks)}, found {task!r}"))
    params = cast("dict[str, object]", message["params"])
    with contextlib.ExitStack() as stack:
        try:
            files = _open(descriptors, cast("list[str]", message["modes"]), stack)
            value = tasks[task](Job(files, params, limits, channel))
            for file in files:
                if file.writable():
                    file.flush()
        except ProvenanceError as cause:
            return _failure(cause)
        except MemoryError:
            cost = limits.worker_memory_bytes >> 20
            return _failure(
                LimitError(
                    f"expected media that can be processed in {cost} MiB of memory, found more",
                    hint="reduce the picture or film, or raise worker_memory_bytes",
                ),
                spent=True,
            )
        except OSError as cause:
            return _failure(_from_os(cause, task), spent=True)
        except Exception as cause:  # noqa: BLE001 - edge of the process: a task met what it did not foresee
            text = f"task {task} ended with {type(cause).__name__}: {cause}"
            return _failure(WorkerError(text[:_TEXT], hint="the file may be damaged"), spent=True)
    return {"value": value}


def _open(
    descriptors: Sequence[int], modes: Sequence[str], stack: contextlib.ExitStack
) -> tuple[BinaryIO, ...]:
    files = tuple(
        cast("BinaryIO", os.fdopen(descriptor, mode))
        for descriptor, mode in zip(descriptors, modes, strict=True)
    )
    for file in files:
        stack.callback(_close, file)
        file.seek(0)  # a descriptor shares its position with the parent's
    return files


def _close(file: BinaryIO) -> None:
    # Closing tries again to write what could not be written, which was reported the first time.
    with contextlib.suppress(OSError):
        file.close()


def _from_os(cause: OSError, task: str) -> ProvenanceError:
    if cause.errno == errno.ENOSPC:
        return StorageError(f"task {task} found the disk full", hint="free some space and repeat")
    if cause.errno == errno.EFBIG:
        return LimitError(f"task {task} would write more than the largest file allowed")
    return WorkerError(f"task {task} ended with {type(cause).__name__}: {cause}"[:_TEXT])


def _failure(cause: ProvenanceError, *, spent: bool = False) -> dict[str, object]:
    return {"error": [cause.code, cause.message[:_TEXT], cause.hint[:_TEXT]], "spent": spent}
