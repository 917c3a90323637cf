"""Uploads: a request body on its way to a private temporary file, under a cap, gone on every way out."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO, Final

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from provenance.checking import Checked
from provenance.digest import Digest
from provenance.errors import FormatError, LimitError, StorageError, UnsupportedError
from provenance.media.asset import Kind, MediaType, sniff_file
from provenance.signing.claims import clean_text
from provenance_api.forms import FileForm
from provenance_api.wiring import wired

#: Longest name that is shown, characters. Source: security.md SR-16.
MAX_NAME: Final = 255
#: Bytes that the parts around a file may add to a form.
FORM_BYTES: Final = 64 << 10
#: Seconds a client may send nothing. Source: security.md SR-21.
STALL_S: Final = 10.0
#: Bytes a second below which a body is too slow once :data:`STALL_S` have passed. Source: SR-21, case 84.
MIN_RATE: Final = 4096
_UNDECLARED: Final = ("", "application/octet-stream", "application/x-www-form-urlencoded")
#: Other names under which the types that are read are commonly declared.
_ALIASES: Final = {
    "image/jpg": MediaType.JPEG,
    "image/pjpeg": MediaType.JPEG,
    "image/heif": MediaType.HEIC,
    "audio/wave": MediaType.WAV,
    "audio/x-wav": MediaType.WAV,
    "audio/vnd.wave": MediaType.WAV,
    "audio/mp3": MediaType.MP3,
    "audio/x-m4a": MediaType.M4A,
    "audio/x-flac": MediaType.FLAC,
    "video/x-m4v": MediaType.MP4,
    "video/avi": MediaType.AVI,
    "video/matroska": MediaType.MKV,
}
#: Declared types of a manifest store on its own.
MANIFEST_TYPES: Final = ("application/c2pa", "application/x-c2pa-manifest-store", "application/octet-stream")
_CONTENT_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):")


@dataclass(frozen=True, slots=True)
class Upload:
    """A received file.

    Attributes:
        path: Where it lies until the answer is made; the name is random.
        name: What the client calls it, cleaned, for showing only.
        declared: Media type the client declared, where it is one that is read.
        digest: SHA-256 of the received bytes.
    """

    path: Path
    name: str
    declared: MediaType | None
    digest: Digest

    @property
    def checked(self) -> Checked:
        """The file as something to check."""
        return Checked(self.path, self.name, self.declared, self.digest)

    @property
    def is_picture(self) -> bool:
        """Whether the content begins like a picture; such files are checked at once."""
        with self.path.open("rb") as file:
            return sniff_file(file).kind is Kind.IMAGE


Reception = Callable[[Request, Path, "Sink", int], Awaitable[Upload]]


class Sink:
    """Counts, caps, digests and writes what arrives.

    Args:
        file: Where to.
        max_bytes: Most bytes.
        take: Counts the bytes against the room there is; raises StorageError.
    """

    def __init__(self, file: BinaryIO, max_bytes: int, take: Callable[[int], None] = lambda _: None) -> None:
        self._file, self._max_bytes, self._take = file, max_bytes, take
        self._state, self.size = hashlib.sha256(), 0

    def write(self, block: bytes) -> None:
        """Take ``block``.

        Raises:
            LimitError: Over the cap; nothing of ``block`` was written.
            StorageError: The disk is full.
        """
        self.size += len(block)
        if self.size > self._max_bytes:
            raise too_large(self._max_bytes)
        self._take(len(block))
        self._state.update(block)
        try:
            self._file.write(block)
        except OSError as cause:
            raise StorageError(f"a received file cannot be written: {cause}") from cause

    @property
    def digest(self) -> Digest:
        """SHA-256 of what was taken so far."""
        return Digest(self._state.digest())


def too_large(max_bytes: int) -> LimitError:
    """Return the error for a body over ``max_bytes``."""
    return LimitError(f"expected at most {max_bytes} bytes", hint="send a smaller file")


def clean_name(text: str) -> str:
    """Return the last part of a file name, safe to show; never used as a path (SR-16, case 87)."""
    last = re.split(r"[/\\]", text)[-1]
    return clean_text(last, limit=MAX_NAME) or "unnamed file"


@asynccontextmanager
async def _upload(request: Request, max_bytes: int, receive: Reception) -> AsyncIterator[Upload]:
    """Give the received body as a file that is gone on every way out.

    While it arrives it has a place among many, so that slow clients take none from those who are checked; where
    no check could begin, nothing of the body is read.
    """
    wiring = wired(request)
    wiring.places.check()
    with wiring.receiving.taken(), wiring.space.file() as take:
        descriptor, text = tempfile.mkstemp(dir=wiring.folder)
        path = Path(text)
        try:
            with os.fdopen(descriptor, "wb") as file:
                upload = await receive(request, path, Sink(file, max_bytes, take), max_bytes)
            with wiring.places.taken():
                yield upload
        finally:
            path.unlink(missing_ok=True)  # noqa: ASYNC240 - awaiting here could be cancelled, and the file stay


async def received(request: Request) -> AsyncIterator[Upload]:
    """Receive the media in the body of ``request``; the file is gone before the answer leaves.

    Yields:
        The received file.

    Raises:
        LimitError: Larger than any file may be.
        UnavailableError: All places for checks are taken.
        UnsupportedError: Declared as a type that is not read.
        FormatError: The body differs from its ``Content-Digest``.
        HTTPException: 400 for a broken form, 408 for a client that is too slow.
    """
    async with _upload(request, wired(request).installation.settings.limits.media_bytes, _receive) as upload:
        yield upload


async def deposited(request: Request) -> AsyncIterator[Upload]:
    """Receive the manifest store in the body of ``request``; otherwise as :func:`received`.

    Raises:
        FormatError: Declared as another type.
    """
    max_bytes = wired(request).installation.settings.limits.manifest_bytes
    async with _upload(request, max_bytes, _receive_manifest) as upload:
        yield upload


async def _receive_manifest(request: Request, path: Path, sink: Sink, max_bytes: int) -> Upload:
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared not in MANIFEST_TYPES:
        raise FormatError("expected a body of type application/c2pa", hint="set Content-Type")
    _check_length(request, max_bytes)
    async for block in _blocks(request):
        sink.write(block)
    _check_digest(request, sink.digest)
    return Upload(path, "manifest store", None, sink.digest)


def _check_length(request: Request, max_bytes: int) -> None:
    """Refuse a body that says it is too long, before anything of it is read."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > max_bytes:
        raise too_large(max_bytes)


