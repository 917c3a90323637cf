"""An erased asset is no longer found by similarity, even by a service that read its codes before."""

from __future__ import annotations

import pytest

from provenance.evidence import SourceType, Unavailable
from provenance.publish import PublishJob
from provenance.setup import Installation, initialise
from provenance.signing.claims import SigningRequest
from provenance_cli import demo_media as media


@pytest.fixture
def published(tmp_path):
    with Installation.open(initialise(tmp_path, "TEST News")) as installation:
        media.photograph("coffee.png", tmp_path / "photo.jpg")
        job = PublishJob(
            tmp_path / "photo.jpg",
            tmp_path / "signed.jpg",
            SigningRequest(title="Coffee", source_type=SourceType.DIGITAL_CAPTURE),
        )
        [made] = installation.publisher.publish([job])
        yield installation, made


def test_what_was_erased_is_not_found_by_its_likeness(published, tmp_path):
    """SR-30."""
    installation, made = published
    copy = tmp_path / "copy.jpg"
    media.recompressed(made.output, copy)
    assert installation.searcher.by_file(copy)
    assert installation.verifier.verify(copy).evidence.matches
    installation.statements.redact(made.record.asset_id)
    assert installation.searcher.by_file(copy) == []
    matches = installation.verifier.verify(copy).evidence.matches
    assert not isinstance(matches, Unavailable)
    assert not [each for each in matches if each.confirmed]
    [hit] = installation.searcher.by_text(str(made.record.digest))
    assert (hit.record.redacted, hit.record.title) == (True, "")
