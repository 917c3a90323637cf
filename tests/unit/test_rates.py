"""Measured false-match rates fall with strength, and are not claimed below what was measured."""

import pytest

from provenance.match import rates
from provenance.match.align import INLIERS


@pytest.mark.parametrize(
    ("table", "rate"), [(rates.LOCAL, rates.local_rate), (rates.DETAIL, rates.detail_rate)]
)
def test_rates_fall_with_strength(table, rate):
    strengths = [strength for strength, _ in table]
    assert strengths == sorted(strengths)
    found = [rate(strength) for strength in strengths]
    assert found == sorted(found, reverse=True)
    assert all(0 < one < 1 for one in found)


def test_nothing_is_claimed_below_the_least_measured_strength():
    assert rates.local_rate(int(rates.LOCAL[0][0]) - 1) is None


def test_features_and_detail_that_count_have_a_rate():
    assert rates.local_rate(INLIERS) is not None
    assert rates.detail_rate(rates.DETAIL_AGREEING) is not None
