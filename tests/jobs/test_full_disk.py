"""A full disk under the output: a clear error, nothing registered, nothing left, the source untouched."""

from __future__ import annotations

import subprocess

import pytest

from provenance.errors import StorageError
from provenance.evidence import SourceType
from provenance.publish import PublishJob
from provenance.signing.claims import SigningRequest
from provenance_cli import demo_media as media
from provenance_cli.exits import ExitCode, of_error

REQUEST = SigningRequest(title="A title", source_type=SourceType.DIGITAL_CAPTURE)


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", disk]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs privileges")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_full_disk_while_signing(newsroom, small_disk):
    source = small_disk / "photo.jpg"
    media.photograph("astronaut.png", source)
    before, size = source.read_bytes(), newsroom.installation.store.head().size
    with pytest.raises(StorageError) as caught:
        newsroom.installation.publisher.publish([PublishJob(source, small_disk / "out.jpg", REQUEST)])
    assert of_error(caught.value) is ExitCode.FAILED
    assert source.read_bytes() == before
    assert [path.name for path in small_disk.iterdir()] == ["photo.jpg"]
    assert newsroom.installation.store.head().size == size
