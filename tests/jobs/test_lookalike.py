"""A picture made to have the hash of a registered one is told as what it is, never as a copy."""

from __future__ import annotations

import imagehash
import numpy as np
from PIL import Image
from scipy.fftpack import dct, idct

from provenance.evidence import VerdictCode
from tests.fakes.pictures import encoded, photograph

SIDE, LOW = 32, 8


def spectrum_of(image: Image.Image) -> np.ndarray:
    small = np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS), np.float64)
    return dct(dct(small, axis=0), axis=1)


def colliding(own: Image.Image, victim: Image.Image) -> Image.Image:
    """``own``, its low frequencies nudged across the median until its hash is that of ``victim``."""
    wanted = imagehash.phash(victim).hash
    made = np.asarray(own.convert("L"), np.float64)
    for _ in range(200):
        spectrum = spectrum_of(Image.fromarray(made.astype(np.uint8)))
        low = spectrum[:LOW, :LOW]
        median = np.median(low)
        wrong = (low > median) != wanted
        if not wrong.any():
            break
        change = np.zeros_like(spectrum)
        change[:LOW, :LOW] = np.where(wrong, np.where(wanted, 1.0, -1.0) * (np.abs(low - median) + 400), 0)
        small = idct(idct(change, axis=0), axis=1) / (4 * SIDE * SIDE)
        enlarged = Image.fromarray(small.astype(np.float32)).resize(own.size, Image.Resampling.BICUBIC)
        made = np.clip(made + np.asarray(enlarged), 0, 255)
    return Image.fromarray(made.astype(np.uint8))


def test_a_made_collision_is_no_copy_case_101(newsroom, tmp_path):
    with Image.open(newsroom.photo.output) as signed:
        victim = signed.convert("RGB")
    forged = colliding(photograph("rocket.jpg"), victim)
    assert imagehash.phash(forged) == imagehash.phash(victim), "the attack itself works"
    (tmp_path / "a.jpg").write_bytes(encoded(forged, quality=95))
    report = newsroom.verify(tmp_path / "a.jpg")
    assert report.verdict.code is VerdictCode.NO_EVIDENCE
    assert not any(match.confirmed for match in report.evidence.matches)
    hits = newsroom.installation.searcher.by_text(f"phash64-v1:{imagehash.phash(victim)}", 0)
    assert newsroom.photo.record.asset_id in {hit.record.asset_id for hit in hits}, (
        "the key finds it, as it must"
    )
