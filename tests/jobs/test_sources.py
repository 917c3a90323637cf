"""Files that were signed before: their credentials become the parent, and they stay known as a source."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provenance.digest import Digest
from provenance.errors import CredentialError
from provenance.evidence import CredentialState, IngredientState, SourceType, VerdictCode
from provenance.examination import MANIFEST_REFERENCE
from provenance.lineage import names
from provenance.publish import PublishJob
from provenance.signing import certificates
from provenance.signing.claims import SigningRequest
from tests import signing_media as media
from tests.attacks.test_credentials import flip, signer_of
from tests.fakes.pictures import encoded, photograph

REQUEST = SigningRequest(title="Paper's version", source_type=SourceType.DIGITAL_CAPTURE)


def signed_elsewhere(authority: str) -> bytes:
    issued = certificates.issue_test_chain(authority, media.NOW)
    plain = encoded(photograph("coffee.png"), quality=92)
    return media.sign(plain, keys=signer_of(issued.chain, issued.leaf_key), title="Camera original")


@pytest.fixture(scope="module")
def camera(tmp_path_factory):
    place = tmp_path_factory.mktemp("camera") / "camera.jpg"
    place.write_bytes(signed_elsewhere("TEST Camera"))
    return place


@pytest.fixture(scope="module")
def published(newsroom, camera):
    [made] = newsroom.installation.publisher.publish(
        [PublishJob(camera, camera.with_name("signed.jpg"), REQUEST)]
    )
    return made


def test_the_earlier_manifest_is_the_parent_of_the_new_one(newsroom, camera, published):
    source, report = newsroom.verify(camera), newsroom.verify(published.output)
    credential = report.evidence.credential
    assert credential.state is CredentialState.TRUSTED
    assert credential.ingredients is IngredientState.UNRECOGNIZED
    assert credential.ingredient_ids == (source.evidence.credential.manifest_id,)
    assert report.evidence.best.identical


def test_the_camera_s_file_is_a_source_and_no_conflict(newsroom, camera, published):
    report = newsroom.verify(camera)
    assert report.evidence.best.record.asset_id == published.record.asset_id
    assert report.evidence.best.source
    assert report.verdict.code is VerdictCode.INTACT_UNRECOGNIZED_ISSUER
    assert "record.source" in {reason.code for reason in report.verdict.reasons}


def test_the_same_picture_signed_by_a_stranger_is_a_conflict_all_the_same(newsroom, published, tmp_path):
    (tmp_path / "a.jpg").write_bytes(signed_elsewhere("TEST Stranger"))
    report = newsroom.verify(tmp_path / "a.jpg")
    assert not report.evidence.best.source
    assert report.verdict.code is VerdictCode.CREDENTIALS_CONFLICT


def test_an_identifier_alone_makes_no_source(newsroom, camera, published):
    [kept] = newsroom.installation.store.references(published.record.asset_id, MANIFEST_REFERENCE)
    own = newsroom.verify(camera).evidence.credential
    assert names(kept.blob, own)
    assert not names(kept.blob, replace(own, certificate_sha256=Digest(bytes(32))))
    assert not names(kept.blob, replace(own, manifest_id="urn:c2pa:00000000-0000-4000-8000-000000000000"))
    assert not names(None, own)


@pytest.mark.parametrize("what", ["picture", "claim"])
def test_credentials_that_do_not_hold_are_not_built_upon(newsroom, camera, tmp_path, what):
    content = camera.read_bytes()
    at = len(content) - 5_000 if what == "picture" else content.index(b"Camera original")
    (tmp_path / "a.jpg").write_bytes(flip(content, at, 0x20))
    before = newsroom.installation.store.head().size
    with pytest.raises(CredentialError, match=r"own Content Credentials hold, found them (unbound|tampered)"):
        newsroom.installation.publisher.publish(
            [PublishJob(tmp_path / "a.jpg", tmp_path / "signed.jpg", REQUEST)]
        )
    assert newsroom.installation.store.head().size == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]
