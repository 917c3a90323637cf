"""Many registrations of nearly one picture: a copy has an answer however many there are, of a bounded size."""

from __future__ import annotations

from PIL import ImageEnhance

from provenance.evidence import Comparison, SourceType, VerdictCode
from provenance.publish import PublishJob
from provenance.signing.claims import SigningRequest
from tests.fakes.pictures import encoded, photograph
from tests.newsroom import opened

MANY = 14


def test_a_copy_of_many_tall_look_alikes_has_an_answer_with_one_drawing(tmp_path):
    tall = photograph("coffee.png").crop((150, 0, 450, 400)).resize((900, 1_200))
    request = SigningRequest(title="Coffee", source_type=SourceType.DIGITAL_CAPTURE)
    with opened(tmp_path) as newsroom:
        jobs = []
        for number in range(MANY):
            path = tmp_path / f"{number}.jpg"
            path.write_bytes(encoded(ImageEnhance.Brightness(tall).enhance(0.9 + number / 60), quality=90))
            jobs.append(PublishJob(path, tmp_path / f"signed-{number}.jpg", request))
        published = newsroom.installation.publisher.publish(jobs)
        (tmp_path / "copy.jpg").write_bytes(encoded(tall.resize((700, 933)), quality=60))
        report = newsroom.verify(tmp_path / "copy.jpg")
    assert report.verdict.code is VerdictCode.DERIVED_COPY
    confirmed = {match.record.asset_id for match in report.evidence.matches if match.confirmed}
    assert confirmed == {one.record.asset_id for one in published}
    compared = [m.comparison for m in report.evidence.matches if isinstance(m.comparison, Comparison)]
    assert sum(one.drawing is not None for one in compared) == 1 == len(report.maps)
