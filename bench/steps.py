"""Time of every step beside the limit of this machine: ``make bench``.

Each figure is a median of CPU and wall time over several runs; limits (SHA-256, decoding, the C2PA engine's own
signing and reading) are measured in the same run, and ratios to them are what carries over to other machines.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import cast

import numpy as np
from PIL import Image

from provenance.evidence import SourceType
from provenance.examination import DECODE_SIDE_PX
from provenance.media import decode
from provenance.media.asset import MediaType
from provenance.settings import Limits
from provenance.setup import Installation, initialise
from provenance.signing import manifest
from provenance.signing.claims import SigningRequest, build_definition
from provenance.signing.trust import plain_trust


def photograph(target: Path, megapixels: float) -> None:
    """Write a JPEG with the statistics of a photograph (1/f noise), about 2 MB at 12 MP."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = height * 4 // 3
    rng = np.random.default_rng(3)
    canvas = np.zeros((height, width, 3), np.float32)
    for octave in range(2, 9):
        cells = rng.normal(0, 60 / octave, (2**octave * 3 // 4, 2**octave, 3)).astype(np.float32)
        layer = [
            np.asarray(Image.fromarray(cells[..., c]).resize((width, height), Image.Resampling.BICUBIC))
            for c in range(3)
        ]
        canvas += np.stack(layer, axis=2)
    noisy = canvas + 128 + rng.normal(0, 3, canvas.shape)
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(target, quality=88)


def median_ms(work: Callable[[], object], runs: int) -> float:
    """Return the median wall time of ``work`` in milliseconds after one warm-up."""
    work()
    taken = []
    for _ in range(runs):
        start = perf_counter()
        work()
        taken.append(perf_counter() - start)
    return statistics.median(taken) * 1000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megapixels", type=float, default=12.0)
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        picture = folder / "photo.jpg"
        photograph(picture, arguments.megapixels)
        print(
            f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
        )
        print(
            f"JPEG of {picture.stat().st_size / 1e6:.2f} MB, {arguments.megapixels} MP, median of {arguments.runs}\n"
        )
        with Installation.open(initialise(folder / "home", "TEST Bench")) as installation:
            for name, took_ms, limit, limit_ms in measure(
                Steps(installation, picture, folder), arguments.runs
            ):
                print(f"{name:<44}{took_ms:9.2f} ms   {took_ms / limit_ms:5.2f} x {limit}")


class Steps:
    """The steps on one picture, each a callable without arguments.

    Args:
        home: An open installation.
        picture: An unsigned JPEG.
        folder: Where outputs go.
    """

    def __init__(self, home: Installation, picture: Path, folder: Path) -> None:
        self.home, self.picture, self.signed = home, picture, folder / "signed.jpg"
        self.content, self.signer, self.trust = (
            picture.read_bytes(),
            home.keys.signer,
            plain_trust(home.trust),
        )
        request = SigningRequest(title="Bench", source_type=SourceType.DIGITAL_CAPTURE)
        self.definition = build_definition(request, home.keys.signer.expires)

    def sha256(self) -> None:
        """Hash the file's bytes in memory."""
        hashlib.sha256(self.content).digest()

    def draft(self) -> None:
        """Decode as fingerprints need it."""
        with self.picture.open("rb") as source:
            decode.read_picture(source, MediaType.JPEG, Limits(), max_side=DECODE_SIDE_PX)

    def engine_sign(self) -> None:
        """Sign in this process."""
        with self.picture.open("rb") as source, self.signed.open("w+b") as target:
            signer = self.signer
            manifest.write_manifest(
                source,
                target,
                MediaType.JPEG,
                self.definition,
                signer.certificates_pem,
                signer.algorithm,
                signer.sign,
            )

    def engine_read(self) -> None:
        """Read and validate in this process."""
        with self.signed.open("rb") as source:
            manifest.read_manifest(source, MediaType.JPEG, self.trust)

    def worker_sign(self) -> None:
        """Sign in a worker; the key stays here."""
        params: dict[str, object] = {"media_type": "image/jpeg", "definition": self.definition}
        params |= {"certificates": self.signer.certificates_pem, "algorithm": self.signer.algorithm}
        files: list[Path | tuple[Path, str]] = [self.picture, (self.signed, "w+b")]
        self.home.pool.run(
            "sign", files, params, callbacks={"sign": lambda data: self.signer.sign(cast("bytes", data))}
        )

    def examine(self) -> None:
        """Take all codes in all forms in a worker."""
        self.home.pool.run("examine", [self.picture], {"media_type": "image/jpeg", "register": False})

    def verify(self) -> None:
        """Verify the signed, unregistered file."""
        self.home.verifier.verify(self.signed)


def measure(steps: Steps, runs: int) -> list[tuple[str, float, str, float]]:
    """Return rows of name, milliseconds, what the limit is, and the limit's milliseconds."""
    sha, draft = median_ms(steps.sha256, runs), median_ms(steps.draft, runs)
    sign, read = median_ms(steps.engine_sign, runs), median_ms(steps.engine_read, runs)
    rows = [
        ("SHA-256", sha, "itself", sha),
        (f"draft decode to {DECODE_SIDE_PX} px", draft, "itself", draft),
        ("engine's own signing", sign, "SHA-256", sha),
        ("engine's own reading", read, "SHA-256", sha),
    ]
    for name, work, limit, limit_ms in (
        ("signing in a worker, key outside", steps.worker_sign, "engine's own signing", sign),
        ("examining in a worker (all codes, all forms)", steps.examine, "draft decode", draft),
        (
            "verify: no match, no detector",
            steps.verify,
            "draft decode + engine read + SHA-256",
            draft + read + sha,
        ),
    ):
        rows.append((name, median_ms(work, runs), limit, limit_ms))
    return rows


if __name__ == "__main__":
    main()
