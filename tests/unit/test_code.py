"""Fingerprint values: one spelling, one algorithm at a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import FormatError
from provenance.fingerprint.code import ALGORITHMS, PDQ256, PHASH64, Fingerprint, distance

fingerprints = st.sampled_from(sorted(ALGORITHMS)).flatmap(
    lambda name: st.binary(min_size=ALGORITHMS[name].size, max_size=ALGORITHMS[name].size).map(
        lambda value: Fingerprint(name, value)
    )
)
codes = st.binary(min_size=32, max_size=32).map(lambda value: Fingerprint(PDQ256.name, value))


@given(fingerprints)
def test_text_form_round_trips(one):
    assert Fingerprint.parse(str(one)) == one


def test_text_form_is_algorithm_version_and_hex():
    assert str(Fingerprint(PHASH64.name, bytes(range(8)))) == "phash64-v1:0001020304050607"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "phash64-v1",
        "phash64-v1:",
        "phash64-v1:000102030405060",
        "phash64-v1:00010203040506",
        "phash64-v1:000102030405060708",
        "phash64-v1:0001020304050607\n",
        " phash64-v1:0001020304050607",
        "phash64-v1:0001020304050A07",
        "phash64-v2:0001020304050607",
        "PHASH64-V1:0001020304050607",
        "phash64-v1:000102030405060\u0667",
        "pdq256-v1:0001020304050607",
        "x" * 10_000,
    ],
)
def test_any_other_spelling_is_refused(text):
    with pytest.raises(FormatError):
        Fingerprint.parse(text)


@given(codes, codes, codes)
def test_distance_is_a_metric(a, b, c):
    assert distance(a, a) == 0
    assert distance(a, b) == distance(b, a)
    assert (distance(a, b) == 0) == (a == b)
    assert distance(a, c) <= distance(a, b) + distance(b, c) <= 512


def test_two_algorithms_have_no_distance():
    with pytest.raises(FormatError, match="one algorithm"):
        distance(Fingerprint(PHASH64.name, bytes(8)), Fingerprint(PDQ256.name, bytes(32)))


@pytest.mark.parametrize(("name", "size"), [("phash64-v1", 7), ("pdq256-v1", 8), ("md5", 16)])
def test_value_of_wrong_size_or_algorithm_is_refused(name, size):
    with pytest.raises(ValueError):
        Fingerprint(name, bytes(size))


def test_every_algorithm_states_its_radius_and_false_match_rate():
    """SR-29: a match is a distance with algorithm, threshold and measured rate."""
    for each in ALGORITHMS.values():
        assert 0 < each.radius < each.wide_radius < each.bits / 2
        assert 0 < each.wide_rate < 1
        assert each.false_match_rate is None or 0 < each.false_match_rate < each.wide_rate
    assert ALGORITHMS["pdq256-v1"].false_match_rate == pytest.approx(3 / 181_286, rel=0.05)
