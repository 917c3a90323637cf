"""Small media files and signing shortcuts for the tests of credentials; none is stored in the repository."""

from __future__ import annotations

import functools
import io
import tempfile
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from provenance.evidence import Credential, SourceType
from provenance.media.asset import MediaType
from provenance.signing.claims import SigningRequest, build_definition
from provenance.signing.credential import credential_from
from provenance.signing.keys import KeyRing, create_development_keys
from provenance.signing.manifest import read_manifest, write_manifest
from provenance.signing.trust import load_trust_lists, plain_trust

NOW = datetime.now(UTC)
PICTURES = {
    MediaType.JPEG: "JPEG",
    MediaType.PNG: "PNG",
    MediaType.WEBP: "WEBP",
    MediaType.TIFF: "TIFF",
    MediaType.GIF: "GIF",
    MediaType.AVIF: "AVIF",
}
FILMS = {MediaType.MP4: "mp4", MediaType.MOV: "mov", MediaType.AVI: "avi"}
SOUNDS = {
    MediaType.WAV: ("wav", "pcm_s16le"),
    MediaType.MP3: ("mp3", "libmp3lame"),
    MediaType.M4A: ("mp4", "aac"),
    MediaType.FLAC: ("flac", "flac"),
}


@functools.cache
def keys_folder() -> Path:
    """One folder of TEST keys for the whole run."""
    folder = Path(tempfile.mkdtemp(prefix="provenance-test-")) / "keys"
    create_development_keys(folder, "TEST Newsroom", NOW)
    return folder


@functools.cache
def ring() -> KeyRing:
    return KeyRing.load(keys_folder(), now=NOW, environment="development")


@functools.cache
def _plain() -> dict[str, Any]:
    return plain_trust(load_trust_lists(keys_folder() / "trust", environment="development"))


def trust() -> dict[str, Any]:
    return _plain()


NOBODY: dict[str, Any] = {"lists": []}


def request(**changes: Any) -> SigningRequest:
    return SigningRequest(
        **{
            "title": "Harbour at dawn",
            "source_type": SourceType.DIGITAL_CAPTURE,
            "author": "A. Writer",
            **changes,
        }
    )


@functools.cache
def sample(kind: MediaType) -> bytes:
    """A small unsigned file of ``kind``; HEIC is an AVIF container under the HEIC brand (no free encoder)."""
    if kind in PICTURES:
        sink = io.BytesIO()
        Image.fromarray(_picture(0)).save(sink, PICTURES[kind])
        return sink.getvalue()
    if kind is MediaType.HEIC:
        avif = sample(MediaType.AVIF)
        head = int.from_bytes(avif[:4], "big")
        return b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".ljust(24, b"\0") + _shifted(avif, head, 24)
    return _film(FILMS[kind]) if kind in FILMS else _sound(*SOUNDS[kind])


def _shifted(avif: bytes, head: int, new_head: int) -> bytes:
    # iloc holds file offsets; the replacement of ftyp must keep them true, so a free box fills the gap.
    gap = head - new_head
    return (gap.to_bytes(4, "big") + b"free").ljust(gap, b"\0") + avif[head:] if gap >= 8 else avif[head:]


def _picture(seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return np.kron(rows, np.ones((8, 8, 1), dtype=np.uint8))


def _film(container: str) -> bytes:
    sink = io.BytesIO()
    with av.open(sink, "w", format=container) as output:
        stream = output.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for number in range(10):
            for packet in stream.encode(av.VideoFrame.from_ndarray(_picture(number), format="rgb24")):
                output.mux(packet)
        for packet in stream.encode():
            output.mux(packet)
    return sink.getvalue()


def _sound(container: str, codec: str) -> bytes:
    sink = io.BytesIO()
    with av.open(sink, "w", format=container) as output:
        stream = output.add_stream(codec, rate=44100, layout="mono")
        wave = (8000 * np.sin(np.arange(44100) / 20)).astype(np.int16)[None, :]
        frame = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = 44100, Fraction(1, 44100), 0
        for converted in av.AudioResampler(
            format=stream.format, layout="mono", rate=44100, frame_size=0
        ).resample(frame):
            for packet in stream.encode(converted):
                output.mux(packet)
        for packet in stream.encode():
            output.mux(packet)
    return sink.getvalue()


def sign(content: bytes, kind: MediaType = MediaType.JPEG, *, keys: Any = None, **changes: Any) -> bytes:
    """The signed file; ``changes`` go into the request."""
    signer = keys or ring().signer
    target = io.BytesIO()
    write_manifest(
        io.BytesIO(content),
        target,
        kind,
        build_definition(request(**changes), NOW),
        signer.certificates_pem,
        signer.algorithm,
        signer.sign,
    )
    return target.getvalue()


@functools.cache
def signed(kind: MediaType = MediaType.JPEG) -> bytes:
    """One signed sample of each kind."""
    return sign(sample(kind), kind)


def read(content: bytes, kind: MediaType = MediaType.JPEG, plain: Any = None) -> Credential:
    """The credential of ``content`` under ``plain`` trust (default: the TEST root)."""
    lists = trust() if plain is None else plain
    return credential_from(read_manifest(io.BytesIO(content), kind, lists), lists, now=NOW)
