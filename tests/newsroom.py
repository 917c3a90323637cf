"""An installation with a published photograph, generated picture, film and recording, for tests of the jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from provenance.evidence import SourceType
from provenance.publish import Published, PublishJob
from provenance.setup import Installation, initialise
from provenance.signing.claims import SigningRequest
from provenance_cli import demo_media as media
from tests.postgres import chosen_url


@dataclass
class Newsroom:
    """An installation and what it published."""

    installation: Installation
    folder: Path
    photo: Published
    generated: Published
    film: Published
    recording: Published

    def verify(self, path):
        return self.installation.verifier.verify(path)


@contextmanager
def opened(folder: Path) -> Iterator[Newsroom]:
    """Give a newsroom with four published assets; a module that registers what others show takes its own."""
    with Installation.open(initialise(folder, "TEST News", database_url=chosen_url())) as installation:
        media.photograph("astronaut.png", folder / "photo.jpg")
        media.generated_picture(folder / "generated.png")
        film, recording = (
            media.sample("iscc-samples", "video/demo.mp4"),
            media.sample("iscc-samples", "audio/demo.wav"),
        )
        captured = SourceType.DIGITAL_CAPTURE
        requests = {
            folder / "photo.jpg": SigningRequest(title="Astronaut", source_type=captured),
            folder / "generated.png": SigningRequest(
                title="Waves", source_type=SourceType.TRAINED_ALGORITHMIC, model="wave-painter 1.0"
            ),
            film: SigningRequest(title="Film", source_type=captured),
            recording: SigningRequest(title="Recording", source_type=captured),
        }
        jobs = [PublishJob(path, folder / f"signed-{path.name}", made) for path, made in requests.items()]
        published = installation.publisher.publish(jobs)
        yield Newsroom(installation, folder, *published)
