"""Verify: the copies people meet, each with the verdict it should have."""

from __future__ import annotations

import pytest
from PIL import Image, ImageOps, PngImagePlugin

from provenance.appraisal import NO_VOICE, NOT_NEEDED
from provenance.errors import UnsupportedError
from provenance.evidence import Channel, DifferenceKind, Family, Score, VerdictCode
from provenance.media.asset import MediaType
from provenance.report.report import report_json
from provenance_cli import demo_media as media


def test_untouched_file_is_intact_and_identical(newsroom):
    report = newsroom.verify(newsroom.photo.output)
    assert report.verdict.code is VerdictCode.INTACT
    assert report.evidence.best.identical
    assert any("say more than any detector" in gap for gap in report.verdict.not_checked)


def test_stripped_copy_is_derived(newsroom, tmp_path):
    media.recompressed(newsroom.photo.output, tmp_path / "a.jpg")
    report = newsroom.verify(tmp_path / "a.jpg")
    assert report.verdict.code is VerdictCode.DERIVED_COPY
    families = {found.family for found in report.evidence.best.found}
    assert {Family.GLOBAL, Family.LOCAL} <= families


def test_case103_mirrored_crop_is_found_and_never_intact(newsroom, tmp_path):
    with Image.open(newsroom.photo.output) as picture:
        width, height = picture.size
        part = picture.convert("RGB").crop((width // 8, height // 10, width, height * 9 // 10))
        part.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "a.jpg", quality=80)
    report = newsroom.verify(tmp_path / "a.jpg")
    assert report.verdict.code is VerdictCode.DERIVED_COPY
    assert report.evidence.best.alignment.geometry.mirrored


def test_pasted_region_is_found_where_it_is(newsroom, tmp_path):
    media.photograph("chelsea.png", tmp_path / "cat.jpg")
    box = (0.30, 0.08, 0.28, 0.34)
    media.pasted_over(newsroom.photo.output, tmp_path / "cat.jpg", tmp_path / "a.jpg", box)
    report = newsroom.verify(tmp_path / "a.jpg")
    assert report.verdict.code is VerdictCode.ALTERED_COPY
    boxes = [
        one.box
        for one in report.evidence.best.comparison.differences
        if one.kind is not DifferenceKind.OVERLAY
    ]
    assert max(overlap(one, box) for one in boxes) > 0.5
    assert report.map_png.startswith(b"\x89PNG")


def overlap(a, b):
    """Intersection over union of a Box and (x, y, w, h)."""
    w = min(a.x + a.w, b[0] + b[2]) - max(a.x, b[0])
    h = min(a.y + a.h, b[1] + b[3]) - max(a.y, b[1])
    shared = max(w, 0) * max(h, 0)
    return shared / (a.area + b[2] * b[3] - shared)


def test_clip_is_placed_to_a_quarter_second(newsroom, tmp_path):
    media.clip(newsroom.film.output, tmp_path / "a.mp4", 20.0, 10.0)
    report = newsroom.verify(tmp_path / "a.mp4")
    assert report.verdict.code is VerdictCode.DERIVED_COPY
    for channel in Channel:
        segments = [one for one in report.evidence.best.alignment.segments if one.channel is channel]
        offset = segments[0].asset.start_s - segments[0].copy.start_s
        assert offset == pytest.approx(20.0, abs=0.25)


def test_other_sound_over_a_genuine_clip_is_a_re_edit(newsroom, tmp_path):
    sound = media.sample("iscc-samples", "audio/demo.wav")
    media.clip(newsroom.film.output, tmp_path / "a.mp4", 20.0, 10.0, sound=sound)
    report = newsroom.verify(tmp_path / "a.mp4")
    assert report.verdict.code is VerdictCode.RE_EDITED_COPY
    assert "sound" in report.verdict.summary


def test_recording_in_another_codec(newsroom, tmp_path):
    media.recording(newsroom.recording.output, tmp_path / "a.mp3", codec="libmp3lame", bit_rate=64_000)
    report = newsroom.verify(tmp_path / "a.mp3")
    assert report.verdict.code is VerdictCode.DERIVED_COPY
    assert {Family.SOUND, Family.SPECTRUM} <= {found.family for found in report.evidence.best.found}


def test_a_voice_message_too_short_to_tell_says_so_and_what_to_do(newsroom, tmp_path):
    report = newsroom.verify(media.sample("iscc-samples", "audio/short.wav"))
    assert report.verdict.code is VerdictCode.NO_EVIDENCE
    assert "sound.too-little" in {reason.code for reason in report.verdict.reasons}
    assert "known number" in report.verdict.next_step


def test_disclosure_kept_and_removed(newsroom, tmp_path):
    assert newsroom.verify(newsroom.generated.output).verdict.code is VerdictCode.DISCLOSED_SYNTHETIC
    media.recompressed(newsroom.generated.output, tmp_path / "a.jpg")
    assert newsroom.verify(tmp_path / "a.jpg").verdict.code is VerdictCode.DISCLOSURE_REMOVED


def test_unrelated_picture_has_no_evidence(newsroom, tmp_path):
    media.photograph("rocket.jpg", tmp_path / "a.jpg")
    report = newsroom.verify(tmp_path / "a.jpg")
    assert report.verdict.code is VerdictCode.NO_EVIDENCE
    assert report.evidence.matches == ()


def test_case15_declared_type_must_be_the_content(newsroom):
    with pytest.raises(UnsupportedError):
        newsroom.installation.verifier.verify(newsroom.photo.output, declared=MediaType.PNG)


def test_sr08_same_input_gives_the_same_report(newsroom, tmp_path):
    media.recompressed(newsroom.photo.output, tmp_path / "a.jpg")
    first, second = (report_json(newsroom.verify(tmp_path / "a.jpg")) for _ in range(2))
    for report in (first, second):
        report.pop("elapsed_s")
        report.pop("checked_at")
    assert first == second


def test_case87_names_are_shown_clean(newsroom):
    report = newsroom.installation.verifier.verify(
        newsroom.photo.output, name="a\u202egpj.exe\r\nSet-Cookie: x"
    )
    assert "\u202e" not in report.name
    assert "\n" not in report.name


def test_sr10_the_detector_is_asked_only_where_nothing_better_answers(newsroom, tmp_path):
    assert newsroom.verify(newsroom.photo.output).evidence.score == NOT_NEEDED
    assert newsroom.verify(newsroom.recording.output).evidence.score == NO_VOICE
    media.photograph("rocket.jpg", tmp_path / "unknown.jpg")
    score = newsroom.verify(tmp_path / "unknown.jpg").evidence.score
    assert isinstance(score, Score)
    assert score.untested


def test_marks_ask_for_review_and_are_conflicts_on_a_registered_capture(newsroom, tmp_path):
    parameters = PngImagePlugin.PngInfo()
    parameters.add_text(
        "parameters", "a wave\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, Model: dreamy"
    )
    media.photograph("rocket.jpg", tmp_path / "unknown.jpg")
    with Image.open(tmp_path / "unknown.jpg") as picture:
        picture.save(tmp_path / "unknown.png", pnginfo=parameters)
    report = newsroom.verify(tmp_path / "unknown.png")
    assert report.verdict.code is VerdictCode.POSSIBLY_SYNTHETIC
    assert [mark.model for mark in report.evidence.marks] == ["dreamy"]
    with Image.open(newsroom.photo.output) as picture:
        picture.convert("RGB").save(tmp_path / "smeared.png", pnginfo=parameters)
    report = newsroom.verify(tmp_path / "smeared.png")
    assert report.verdict.code is VerdictCode.DERIVED_COPY
    assert any("anybody can add such a mark" in note for note in report.evidence.notes)


def side_by_side(newsroom, target, size=(700, 500)):
    with Image.open(newsroom.photo.output) as photo, Image.open(newsroom.generated.output) as generated:
        page = Image.new("RGB", (size[0] * 2, size[1]), "white")
        page.paste(photo.convert("RGB").resize((size[1], size[1])), (0, 0))
        page.paste(generated.convert("RGB").resize((size[0], size[1])), (size[0], 0))
        page.save(target, quality=85)


def test_every_registered_picture_of_a_collage_is_found_at_its_place(newsroom, tmp_path):
    side_by_side(newsroom, tmp_path / "a.jpg")
    report = newsroom.verify(tmp_path / "a.jpg")
    places = {one.record.title: one.transformation.place for one in report.evidence.matches if one.confirmed}
    assert overlap(places["Astronaut"], (0, 0, 500 / 1400, 1)) > 0.95
    assert overlap(places["Waves"], (0.5, 0, 0.5, 1)) > 0.95
    # The gravest finding leads: one of the two is generated, and the copy does not say so.
    assert report.verdict.code is VerdictCode.DISCLOSURE_REMOVED
    assert report.evidence.best.record.title == "Waves"
    [further] = [one.text for one in report.verdict.reasons if one.code == "registry.further-original"]
    assert "Astronaut" in further


def test_picture_on_a_registered_picture_alters_neither(newsroom, tmp_path):
    with Image.open(newsroom.photo.output) as photo, Image.open(newsroom.generated.output) as generated:
        made = generated.convert("RGB").resize((1280, 960))
        made.paste(photo.convert("RGB").resize((420, 420)), (800, 480))
        made.save(tmp_path / "a.jpg", quality=85)
    report = newsroom.verify(tmp_path / "a.jpg")
    titles = {one.record.title for one in report.evidence.matches if one.confirmed}
    assert titles == {"Astronaut", "Waves"}
    assert report.verdict.code is VerdictCode.DISCLOSURE_REMOVED


def test_what_was_done_is_told_in_words(newsroom, tmp_path):
    with Image.open(newsroom.photo.output) as picture:
        width, height = picture.size
        part = (
            picture.convert("RGB")
            .crop((width // 5, 0, width, height))
            .transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        )
        part.resize((200, 250)).save(tmp_path / "a.jpg", quality=40)
    report = newsroom.verify(tmp_path / "a.jpg")
    [text] = [one.text for one in report.verdict.reasons if one.code == "alignment.geometry"]
    assert "cropped to 80%" in text
    assert "mirrored" in text
    assert "reduced to 0.49 times its size" in text
    assert "JPEG at about quality 40" in text


def test_negative_is_found_and_named(newsroom, tmp_path):
    with Image.open(newsroom.photo.output) as picture:
        ImageOps.invert(picture.convert("RGB").crop((60, 30, 512, 512))).save(tmp_path / "a.jpg", quality=85)
    report = newsroom.verify(tmp_path / "a.jpg")
    assert report.evidence.best.confirmed
    assert "turned into a negative" in report.evidence.best.transformation.sentence


@pytest.mark.parametrize(("size", "reason"), [((60, 60), "too small"), ((400, 300), "too flat")])
def test_case102_refusals_say_why(newsroom, tmp_path, size, reason):
    Image.new("RGB", size, (90, 120, 150)).save(tmp_path / "a.png")
    report = newsroom.verify(tmp_path / "a.png")
    assert report.verdict.code is VerdictCode.NO_EVIDENCE
    assert any("similarity: picture is " + reason in gap for gap in report.verdict.not_checked)
