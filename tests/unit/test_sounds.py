"""Look-up of registered sound: the track is found at any pitch and over any channel, without one equal code."""

import numpy as np

from provenance.match.sounds import SoundBook


def recordings(count=20, length=2000):
    rng = np.random.default_rng(1)
    return [rng.integers(0, 2**32, length, np.uint32) for _ in range(count)]


def damaged(codes, bits, seed=2):
    """Codes with ``bits`` of 32 bits flipped in each."""
    rng = np.random.default_rng(seed)
    masks = [sum(1 << int(bit) for bit in rng.choice(32, bits, replace=False)) for _ in codes]
    return codes ^ np.array(masks, np.uint32)


def book_of(tracks):
    book = SoundBook()
    for number, codes in enumerate(tracks):
        book.add(f"asset-{number}", codes)
    return book


def test_a_stretch_with_ten_of_32_bits_wrong_in_every_code_is_found_first():
    tracks = recordings()
    book = book_of(tracks)
    for length in (19, 40, 300):
        query = damaged(tracks[7][500 : 500 + length], 10)
        assert not set(query) & set(tracks[7])
        assert book.vote([query])[0].asset_id == "asset-7"


def test_any_form_of_the_copy_finds_it():
    tracks = recordings()
    other = np.random.default_rng(5).integers(0, 2**32, 60, np.uint32)
    assert book_of(tracks).vote([other, other, tracks[3][100:160]])[0].asset_id == "asset-3"


def test_unrelated_sound_has_no_candidate():
    other = np.random.default_rng(6).integers(0, 2**32, 60, np.uint32)
    assert book_of(recordings()).vote([other]) == []


def test_silence_has_no_candidate():
    book = SoundBook()
    book.add("silence", np.zeros(500, np.uint32))
    assert book.vote([np.zeros(50, np.uint32)]) == []


def test_a_copy_of_two_originals_finds_both():
    tracks = recordings()
    query = np.concatenate([tracks[2][:200], tracks[9][800:1000]])
    assert {one.asset_id for one in book_of(tracks).vote([query])} >= {"asset-2", "asset-9"}


def test_tracks_come_back_as_they_were_added():
    tracks = recordings(3)
    book = book_of(tracks)
    assert all(np.array_equal(book.track(f"asset-{i}"), codes) for i, codes in enumerate(tracks))
    assert book.track("unknown") is None
    assert SoundBook().vote([tracks[0]]) == []
