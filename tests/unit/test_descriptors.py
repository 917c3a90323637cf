"""Look-up of local descriptors: what it answers is near, and nearly all that is near is answered."""

import threading

import numpy as np
import pytest

from provenance.match import descriptors as module
from provenance.match.descriptors import RADIUS, TABLES, DescriptorIndex


def random_descriptors(rng, count):
    return rng.integers(0, 256, (count, 32), np.uint8)


def flipped(rng, descriptors, bits):
    unpacked = np.unpackbits(descriptors, axis=1)
    for row in unpacked:
        row[rng.choice(256, bits, replace=False)] ^= 1
    return np.packbits(unpacked, axis=1)


def test_every_answer_is_near_and_given_once():
    rng = np.random.default_rng(1)
    stored = flipped(rng, np.repeat(random_descriptors(rng, 50), 40, axis=0), 8)
    index = DescriptorIndex()
    index.add(stored)
    queries = flipped(rng, stored[::97], 8)
    near = index.near(queries)
    apart = np.bitwise_count(queries[near.which] ^ stored[near.position]).sum(axis=1)
    assert len(near.which) > 100
    assert np.array_equal(apart, near.distance)
    assert near.distance.max() <= RADIUS
    pairs = list(zip(near.which.tolist(), near.position.tolist(), strict=True))
    assert pairs == sorted(set(pairs))


@pytest.mark.parametrize("apart", [0, 10, 20, 30])
def test_share_found_is_the_stated_one(apart):
    rng = np.random.default_rng(apart)
    stored = random_descriptors(rng, 60_000)
    index = DescriptorIndex()
    index.add(stored)
    near = index.near(flipped(rng, stored[:2000], apart))
    found = np.mean(np.isin(np.arange(2000), near.which[near.which == near.position]))
    bits = index._runs[0].bits
    promised = 1 - (1 - (1 - apart / 256) ** bits) ** TABLES
    assert found == pytest.approx(promised, abs=0.04)


def test_descriptors_added_in_any_portions_keep_their_positions():
    rng = np.random.default_rng(3)
    stored = random_descriptors(rng, 5000)
    index, start = DescriptorIndex(), 0
    while start < len(stored):
        count = int(rng.integers(0, 400))
        assert index.add(stored[start : start + count]) == range(start, min(start + count, len(stored)))
        start += count
    assert len(index) == len(stored)
    near = index.near(stored, radius=0)
    assert np.array_equal(near.position[near.which == near.position], np.arange(len(stored)))
    # Few runs, or every query would pay for how the registry grew.
    assert len(index._runs) <= 4


def test_a_picture_registered_a_thousand_times_costs_a_query_little(monkeypatch):
    rng = np.random.default_rng(4)
    monkeypatch.setattr(module, "MAX_SHARED", 100)
    index = DescriptorIndex()
    index.add(np.repeat(random_descriptors(rng, 1), 5000, axis=0))
    other = random_descriptors(rng, 1)
    index.add(other)
    assert len(index.near(other).which) == 1
    assert len(index.near(index._runs[0].words[:1].view(np.uint8)).which) == 0


def test_a_reader_beside_the_writer_sees_whole_portions():
    rng = np.random.default_rng(5)
    stored = random_descriptors(rng, 20_000)
    index = DescriptorIndex()
    wrong = []

    def read():
        while len(index) < len(stored):
            near = index.near(stored[:50], radius=0)
            wrong.extend(near.position[near.position != near.which].tolist())

    reader = threading.Thread(target=read)
    reader.start()
    for start in range(0, len(stored), 100):
        index.add(stored[start : start + 100])
    reader.join()
    assert wrong == []


def test_an_empty_index_and_an_empty_query_find_nothing():
    index = DescriptorIndex()
    assert len(index.near(np.zeros((3, 32), np.uint8)).which) == 0
    index.add(np.zeros((0, 32), np.uint8))
    index.add(np.ones((5, 32), np.uint8))
    assert len(index.near(np.zeros((0, 32), np.uint8)).which) == 0


@pytest.mark.parametrize("array", [np.zeros((3, 31), np.uint8), np.zeros(32, np.uint8), np.zeros((3, 32))])
def test_other_arrays_are_refused(array):
    with pytest.raises(ValueError, match="uint8 of shape"):
        DescriptorIndex().add(array)
    with pytest.raises(ValueError, match="uint8 of shape"):
        DescriptorIndex().near(array)
