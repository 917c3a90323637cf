from __future__ import annotations

import os

import pytest

from provenance.errors import StorageError, UnavailableError
from provenance_api.places import Places, Space, remove_orphans


def test_places_are_counted_and_given_back():
    places = Places(1)
    with places.taken():
        assert places.used == 1
        with pytest.raises(UnavailableError, match="at most 1 checks"):
            places.enter()
    assert places.used == 0


def test_space_counts_files_on_their_way_and_files_of_jobs(tmp_path):
    (tmp_path / "job").write_bytes(b"x" * 60)
    space = Space(100, tmp_path)
    with space.file() as take:
        take(30)
        assert space.used == 90
        with pytest.raises(StorageError):
            take(11)
    with space.file() as take:
        take(40)


def test_upload_folders_of_killed_processes_are_removed(tmp_path):
    running, killed, mine, other = (
        tmp_path / name
        for name in (f"uploads-{os.getppid()}-a", "uploads-4194999-b", f"uploads-{os.getpid()}-c", "jobs")
    )
    for folder in (running, killed, mine, other):
        folder.mkdir()
        (folder / "file").write_bytes(b"x")
    remove_orphans(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted((running, other)), (
        "an earlier process may have had this number"
    )
