"""The code index is exact: whatever it does inside, it answers as a comparison with every code does."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.fingerprint.bands import BANDS, _order, bands
from provenance.match import index as module
from provenance.match.index import CodeIndex, Neighbour, scan


def brute(codes, code, radius):
    apart = np.unpackbits(codes ^ np.frombuffer(code, np.uint8), axis=1).sum(axis=1)
    found = [Neighbour(int(i), int(apart[i])) for i in np.flatnonzero(apart <= radius)]
    return sorted(found, key=lambda each: (each.distance, each.position))


def clustered(rng, count, centres, flips):
    """Codes up to ``flips`` bits from a few centres, as pictures of one scene are."""
    bits = np.unpackbits(rng.integers(0, 256, (centres, 32), np.uint8), axis=1)
    made = bits[rng.integers(0, centres, count)]
    for row in made:
        row[rng.choice(256, int(rng.integers(0, flips + 1)), replace=False)] ^= 1
    return np.packbits(made, axis=1)


@pytest.fixture
def always_bands(monkeypatch):
    """Look up bands however small the index: otherwise a small one is scanned."""
    monkeypatch.setattr(module, "_FETCH_COST", 0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 400), st.integers(1, 20), st.integers(0, 260))
def test_index_answers_as_brute_force_does(seed, count, centres, radius):
    rng = np.random.default_rng(seed)
    codes = clustered(rng, count, centres, 60)
    code = bytes(clustered(rng, 1, 1, 0)[0]) if seed % 3 == 0 else bytes(codes[seed % count])
    expected = brute(codes, code, min(radius, 256))
    assert CodeIndex(codes).within(code, min(radius, 256)) == expected
    assert scan(codes, code, min(radius, 256)) == expected


@pytest.mark.usefixtures("always_bands")
@pytest.mark.parametrize("radius", [0, 1, 15, 16, 30, 31, 32, 46, 47, 48])
def test_bands_miss_nothing_at_any_radius(radius):
    rng = np.random.default_rng(radius)
    codes = clustered(rng, 3000, 12, 50)
    found = CodeIndex(codes)
    for code in [*codes[:10].tolist(), rng.integers(0, 256, 32, np.uint8).tolist()]:
        assert found.within(bytes(code), radius) == brute(codes, bytes(code), radius)


@pytest.mark.usefixtures("always_bands")
@pytest.mark.parametrize("radius", [15, 31, 47])
def test_worst_spread_of_differing_bits_is_found(radius):
    """One bit more in a band than the pigeonhole leaves would be missed: spread them evenly and unevenly."""
    rng = np.random.default_rng(2)
    base = rng.integers(0, 256, 32, np.uint8)
    per_band = np.argsort(_order(256).argsort() // 16, kind="stable").reshape(BANDS, 16)
    even = [per_band[i % BANDS, i // BANDS] for i in range(radius)]
    uneven = per_band.ravel()[:radius]
    codes = []
    for chosen in (even, uneven):
        bits = np.unpackbits(base)
        bits[np.array(chosen, int)] ^= 1
        codes.append(np.packbits(bits))
    found = CodeIndex(np.array(codes)).within(bytes(base), radius)
    assert found == [Neighbour(0, radius), Neighbour(1, radius)]


def test_index_is_used_where_it_pays_and_agrees_with_the_scan(monkeypatch):
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 256, (60_000, 32), np.uint8)
    index = CodeIndex(codes)
    scans = []
    whole = module._scan
    monkeypatch.setattr(module, "_scan", lambda *args: scans.append(1) or whole(*args))
    query = codes[777].copy()
    query[:3] ^= 0b1011
    assert index.within(bytes(query), 31) == [Neighbour(777, 9)]
    assert scans == []
    index.within(bytes(query), 87)
    assert scans == [1]


def test_equal_codes_are_scanned_not_gathered(monkeypatch):
    """A registry of near-equal pictures must not make one look-up slower than comparing all."""
    codes = np.tile(np.arange(32, dtype=np.uint8), (20_000, 1))
    index = CodeIndex(codes)
    scans = []
    whole = module._scan
    monkeypatch.setattr(module, "_scan", lambda *args: scans.append(1) or whole(*args))
    assert len(index.within(bytes(range(32)), 31)) == 20_000
    assert scans == [1]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 30), max_size=12), st.integers(0, 2**32 - 1))
def test_adding_in_pieces_is_adding_at_once(sizes, seed):
    rng = np.random.default_rng(seed)
    codes = clustered(rng, sum(sizes) + 1, 4, 40)
    index = CodeIndex(codes[:1])
    start = 1
    for size in sizes:
        assert index.add(codes[start : start + size]) == range(start, start + size)
        start += size
    assert len(index) == len(codes)
    assert index.within(bytes(codes[-1]), 31) == brute(codes, bytes(codes[-1]), 31)


@pytest.mark.usefixtures("always_bands")
def test_merging_keeps_every_code(monkeypatch):
    monkeypatch.setattr(module, "_MIN_PENDING", 16)
    rng = np.random.default_rng(4)
    codes = clustered(rng, 700, 5, 40)
    index = CodeIndex()
    for start in range(0, 700, 7):
        index.add(codes[start : start + 7])
        code = bytes(codes[start])
        assert index.within(code, 31) == brute(codes[: start + 7], code, 31)
    assert len(index) == 700


def test_readers_see_a_growing_whole_while_codes_are_added(monkeypatch):
    monkeypatch.setattr(module, "_MIN_PENDING", 64)
    codes = np.tile(np.arange(32, dtype=np.uint8), (3_000, 1))
    index = CodeIndex()
    writer = threading.Thread(target=lambda: [index.add(codes[i : i + 10]) for i in range(0, 3_000, 10)])
    writer.start()
    seen = [0]
    while writer.is_alive():
        found = index.within(bytes(range(32)), 0)
        assert [each.position for each in found] == list(range(len(found)))
        seen.append(len(found))
    writer.join()
    assert seen == sorted(seen)
    assert len(index.within(bytes(range(32)), 0)) == 3_000


def test_several_codes_give_each_asset_once_with_the_nearest():
    codes = np.zeros((3, 32), np.uint8)
    codes[1, 0] = 0b111
    codes[2, :] = 0xFF
    found = CodeIndex(codes).within_any([bytes(32), bytes([0b11]) + bytes(31)], 5)
    assert found == [(0, Neighbour(0, 0)), (1, Neighbour(1, 1))]


def test_caller_may_reuse_its_array():
    codes = np.zeros((5, 32), np.uint8)
    index = CodeIndex(codes)
    codes[:] = 255
    assert len(index.within(bytes(32), 0)) == 5


def test_empty_index_finds_nothing():
    assert CodeIndex().within(bytes(32), 256) == []
    assert len(CodeIndex()) == 0


def test_bands_are_pinned():
    """They are kept in databases: another order of bits would lose every stored code."""
    code = np.arange(32, dtype=np.uint8)[None]
    assert bands(code)[0].tolist() == PINNED
    assert sorted(_order(256).tolist()) == list(range(256))


PINNED = [4242, 4204, 2562, 1483, 33664, 49217, 7666, 18629, 26693, 17413, 21, 5841, 278, 1856, 21025, 8801]


@pytest.mark.parametrize("radius", [-1, 257])
def test_radius_out_of_range_is_refused(radius):
    with pytest.raises(ValueError, match="0 to 256"):
        CodeIndex().within(bytes(32), radius)


@pytest.mark.parametrize("code", [b"", bytes(31), bytes(33)])
def test_code_of_another_length_is_refused(code):
    with pytest.raises(ValueError, match="32 bytes"):
        CodeIndex().within(code, 1)


@pytest.mark.parametrize("codes", [np.zeros((2, 31), np.uint8), np.zeros(32, np.uint8), np.zeros((2, 32))])
def test_other_arrays_are_refused(codes):
    with pytest.raises(ValueError, match="codes are uint8"):
        CodeIndex(codes)
    with pytest.raises(ValueError, match="codes are uint8"):
        CodeIndex().add(codes)
