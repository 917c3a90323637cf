"""Long films in parts: every part counted, a dead worker replaced once, what is missing said."""

from pathlib import Path

import numpy as np
import pytest

from provenance.errors import DeadlineError, MediaError, UnmatchableError, WorkerError
from provenance.examiner import LONG_S, PART_S, Examiner, Part, parts
from provenance.media.asset import MediaType
from provenance.settings import Limits

FILM = Path("film.mp4")


class ScriptedPool:
    """Answers like a pool of workers; ``failures`` maps a part's start to the errors it meets, in order."""

    def __init__(self, duration_s, failures=None, sound=None):
        self.duration_s, self.failures, self.sound = duration_s, failures or {}, sound
        self.asked = []

    def run(self, task, _files, params, *, timeout_s=None, callbacks=None):
        self.asked.append((task, params.get("start_s")))
        if task == "probe":
            return {
                "width": 640,
                "height": 360,
                "duration_s": self.duration_s,
                "picture": True,
                "sound": True,
                "notes": [],
            }
        if task == "examine_sound":
            raise self.sound or UnmatchableError("sound is silent")
        start_s = params["start_s"]
        waiting = self.failures.get(start_s, [])
        if waiting:
            raise waiting.pop(0)
        if params["register"]:
            callbacks["keep"]({"kind": "frame", "time_s": start_s, "blob": b"x"})
        return {"codes": bytes(32), "times": np.array([start_s], "<f8").tobytes()}


def whole(pool, keep=None, tell=None):
    told = []
    examiner = Examiner(pool, Limits())
    found = examiner.whole(FILM, MediaType.MP4, 30.0, keep=keep, tell=tell or (lambda *one: told.append(one)))
    return found, told


def test_parts_cover_the_film_and_the_last_is_open():
    made = parts(600.0)
    assert [one.start_s for one in made] == [0.0, PART_S, 2 * PART_S]
    assert made[-1].end_s > 600.0
    assert parts(0.0) == [Part(0.0, PART_S)]


def test_codes_come_in_order_and_progress_goes_by_media_time():
    found, told = whole(ScriptedPool(LONG_S + 100))
    assert found.frames.time_array().tolist() == [0.0, PART_S, 2 * PART_S]
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[-1][1] == told[-1][2]
    assert found.refusals == ("sound: sound is silent",)


@pytest.mark.parametrize("error", [WorkerError("died"), DeadlineError("late")])
def test_a_part_that_dies_once_is_tried_again(error):
    found, _ = whole(ScriptedPool(LONG_S, {PART_S: [error]}))
    assert found.frames.time_array().tolist() == [0.0, PART_S, 2 * PART_S]
    assert not any("picture" in one for one in found.refusals)


def test_a_part_that_dies_twice_is_said_and_the_others_stay():
    pool = ScriptedPool(LONG_S, {PART_S: [WorkerError("died"), WorkerError("died again")]})
    found, _ = whole(pool)
    assert found.frames.time_array().tolist() == [0.0, 2 * PART_S]
    assert "picture: 240 to 480 s could not be looked at: died again" in found.refusals


def test_a_damaged_part_is_not_tried_again():
    pool = ScriptedPool(LONG_S, {PART_S: [MediaError("damaged"), MediaError("damaged")]})
    whole(pool)
    assert pool.asked.count(("examine_part", PART_S)) == 1


def test_references_are_kept_once_and_in_order_even_after_a_death():
    pool, kept = ScriptedPool(LONG_S, {0.0: [WorkerError("died")]}), []
    whole(pool, keep=kept.append)
    assert [one["time_s"] for one in kept] == [0.0, PART_S, 2 * PART_S]


def test_a_picture_has_no_outline():
    assert Examiner(ScriptedPool(1.0), Limits()).outline(Path("a.jpg"), MediaType.JPEG) is None
