from __future__ import annotations

import shutil

import pytest

from provenance.checking import write_report
from provenance.errors import NotFoundError, StorageError
from provenance_api.shelf import FolderShelf
from tests.fakes.reports import film, report

SMALL, LARGE = report(film()), report(film(b"\x89PNG" + bytes(50_000)))


def test_a_report_comes_back_as_it_was_put(tmp_path):
    shelf = FolderShelf(tmp_path / "reports")
    names = [shelf.put(LARGE), shelf.put(SMALL)]
    assert [shelf.get(name) for name in names] == [LARGE, SMALL]
    assert len(set(names)) == 2
    assert all(len(name) == 32 for name in names)
    assert (tmp_path / "reports").stat().st_mode & 0o777 == 0o700


def test_the_shelf_forgets_by_number(tmp_path):
    shelf = FolderShelf(tmp_path, max_reports=3)
    names = [shelf.put(SMALL) for _ in range(4)]
    with pytest.raises(NotFoundError):
        shelf.get(names[0])
    assert all(shelf.get(name) for name in names[1:])
    assert {one.name for one in tmp_path.iterdir()} == set(names[1:])


def test_the_shelf_forgets_by_size(tmp_path):
    shelf = FolderShelf(tmp_path, max_bytes=2 * len(write_report(LARGE)))
    first, second, third = shelf.put(LARGE), shelf.put(LARGE), shelf.put(SMALL)
    with pytest.raises(NotFoundError):
        shelf.get(first)
    assert {one.name for one in tmp_path.iterdir()} == {second, third}


def test_the_shelf_forgets_by_time_and_its_files_go_with_the_sweep(tmp_path):
    now = [0.0]
    shelf = FolderShelf(tmp_path, keep_s=10, clock=lambda: now[0])
    name = shelf.put(SMALL)
    shelf.sweep()
    assert shelf.get(name) == SMALL
    now[0] = 10.0
    with pytest.raises(NotFoundError):
        shelf.get(name)
    shelf.sweep()
    assert not list(tmp_path.iterdir())


def test_no_name_that_was_not_given_out_opens_a_file(tmp_path):
    shelf = FolderShelf(tmp_path / "reports")
    (tmp_path / "secret").write_bytes(write_report(SMALL))
    with pytest.raises(NotFoundError):
        shelf.get("../secret")


def test_a_report_that_cannot_be_written_is_a_storage_error(tmp_path):
    shelf = FolderShelf(tmp_path / "reports")
    shutil.rmtree(tmp_path / "reports")
    with pytest.raises(StorageError):
        shelf.put(SMALL)
