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
from typing import Any, cast

import numpy as np
from PIL import Image

from provenance.evidence import SourceType
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
            for name, took_ms, limit, limit_ms in measure(installation, picture, folder, arguments.runs):
                print(f"{name:<44}{took_ms:9.2f} ms   {took_ms / limit_ms:5.2f} x {limit}")


def measure(
    home: Installation, picture: Path, folder: Path, runs: int
) -> list[tuple[str, float, str, float]]:
    """Return rows of name, milliseconds, what the limit is, and the limit's milliseconds."""
    content, limits, signer = picture.read_bytes(), Limits(), home.keys.signer
    request = SigningRequest(title="Bench", source_type=SourceType.DIGITAL_CAPTURE)
    definition = build_definition(request, home.keys.signer.expires)
    trust, signed = plain_trust(home.trust), folder / "signed.jpg"

    def engine_sign() -> None:
        with picture.open("rb") as source, signed.open("w+b") as target:
            manifest.write_manifest(
                source,
                target,
                MediaType.JPEG,
                definition,
                signer.certificates_pem,
                signer.algorithm,
                signer.sign,
            )

    def engine_read() -> None:
        with signed.open("rb") as source:
            manifest.read_manifest(source, MediaType.JPEG, trust)

    def draft() -> None:
        with picture.open("rb") as source:
            decode.read_picture(source, MediaType.JPEG, limits, max_side=1024)

    def worker_sign() -> None:
        params = {
            "media_type": "image/jpeg",
            "definition": definition,
            "certificates": signer.certificates_pem,
            "algorithm": signer.algorithm,
        }
        home.pool.run(
            "sign",
            [picture, (folder / "w.jpg", "w+b")],
            params,
            callbacks={"sign": lambda data: signer.sign(cast("bytes", data))},
        )

    sha_ms = median_ms(lambda: hashlib.sha256(content).digest(), runs)
    sign_ms, read_ms, draft_ms = (
        median_ms(engine_sign, runs),
        median_ms(engine_read, runs),
        median_ms(draft, runs),
    )
    floor_ms = draft_ms + read_ms + sha_ms
    verify_ms = median_ms(lambda: home.verifier.verify(signed), runs)
    examine: dict[str, Any] = {"media_type": "image/jpeg", "register": False}
    examine_ms = median_ms(lambda: home.pool.run("examine", [picture], examine), runs)
    return [
        ("SHA-256", sha_ms, "itself", sha_ms),
        ("draft decode to 1024 px", draft_ms, "itself", draft_ms),
        ("engine's own signing", sign_ms, "SHA-256", sha_ms),
        ("engine's own reading", read_ms, "SHA-256", sha_ms),
        ("signing in a worker, key outside", median_ms(worker_sign, runs), "engine's own signing", sign_ms),
        ("examining in a worker (all codes, all forms)", examine_ms, "draft decode", draft_ms),
        ("verify: no match, no detector", verify_ms, "draft decode + engine read + SHA-256", floor_ms),
    ]


if __name__ == "__main__":
    main()
