"""Small tasks around the decoders, for the tests that send hostile media through real workers."""

import numpy as np

from provenance.media import decode
from provenance.media.asset import MediaType


def _type(job):
    return MediaType(job.params["media_type"])


def picture(job):
    found = decode.read_picture(job.files[0], _type(job), job.limits, job.params.get("max_side"))
    return {
        "size": [found.width, found.height],
        "shape": list(found.rgb.shape),
        "mean": [float(value) for value in found.rgb.mean(axis=(0, 1))],
        "notes": list(found.notes),
    }


def probe(job):
    found = decode.probe(job.files[0], _type(job), job.limits)
    return {
        "duration_s": found.duration_s,
        "size": [found.width, found.height],
        "picture": found.has_picture,
        "sound": found.has_sound,
        "notes": list(found.notes),
    }


def frames(job):
    return [[time, list(rgb.shape)] for time, rgb in decode.read_frames(job.files[0], limits=job.limits)]


def sound(job):
    return int(sum(len(chunk) for chunk in decode.read_sound(job.files[0], limits=job.limits)))


def encode(job):
    rgb = np.full((32, 32, 3), 90, np.uint8)
    made = [decode.encode_webp(rgb), decode.encode_png(rgb), decode.encode_jpeg(rgb)]
    return [one[:4] for one in made]


TASKS = {f.__name__: f for f in (picture, probe, frames, sound, encode)}
