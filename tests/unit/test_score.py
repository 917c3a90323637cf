"""Scores: calibrated, clamped, or silent with a reason; never a number without meaning."""

from __future__ import annotations

import numpy as np
import pytest

from provenance.detect.card import Bucket
from provenance.detect.runtime import Network
from provenance.detect.score import bucket_name, centred, combined, score_picture
from provenance.errors import FormatError
from provenance.evidence import Score
from tests.fakes import models

GRAPH = models.graph()
CARD = models.card(GRAPH)


def flat(value, shape=(48, 64)):
    return np.full((*shape, 3), value, np.uint8)


def test_a_score_is_calibrated_and_clamped():
    network = Network(GRAPH)
    bright = score_picture(flat(255), "fine", CARD, network)
    assert bright.log10_lr == pytest.approx(1.0)
    assert bright.raw == pytest.approx(1.0)
    assert (bright.band, bright.false_positive_rate) == (0.5, 0.02)
    assert score_picture(flat(191), "fine", CARD, network).log10_lr == pytest.approx(0.5, abs=0.01)
    assert CARD.bucket("fine").log10_lr(1e9) == 1.0


@pytest.mark.parametrize(
    ("picture", "history", "reason"),
    [
        (flat(200, (30, 64)), "fine", "under 40 pixels"),
        (flat(200), "coarse", "no better than chance on coarse"),
    ],
)
def test_abstentions_say_why(picture, history, reason):
    score = score_picture(picture, history, CARD, Network(GRAPH))
    assert score.log10_lr is None
    assert reason in score.abstained


def test_what_is_unlike_the_training_set_is_not_scored():
    narrow = models.card(GRAPH, domain=models.Domain((0.5, 0.5, 0.5), (0.1, 0.1, 0.1), 1.1))
    score = score_picture(flat(255), "fine", narrow, Network(GRAPH))
    assert score.log10_lr is None
    assert "unlike" in score.abstained
    assert score.raw == pytest.approx(1.0)


def test_frames_are_not_taken_for_independent():
    def said(*ratios):
        return [Score("d 1", ratio, 0.5, "" if ratio is not None else "too small") for ratio in ratios]

    assert combined(said(0.4, 0.4, 0.4)).log10_lr == pytest.approx(0.4)
    assert combined(said(1.0, -1.0, 0.2)).log10_lr == pytest.approx(0.2)
    silent = combined(said(1.0, None, None))
    assert silent.log10_lr is None
    assert "2 of 3 frames: too small" in silent.abstained


def test_history():
    assert bucket_name(None, lossless=True) == "fine"
    assert bucket_name(85, lossless=False) == "fine"
    assert bucket_name(84, lossless=False) == "coarse"
    assert bucket_name(None, lossless=False) == "coarse"


def test_the_middle_square_is_taken():
    wide = np.zeros((64, 256, 3), np.uint8)
    wide[:, 96:160] = 200
    assert centred(wide, 32).shape == (32, 32, 3)
    assert centred(wide, 32).mean() == pytest.approx(200, abs=2)


@pytest.mark.parametrize("content", [b"", b"no graph", GRAPH[: len(GRAPH) // 2]])
def test_what_is_no_graph_is_refused(content):
    with pytest.raises(FormatError):
        Network(content)


def test_calibration_points_rise():
    for points in (
        ((0.0, 0.0),),
        ((1.0, 0.0), (0.0, 1.0)),
        ((0.0, 1.0), (1.0, 0.0)),
        ((0.0, 0.0), (1.0, float("nan"))),
    ):
        with pytest.raises(ValueError, match="rise"):
            Bucket("fine", points, 0.5, 0.02, 0.4, 0.95, 0.9, 100)