async def _receive(request: Request, path: Path, sink: Sink, max_bytes: int) -> Upload:
    _check_length(request, max_bytes + FORM_BYTES)
    declared, _, parameters = request.headers.get("content-type", "").partition(";")
    declared = declared.strip().lower()
    if declared == "multipart/form-data":
        form = FileForm(parameters, sink.write, FORM_BYTES)
        async for block in _blocks(request):
            form.feed(block)
        form.finish()
        return Upload(path, clean_name(form.name), _known(form.declared), sink.digest)
    if declared not in _UNDECLARED and _known(declared) is None:
        raise UnsupportedError(
            f"expected a media type that is read, found {clean_text(declared, limit=80)!r}",
            hint="declare the media's own type, or application/octet-stream",
        )
    async for block in _blocks(request):
        sink.write(block)
    _check_digest(request, sink.digest)
    name = request.query_params.get("name", "")
    return Upload(path, clean_name(name), _known(declared), sink.digest)


async def _blocks(request: Request) -> AsyncIterator[bytes]:
    """Yield the body as it arrives, from a client that keeps sending."""
    started, count = time.monotonic(), 0
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(STALL_S):
                block = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError as cause:
            raise _too_slow() from cause
        count += len(block)
        spent_s = time.monotonic() - started
        if spent_s > STALL_S and count < spent_s * MIN_RATE:
            raise _too_slow()
        yield block


def _too_slow() -> HTTPException:
    return HTTPException(408, f"expected at least {MIN_RATE} bytes a second", {"Connection": "close"})


def _known(declared: str) -> MediaType | None:
    return MediaType(declared) if declared in set(MediaType) else _ALIASES.get(declared)


def _check_digest(request: Request, digest: Digest) -> None:
    """Compare with ``Content-Digest`` (RFC 9530), where the client sent a SHA-256."""
    found = _CONTENT_DIGEST.search(request.headers.get("content-digest", ""))
    if found is not None and base64.b64decode(found.group(1)) != digest.value:
        raise FormatError(f"expected the body its Content-Digest names, found {digest}", hint="send it again")


#: A received file as a route's parameter; ``function`` scope: removed before the answer is sent.
Received = Annotated[Upload, Depends(received, scope="function")]
#: A received manifest store as a route's parameter.
Deposited = Annotated[Upload, Depends(deposited, scope="function")]
