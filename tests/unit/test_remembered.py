from __future__ import annotations

import tracemalloc

from provenance.digest import Digest
from provenance.remembered import Remembered

ENTRY = Remembered.ENTRY_BYTES


def test_what_was_unused_for_longest_goes_first():
    remembered = Remembered[str](3 * (ENTRY + 10))
    for key in "abc":
        remembered.put(key, bytes(10))
    assert remembered.get("a") == bytes(10)
    remembered.put("d", bytes(10))
    assert [key for key in "abcd" if remembered.get(key) is not None] == ["a", "c", "d"]
    assert remembered.size == 3 * (ENTRY + 10)


def test_the_bytes_of_all_values_together_have_a_limit():
    remembered = Remembered[int](100_000)
    for key in range(300):
        remembered.put(key, bytes(key * 100))
        assert remembered.size <= 100_000
    assert remembered.get(299) is not None


def test_a_value_over_the_limit_pushes_nothing_out():
    remembered = Remembered[str](ENTRY + 10)
    remembered.put("a", bytes(10))
    remembered.put("b", bytes(11))
    assert remembered.get("a") is not None
    assert remembered.get("b") is None


def test_a_value_put_again_counts_once():
    remembered = Remembered[str](10 * ENTRY)
    for size in (100, 200, 50):
        remembered.put("a", bytes(size))
    assert (len(remembered), remembered.size) == (1, ENTRY + 50)


def test_many_small_values_take_no_more_than_the_limit():
    """Keys and headers outweigh small values; the bytes counted for an entry cover them."""
    limit = 2 << 20
    remembered = Remembered[tuple[object, ...]](limit)
    tracemalloc.start()
    try:
        for number in range(4_000):
            key = (
                Digest.of(str(number).encode()),
                "image/jpeg",
                f"tenant-{number}",
                number,
                ("1.0", "a" * 64),
            )
            remembered.put(key, bytes(16))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert remembered.size <= limit
    assert taken <= limit
