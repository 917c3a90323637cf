"""Files appear whole or not at all, and nothing is replaced by accident."""

from __future__ import annotations

import pytest

from provenance import files
from provenance.errors import InputError, OutputExistsError


def test_written_whole_and_no_temporary_left(tmp_path):
    files.write_whole(tmp_path / "a", b"content", replace=False)
    assert (tmp_path / "a").read_bytes() == b"content"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_existing_file_is_kept(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(OutputExistsError):
        files.write_whole(tmp_path / "a", b"new", replace=False)
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_replaced_on_request(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    files.write_whole(tmp_path / "a", b"new", replace=True)
    assert (tmp_path / "a").read_bytes() == b"new"


def test_missing_folder_is_explained(tmp_path):
    with pytest.raises(InputError, match="could not be written") as caught:
        files.write_whole(tmp_path / "none" / "a", b"", replace=False)
    assert caught.value.hint
