"""Files moved into place whole: temporary name in the same folder, fsync, rename, fsync of the folder."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provenance.errors import InputError, OutputExistsError, ProvenanceError, StorageError

#: Ending of files that are not finished; one that is left behind after a power cut can be deleted.
PARTIAL = ".provenance-partial"


def partial_beside(path: Path) -> Path:
    """Return an unused temporary name in the folder of ``path``."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}{PARTIAL}")


def move_into_place(partial: Path, path: Path, *, replace: bool) -> None:
    """Make ``partial`` durable under the name ``path``; afterwards ``partial`` is gone.

    Raises:
        OutputExistsError: ``path`` exists and ``replace`` is false; both files are untouched.
        StorageError: The disk is full or the folder cannot be written.
    """
    with _explained(path):
        descriptor = os.open(partial, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if replace:
            partial.replace(path)
        else:
            try:
                os.link(partial, path)  # unlike rename, refuses to replace what appeared meanwhile
            except FileExistsError as cause:
                raise exists(path) from cause
            partial.unlink()
        _sync_folder(path.parent)


def write_whole(path: Path, content: bytes, *, replace: bool) -> None:
    """Write ``content`` to ``path`` so that the file is there whole or not at all.

    Raises:
        OutputExistsError: ``path`` exists and ``replace`` is false.
        StorageError: The disk is full or the folder cannot be written.
    """
    partial = partial_beside(path)
    with _explained(path), removed_on_exit(partial):
        partial.write_bytes(content)
        move_into_place(partial, path, replace=replace)


@contextmanager
def removed_on_exit(*paths: Path) -> Iterator[None]:
    """Remove ``paths`` when the block ends, however it ends; missing ones are fine."""
    try:
        yield
    finally:
        for path in paths:
            path.unlink(missing_ok=True)


def exists(path: Path) -> OutputExistsError:
    """Return the error for a file that stands where the result should go."""
    return OutputExistsError(
        f"{path} exists already", hint="choose another name with -o, or --force to replace it"
    )


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except ProvenanceError:
        raise
    except OSError as cause:
        if cause.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS):
            raise StorageError(
                f"{path} could not be written: {cause.strerror}", hint="free some space; nothing was changed"
            ) from cause
        raise InputError(
            f"{path} could not be written: {cause.strerror}", hint="check the folder and its permissions"
        ) from cause


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
