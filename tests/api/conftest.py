"""A real service on a local port over a real installation with one registered photograph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from provenance.publish import Published, PublishJob
from provenance.record import SourceType
from provenance.remembered import Remembered
from provenance.setup import initialise
from provenance.signing.claims import SigningRequest
from provenance_api.app import create_app
from tests.fakes.pictures import encoded, photograph
from tests.postgres import chosen_url
from tests.running import running


@dataclass(frozen=True)
class Service:
    """A running service and what was published in it."""

    app: FastAPI
    client: httpx.Client
    published: Published
    port: int

    @property
    def uploads(self) -> Path:
        return self.app.state.wiring.folder


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    settings = initialise(folder, "Example <News> TEST", database_url=chosen_url())
    app = create_app(settings)
    with running(app) as port:
        source, output = folder / "astronaut.jpg", folder / "astronaut.signed.jpg"
        source.write_bytes(encoded(photograph(), quality=92))
        request = SigningRequest(
            title="Portrait </title><script>alert(1)</script>", source_type=SourceType.DIGITAL_CAPTURE
        )
        [published] = app.state.wiring.installation.publisher.publish([PublishJob(source, output, request)])
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            yield Service(app, client, published, port)


@pytest.fixture(autouse=True)
def nothing_kept(service: Service) -> None:
    """Each test asks anew: no report is answered from memory of another test."""
    checking = service.app.state.wiring.installation.checking
    checking._remembered = Remembered(checking.REMEMBERED_BYTES)


@pytest.fixture
def client(service: Service) -> httpx.Client:
    return service.client


@pytest.fixture(scope="session")
def signed(service: Service) -> bytes:
    return service.published.output.read_bytes()


@pytest.fixture(scope="session")
def altered() -> bytes:
    """The photograph with another region pasted over the face, re-encoded."""
    image = photograph()
    image.paste(image.crop((0, 300, 120, 420)), (170, 50))
    return encoded(image, quality=85)
