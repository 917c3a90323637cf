"""Sound put into a registered recording, before it or after it, is said where it is; pauses and copies stay quiet."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from bench import clip_sound
from bench.clip_waves import RATE, joined, loudness, read_wave, write_wave
from provenance.evidence import Channel, DifferenceKind, Edit, VerdictCode
from provenance.fingerprint.sound import RATE_HZ
from provenance.report.timeline import evidence_timeline
from provenance.wording import segment_text
from provenance_cli import demo_media as media
from tests.unit.test_takes import reading


@cache
def film():
    """The sound of the registered film: a minute of real speech and music."""
    return read_wave(media.sample("iscc-samples", "video/demo.mp4"))


def part(start_s, end_s):
    return film()[round(start_s * RATE) : round(end_s * RATE)]


def foreign(length_s):
    """Another voice, as loud as the film."""
    wave = reading(5, take=1, seconds=int(np.ceil(length_s)))
    times = np.arange(round(length_s * RATE)) / RATE * RATE_HZ
    made = np.interp(times, np.arange(len(wave)), wave).astype(np.float32)
    return (made * (loudness(film()) / loudness(made))).astype(np.float32)


def pause(length_s, level=0.0):
    noise = np.random.default_rng(1).standard_normal(round(length_s * RATE)).astype(np.float32)
    return noise * np.float32(level * loudness(film()))


def checked(newsroom, folder, *waves, suffix=".mp3", codec="libmp3lame"):
    """The report on a copy of these stretches, one after the other."""
    path = folder / f"copy{suffix}"
    write_wave(path, joined(list(waves)).astype(np.float32), codec, 96_000)
    return newsroom.verify(path)


def differences(report):
    return report.evidence.best.comparison.differences


@pytest.mark.parametrize("length_s", [1.5, 3.0, 8.0])
def test_a_sentence_put_into_a_recording_is_an_alteration_where_it_is(newsroom, tmp_path, length_s):
    report = checked(newsroom, tmp_path, part(5, 17), foreign(length_s), part(17, 35))
    assert report.verdict.code is VerdictCode.ALTERED_COPY
    [found] = differences(report)
    assert found.kind is DifferenceKind.SOUND_INSERTED
    assert (found.span.start_s, found.span.end_s) == pytest.approx((12.0, 12.0 + length_s), abs=0.5)
    assert found.asset_span.start_s == pytest.approx(17.0, abs=0.5)
    assert "put in that the original does not have there from 0:1" in report.verdict.summary
    assert "1: Inserted sound in the copy from 0:1" in evidence_timeline(report.evidence)


def test_a_sentence_in_place_of_a_shorter_one_names_what_it_stands_for(newsroom, tmp_path):
    report = checked(newsroom, tmp_path, part(5, 17), foreign(6.0), part(19, 35))
    assert report.verdict.code is VerdictCode.ALTERED_COPY
    [found] = differences(report)
    assert (found.span.start_s, found.span.end_s) == pytest.approx((12.0, 18.0), abs=0.5)
    assert (found.asset_span.start_s, found.asset_span.end_s) == pytest.approx((17.0, 19.0), abs=0.5)


def test_a_sentence_in_place_of_as_long_a_one_is_found_without_overlaps(newsroom, tmp_path):
    length_s = 3.0
    report = checked(newsroom, tmp_path, part(5, 17), foreign(length_s), part(17 + length_s, 40))
    assert report.verdict.code is VerdictCode.ALTERED_COPY
    spans = [one.span for one in differences(report)]
    assert spans[0].start_s == pytest.approx(12.0, abs=0.5)
    assert spans[-1].end_s == pytest.approx(12.0 + length_s, abs=0.5)
    assert all(before.end_s <= after.start_s for before, after in pairwise(spans))


@pytest.mark.parametrize("first", [True, False])
def test_a_sentence_before_or_after_is_told_and_no_alteration(newsroom, tmp_path, first):
    speech = part(0, 30) if first else part(30, 60)
    order = (foreign(4.0), speech) if first else (speech, foreign(4.0))
    report = checked(newsroom, tmp_path, *order)
    assert report.verdict.code is VerdictCode.RE_EDITED_COPY
    [found] = differences(report)
    assert found.kind is DifferenceKind.SOUND_FOREIGN
    start_s = 0.0 if first else len(speech) / RATE
    assert (found.span.start_s, found.span.end_s) == pytest.approx((start_s, start_s + 4.0), abs=0.5)
    assert Edit.EXTENDED in report.evidence.best.comparison.edits
    assert "not found in the original" in report.verdict.summary
    assert "1: Foreign sound in the copy from" in evidence_timeline(report.evidence)


def test_one_word_after_the_end_of_the_original_is_told(newsroom, tmp_path):
    end = film()[-20 * RATE :]
    report = checked(newsroom, tmp_path, end, foreign(1.2))
    assert report.verdict.code is VerdictCode.RE_EDITED_COPY
    [found] = differences(report)
    assert found.span.start_s == pytest.approx(len(end) / RATE, abs=0.5)


def test_a_quotation_says_how_much_of_the_file_it_is(newsroom, tmp_path):
    report = checked(newsroom, tmp_path, foreign(40.0), part(10, 30), foreign(70.0))
    assert report.verdict.code is VerdictCode.RE_EDITED_COPY
    assert "altered" not in report.verdict.summary.lower()
    assert "15% of this file" in report.verdict.summary
    [segment] = report.evidence.best.alignment.segments
    assert "is 0:10." in segment_text(segment) or "is 0:09." in segment_text(segment)
    assert [one.kind for one in differences(report)] == [DifferenceKind.SOUND_FOREIGN] * 2


@pytest.mark.parametrize(("length_s", "level"), [(0.6, 0.0), (1.5, 0.001), (4.0, 0.0)])
def test_a_pause_put_in_is_silence_and_no_alteration(newsroom, tmp_path, length_s, level):
    report = checked(newsroom, tmp_path, part(5, 17), pause(length_s, level), part(17, 35))
    assert report.verdict.code is VerdictCode.DERIVED_COPY
    assert {one.kind for one in differences(report)} <= {DifferenceKind.SOUND_SILENCE}
    if length_s >= 1.5:
        text = [one.text for one in report.verdict.reasons if one.code == "difference.sound-silence"]
        assert "silence put in from 0:1" in text[0]


@pytest.mark.parametrize("length_s", [0.2, 5.0])
def test_silence_at_both_ends_is_no_finding(newsroom, tmp_path, length_s):
    report = checked(newsroom, tmp_path, pause(length_s), part(10, 40), pause(length_s))
    assert report.verdict.code is VerdictCode.DERIVED_COPY
    assert differences(report) == ()
    silent = [one for one in report.verdict.not_checked if "is silent" in one]
    assert length_s < 1.5 or len(silent) == 2


@pytest.mark.parametrize("change", ["opus 16k", "noise 10 dB", "echo", "speed +3 %", "telephone"])
def test_plain_copies_have_nothing_added(newsroom, tmp_path, change):
    wave = clip_sound.COPYING[change](part(4, 44), np.random.default_rng(1))
    report = checked(newsroom, tmp_path, wave, suffix=".wav", codec="pcm_s16le")
    kinds = {one.kind for one in differences(report)}
    assert kinds <= {DifferenceKind.SOUND_OVERLAY}
    assert Edit.EXTENDED not in report.evidence.best.comparison.edits


def test_the_parts_of_a_cut_copy_have_nothing_added(newsroom, tmp_path):
    report = checked(newsroom, tmp_path, part(2, 14), part(20, 32), part(40, 55))
    assert report.evidence.best.comparison.edits == (Edit.CUT,)
    assert differences(report) == ()


def checked_film(newsroom, folder, start_s, length_s, *waves):
    """The report on a stretch of the registered film with these stretches of sound, one after the other."""
    write_wave(folder / "sound.wav", joined(list(waves)).astype(np.float32))
    track = folder / "sound.wav"
    media.clip(newsroom.film.output, folder / "copy.mp4", start_s, length_s, sound=track)
    return newsroom.verify(folder / "copy.mp4")


def test_a_sentence_put_into_the_sound_of_a_film_is_an_alteration_where_it_is(newsroom, tmp_path):
    report = checked_film(newsroom, tmp_path, 5.0, 30.0, part(5, 17), foreign(4.0), part(17, 31))
    assert report.verdict.code is VerdictCode.ALTERED_COPY
    [found] = [one for one in differences(report) if one.channel is Channel.SOUND]
    assert found.kind is DifferenceKind.SOUND_INSERTED
    assert (found.span.start_s, found.span.end_s) == pytest.approx((12.0, 16.0), abs=0.5)


def test_a_sentence_after_the_end_of_a_film_is_told(newsroom, tmp_path):
    report = checked_film(newsroom, tmp_path, 45.0, 25.0, film()[45 * RATE :], foreign(4.0))
    assert report.verdict.code is VerdictCode.RE_EDITED_COPY
    [found] = differences(report)
    assert found.kind is DifferenceKind.SOUND_FOREIGN
    end_s = len(film()) / RATE - 45
    assert (found.span.start_s, found.span.end_s) == pytest.approx((end_s, end_s + 4.0), abs=0.5)
