"""The pixel watermark: read where it is, at any crop, and nowhere else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from provenance.detect import marks, watermark
from provenance.detect.watermark import PAYLOADS, STEP, read_watermark


def marked(rgb, payload):
    """The published scheme, written for the test block by block."""
    yuv = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV).astype(np.float64)
    height, width = (side // 4 * 4 for side in rgb.shape[:2])
    plane = yuv[:height, :width, 1]
    quads = [plane[i::2, j::2].copy() for i in (0, 1) for j in (0, 1)]
    low = sum(quads) / 2
    number = 0
    for row in range(low.shape[0] // 4):
        for column in range(low.shape[1] // 4):
            block = low[4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            place = np.unravel_index(int(np.abs(block.ravel()[1:]).argmax()) + 1, (4, 4))
            quarter = 0.75 if payload[number % len(payload)] == "1" else 0.25
            moved = (block[place] // STEP + quarter) * STEP - block[place]
            for i in (0, 1):  # the low band is half the sum of four pixels: each moves by half
                for j in (0, 1):
                    plane[2 * (4 * row + place[0]) + i, 2 * (4 * column + place[1]) + j] += moved / 2
            number += 1
    yuv[:height, :width, 1] = plane
    return cv2.cvtColor(np.clip(np.rint(yuv), 0, 255).astype(np.uint8), cv2.COLOR_YUV2RGB)


@pytest.fixture(scope="module")
def photograph():
    return cv2.resize(data.astronaut(), (512, 448), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize(("generator", "payload"), PAYLOADS)
def test_each_payload_is_read_whole_and_cropped(photograph, generator, payload):
    made = marked(photograph, payload)
    whole = read_watermark(made)
    assert (whole.generator, whole.cropped) == (generator, False)
    part = read_watermark(np.ascontiguousarray(made[37:, 51:]))
    assert (part.generator, part.cropped) == (generator, True)
    [mark] = marks.of_watermark(part)
    assert mark.model == generator
    assert "cut out" in mark.says


def test_unmarked_and_recompressed_pictures_have_none(photograph):
    for picture in (photograph, data.coffee(), data.chelsea(), data.rocket()):
        assert read_watermark(np.ascontiguousarray(picture)) is None
    _, stored = cv2.imencode(
        ".jpg", marked(photograph, PAYLOADS[0][1])[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 75]
    )
    assert read_watermark(np.ascontiguousarray(cv2.imdecode(stored, 1)[:, :, ::-1])) is None


def test_another_payload_is_not_taken_for_a_known_one(photograph):
    payload = "".join(np.random.default_rng(4).choice(["0", "1"], 48))
    made = marked(photograph, payload)
    assert watermark.lattice(made) > watermark.LATTICE
    assert read_watermark(made) is None


@pytest.mark.parametrize("shape", [(1, 1, 3), (20, 2000, 3), (64, 64, 3)])
def test_pictures_too_small_for_it(shape):
    assert read_watermark(np.zeros(shape, np.uint8)) is None
    assert marks.of_watermark(None) == ()
