"""Publish: nothing in place before the receipt, nothing damaged, nothing half-written."""

from __future__ import annotations

import shutil

import pytest
from PIL import Image

from provenance.digest import Digest
from provenance.errors import InputError, MediaError, OutputExistsError, ReceiptError, UnsupportedError
from provenance.evidence import SourceType
from provenance.ledger.receipt import check_receipt
from provenance.media.asset import MediaType, sniff
from provenance.publish import PublishJob
from provenance.signing.claims import SigningRequest
from provenance.signing.manifest import SIGNABLE
from provenance.verdict import VerdictCode
from provenance_cli import demo_media as media
from tests import signing_media

REQUEST = SigningRequest(title="A title", source_type=SourceType.DIGITAL_CAPTURE)


def test_receipt_verifies_offline_for_its_file_only(newsroom):
    vkey = newsroom.installation.note_signer.vkey
    checked = check_receipt(newsroom.photo.receipt, Digest.of(newsroom.photo.output.read_bytes()), vkey)
    assert checked.asset_id == newsroom.photo.record.asset_id
    with pytest.raises(ReceiptError):
        check_receipt(newsroom.photo.receipt, Digest.of(b"another file"), vkey)


def test_source_is_untouched_and_record_is_complete(newsroom):
    record = newsroom.film.record
    assert (record.title, record.publisher) == ("Film", "TEST News")
    assert record.duration_s == pytest.approx(60, abs=1)
    assert (record.width, record.height) == (176, 144)
    assert not list(newsroom.folder.glob("*.provenance-partial"))
    assert not list(newsroom.folder.glob(".*partial"))


@pytest.mark.parametrize("kind", sorted(set(SIGNABLE) - {MediaType.HEIC}))  # no free encoder writes HEIC
def test_every_format_is_signed_registered_and_intact(newsroom, kind, tmp_path):
    """The engine wraps some formats anew: what is signed must still be taken for what it was."""
    source = tmp_path / f"harbour.{kind.value.rpartition('/')[2]}"
    source.write_bytes(signing_media.sample(kind))
    job = PublishJob(source, tmp_path / f"signed.{source.suffix}", REQUEST)
    [made] = newsroom.installation.publisher.publish([job])
    assert made.record.media_type is sniff(source.read_bytes())
    assert newsroom.verify(made.output).verdict.code is VerdictCode.INTACT


def test_existing_output_is_refused_before_anything_happens(newsroom, tmp_path):
    source, output = tmp_path / "a.jpg", tmp_path / "b.jpg"
    shutil.copyfile(newsroom.folder / "photo.jpg", source)
    output.write_bytes(b"mine")
    size = newsroom.installation.store.head().size
    with pytest.raises(OutputExistsError):
        newsroom.installation.publisher.publish([PublishJob(source, output, REQUEST)])
    assert output.read_bytes() == b"mine"
    assert newsroom.installation.store.head().size == size


def test_in_place_keeps_the_picture(newsroom, tmp_path):
    path = tmp_path / "a.jpg"
    media.photograph("coffee.png", path)
    [published] = newsroom.installation.publisher.publish([PublishJob(path, path, REQUEST)], replace=True)
    assert newsroom.verify(path).verdict.code.value == "intact"
    assert published.receipt_path.read_text() == published.receipt


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"", MediaError), (b"\xff\xd8\xff\xe0" + b"\0" * 400, InputError), (b"%PDF-1.7", UnsupportedError)],
)
def test_unusable_input_leaves_nothing_behind(newsroom, tmp_path, content, error):
    source = tmp_path / "a.jpg"
    source.write_bytes(content)
    size = newsroom.installation.store.head().size
    with pytest.raises(error) as caught:
        newsroom.installation.publisher.publish([PublishJob(source, tmp_path / "b.jpg", REQUEST)])
    assert caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]
    assert newsroom.installation.store.head().size == size


def test_one_bad_file_registers_none_of_its_batch(newsroom, tmp_path):
    good, bad = tmp_path / "good.jpg", tmp_path / "bad.jpg"
    media.photograph("coffee.png", good)
    bad.write_bytes(b"not a picture")
    size = newsroom.installation.store.head().size
    jobs = [PublishJob(path, tmp_path / f"out-{path.name}", REQUEST) for path in (good, bad)]
    with pytest.raises(UnsupportedError):
        newsroom.installation.publisher.publish(jobs)
    assert newsroom.installation.store.head().size == size
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.jpg", "good.jpg"]


def test_case102_flat_picture_is_signed_but_said_to_be_unmatchable(newsroom, tmp_path):
    Image.new("RGB", (400, 300), "navy").save(tmp_path / "flat.png")
    [published] = newsroom.installation.publisher.publish(
        [PublishJob(tmp_path / "flat.png", tmp_path / "out.png", REQUEST)]
    )
    assert any("cannot be found by similarity" in note for note in published.notes)
    assert newsroom.verify(tmp_path / "out.png").verdict.code.value == "intact"
