from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from provenance.errors import StorageError, UnavailableError
from provenance_api import places as places_module
from provenance_api.places import Places, Space, remove_orphans, upload_folder


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


def _kill_while_it_receives(spool):
    """Let another process hold an upload folder with a file in it, kill it, and return the folder."""
    script = (
        "import pathlib, sys, time\nfrom provenance_api.places import upload_folder\n"
        "with upload_folder(pathlib.Path(sys.argv[1])) as folder:\n"
        "    (folder / 'file').write_bytes(b'x'); print(folder.parent, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, spool], stdout=subprocess.PIPE, text=True
    ) as process:
        folder = Path(process.stdout.readline().strip())
        process.kill()
    return folder


def test_upload_folders_of_killed_processes_are_removed_and_others_stay(tmp_path, monkeypatch):
    """Also where the processes run in containers that share the spool: numbers of processes say nothing there."""
    (tmp_path / "jobs").mkdir()
    killed = _kill_while_it_receives(tmp_path)
    assert (killed / "files" / "file").exists()
    with upload_folder(tmp_path) as mine:
        remove_orphans(tmp_path)
        assert killed.exists(), "it may be one that is just being made"
        monkeypatch.setattr(places_module, "_YOUNG_S", -1.0)
        remove_orphans(tmp_path)
        assert not killed.exists()
        assert mine.is_dir()
    assert [each.name for each in tmp_path.iterdir()] == ["jobs"]
