"""Search: by file or by hash text, with distance, status and an inclusion proof."""

from __future__ import annotations

import pytest

from provenance.digest import Digest
from provenance.errors import FormatError
from provenance.ledger.receipt import Receipt, check_receipt
from provenance.search import hashes_of
from provenance.settings import Limits
from provenance_cli import demo_media as media


def test_by_file_finds_the_recompressed_picture_and_proves_it(newsroom, tmp_path):
    media.recompressed(newsroom.photo.output, tmp_path / "a.jpg")
    hits = newsroom.installation.searcher.by_file(tmp_path / "a.jpg")
    assert {hit.algorithm for hit in hits} == {"phash64-v1", "pdq256-v1", "iscc-image-v0"}
    for hit in hits:
        assert hit.record.asset_id == newsroom.photo.record.asset_id
        digest = Digest.of(newsroom.photo.output.read_bytes())
        assert (
            check_receipt(hit.receipt, digest, newsroom.installation.note_signer.vkey).index
            == hit.record.index
        )


def test_by_digest(newsroom):
    text = str(newsroom.film.record.digest)
    [hit] = newsroom.installation.searcher.by_text(text)
    assert (hit.record.title, hit.distance) == ("Film", 0)
    assert Receipt.parse(hit.receipt).asset_id == newsroom.film.record.asset_id


def test_hashes_of_sound_are_its_digest(newsroom):
    assert hashes_of(newsroom.recording.output, newsroom.installation.pool, Limits()) == (
        str(newsroom.recording.record.digest),
    )


def test_unknown_hash_finds_nothing(newsroom):
    assert newsroom.installation.searcher.by_text("sha256:" + "0" * 64) == []


@pytest.mark.parametrize(
    "text", ["", "sha256:xyz", "pdq256-v1:00", "nothing-v1:" + "0" * 64, "'; drop table asset"]
)
def test_case91_odd_hashes_are_refused(newsroom, text):
    with pytest.raises(FormatError) as caught:
        newsroom.installation.searcher.by_text(text)
    assert caught.value.hint


@pytest.mark.parametrize("radius", [-1, 10**9])
def test_case91_odd_radius_is_refused(newsroom, radius):
    with pytest.raises(FormatError):
        newsroom.installation.searcher.by_text("pdq256-v1:" + "5a" * 32, radius)
