"""One content registered twice: copies stay with the earliest registration, the later is told beside it (SR-28)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from provenance.evidence import RecordStatus, SourceType, VerdictCode
from provenance.publish import Publisher, PublishJob
from provenance.signing.claims import SigningRequest
from provenance.signing.keys import create_development_keys
from provenance.statement import Statements
from provenance_cli import demo_media as media
from tests.newsroom import opened

RIVAL = "TEST Rival"


@pytest.fixture(scope="module")
def newsroom(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("precedence")) as made:
        yield made


@pytest.fixture(scope="module")
def rival(newsroom, tmp_path_factory):
    keys = create_development_keys(tmp_path_factory.mktemp("rival"), RIVAL, datetime.now(UTC))
    inside = newsroom.installation
    inside.store.admit(keys.publisher.public_key(), RIVAL)
    return Publisher(inside.pool, inside.store, inside.intake, keys, RIVAL, inside.settings.limits)


@pytest.fixture(scope="module")
def taken(newsroom, rival):
    """A small, hard compressed copy of the newsroom's photograph, registered by somebody else."""
    return register(rival, copy_of(newsroom, "taken.jpg", side_px=400, quality=40), "Mine")


def copy_of(newsroom, name, **how):
    place = newsroom.folder / name
    media.recompressed(newsroom.folder / "photo.jpg", place, **how)
    return place


def register(publisher, source, title):
    request = SigningRequest(title=title, source_type=SourceType.DIGITAL_CAPTURE)
    [made] = publisher.publish([PublishJob(source, source.with_name(f"signed-{source.name}"), request)])
    return made


def reasons(report, code):
    return [one.text for one in report.verdict.reasons if one.code == code]


@pytest.mark.parametrize("how", [{"quality": 70}, {"side_px": 400, "quality": 40}, {"side_px": 300}])
def test_a_copy_is_attributed_to_the_earliest_registration(newsroom, taken, how):
    report = newsroom.verify(copy_of(newsroom, "copy.jpg", **how))
    assert report.verdict.code is VerdictCode.DERIVED_COPY
    assert report.evidence.best.record.asset_id == newsroom.photo.record.asset_id
    later = reasons(report, "registry.later")
    assert any(
        "A later registration of the same content exists too: “Mine” (TEST Rival" in text for text in later
    )


def test_an_altered_copy_is_attributed_to_the_earliest_registration_too(newsroom, taken):
    altered = newsroom.folder / "altered.jpg"
    media.face_swapped(newsroom.folder / "photo.jpg", altered, (0.3, 0.1, 0.3, 0.3))
    report = newsroom.verify(altered)
    assert report.evidence.best.record.asset_id == newsroom.photo.record.asset_id
    assert report.verdict.code is VerdictCode.ALTERED_COPY


def test_the_later_file_is_what_it_was_and_names_the_earlier_registration(newsroom, taken):
    report = newsroom.verify(taken.output)
    assert report.evidence.best.record.asset_id == taken.record.asset_id
    assert report.verdict.code in (VerdictCode.INTACT, VerdictCode.INTACT_UNRECOGNIZED_ISSUER)
    earlier = reasons(report, "registry.earlier")
    assert any("of the same content exists: “Astronaut” (TEST News, registered" in text for text in earlier)
    assert sum("not proof of ownership" in text for text in earlier) == 1
    first = newsroom.verify(newsroom.photo.output)
    assert not reasons(first, "registry.earlier")


def test_a_forgery_that_was_registered_says_what_it_differs_in_from_the_earlier_registration(newsroom, rival):
    forged = newsroom.folder / "forged.jpg"
    media.face_swapped(newsroom.folder / "photo.jpg", forged, (0.3, 0.1, 0.3, 0.3))
    report = newsroom.verify(register(rival, forged, "Forged").output)
    assert any(
        "similar content" in text and "“Astronaut”" in text and "differs from it: the face" in text
        for text in reasons(report, "registry.earlier")
    )


def test_a_film_that_was_registered_again_stays_with_the_first_publisher(newsroom, rival):
    again, copy = newsroom.folder / "again.mp4", newsroom.folder / "copy.mp4"
    media.clip(newsroom.film.output, again, 0.0, 20.0)
    media.clip(newsroom.film.output, copy, 4.0, 10.0)
    made = register(rival, again, "My film")
    report = newsroom.verify(copy)
    assert report.evidence.best.record.asset_id == newsroom.film.record.asset_id
    assert any("My film" in text for text in reasons(report, "registry.later"))
    assert any("“Film”" in text for text in reasons(newsroom.verify(made.output), "registry.earlier"))


def test_a_dispute_of_the_earliest_is_told_first_and_of_the_later_one_beside_it(newsroom, taken):
    inside = newsroom.installation
    inside.statements.dispute(taken.record.asset_id, "we took it")
    report = newsroom.verify(copy_of(newsroom, "again.jpg", quality=60))
    assert report.evidence.best.record.status is RecordStatus.ACTIVE
    assert any("The registration is disputed" in text for text in reasons(report, "registry.later"))
    keys = inside.keys
    Statements(inside.store, inside.intake, keys.publisher, "TEST News").dispute(
        newsroom.photo.record.asset_id, "it is ours"
    )
    again = newsroom.verify(copy_of(newsroom, "again.jpg", quality=61))
    assert again.evidence.best.record.asset_id == newsroom.photo.record.asset_id
    assert reasons(again, "record.disputed")
