"""Maps proposed by local features: of the plane where these span an area, a similarity where they lie in a line."""

import numpy as np
import pytest

from provenance.examination import View
from provenance.match import warp
from provenance.match.propose import fit

SIZE = (512, 512)


def laid(points, scale, shift):
    return points * scale + shift


def test_features_all_over_give_their_map():
    seen = np.random.default_rng(1).uniform(0.05, 0.95, (40, 2))
    found = fit(seen, laid(seen, 0.5, 0.2), View(), SIZE, SIZE)
    assert found is not None
    assert found.inliers >= 35
    assert warp.apply(found.matrix, warp.CORNERS) == pytest.approx(laid(warp.CORNERS, 0.5, 0.2), abs=0.01)


def test_features_along_a_horizon_give_a_similarity():
    seen = np.column_stack([np.linspace(0.1, 0.9, 25), np.full(25, 0.5)])
    found = fit(seen, laid(seen, 0.7, 0.1), View(), SIZE, SIZE)
    assert found is not None
    assert warp.apply(found.matrix, warp.CORNERS) == pytest.approx(laid(warp.CORNERS, 0.7, 0.1), abs=0.02)


def test_features_in_one_spot_give_none():
    seen = 0.5 + np.random.default_rng(2).uniform(-0.02, 0.02, (25, 2))
    assert fit(seen, laid(seen, 0.7, 0.1), View(), SIZE, SIZE) is None


def test_strangers_give_none():
    rng = np.random.default_rng(3)
    assert fit(rng.uniform(0, 1, (60, 2)), rng.uniform(0, 1, (60, 2)), View(), SIZE, SIZE) is None
