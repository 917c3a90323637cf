from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest

from provenance.backup import back_up, restore
from provenance.errors import ConfigError, ConflictError, FormatError, OutputExistsError, VerificationError
from provenance.publish import PublishJob
from provenance.record import SourceType
from provenance.setup import Installation, initialise
from provenance.signing.claims import SigningRequest
from tests.fakes.pictures import encoded, photograph


def _publish(installation, folder, number: int):
    source = folder / f"{number}.jpg"
    source.write_bytes(encoded(photograph().rotate(number * 9), quality=80))
    request = SigningRequest(title=str(number), source_type=SourceType.DIGITAL_CAPTURE)
    [made] = installation.publisher.publish([PublishJob(source, folder / f"{number}.signed.jpg", request)])
    return made


@pytest.fixture
def settings(tmp_path):
    return initialise(tmp_path / "here", "TEST News")


def _lost(settings):
    for name in ("registry.db", "registry.db-wal", "registry.db-shm"):
        (settings.root / name).unlink(missing_ok=True)


def test_a_lost_registry_comes_back_and_still_verifies(settings, tmp_path):
    with Installation.open(settings) as installation:
        made = _publish(installation, tmp_path, 1)
        said = back_up(settings, tmp_path / "backup")
    assert said["entries"] == 1
    _lost(settings)
    assert restore(settings, tmp_path / "backup") == 1
    with Installation.open(settings) as installation:
        assert installation.verifier.verify(made.output).verdict.code == "intact"
        assert installation.store.record(made.record.asset_id) == made.record
        _publish(installation, tmp_path, 2)
        assert installation.log.audit().size == 2


def test_a_backup_is_consistent_while_others_write(settings, tmp_path):
    with Installation.open(settings) as installation:
        _publish(installation, tmp_path, 1)
        writing = threading.Thread(target=lambda: [_publish(installation, tmp_path, n) for n in (2, 3, 4)])
        writing.start()
        back_up(settings, tmp_path / "backup")
        writing.join()
    elsewhere = replace(settings, root=tmp_path / "there", keys=settings.keys_folder)
    elsewhere.root.mkdir()
    assert 1 <= restore(elsewhere, tmp_path / "backup") <= 4


def test_a_changed_backup_is_refused_and_leaves_nothing(settings, tmp_path):
    with Installation.open(settings) as installation:
        _publish(installation, tmp_path, 1)
    back_up(settings, tmp_path / "backup")
    _lost(settings)
    copy = tmp_path / "backup" / "registry.db"
    content = bytearray(copy.read_bytes())
    content[-100] ^= 1
    copy.write_bytes(content)
    with pytest.raises(VerificationError):
        restore(settings, tmp_path / "backup")
    assert not (settings.root / "registry.db").exists()


def test_an_old_backup_is_refused_where_a_newer_mark_lies_case_105(settings, tmp_path):
    with Installation.open(settings) as installation:
        _publish(installation, tmp_path, 1)
        back_up(settings, tmp_path / "backup")
        _publish(installation, tmp_path, 2)
    _lost(settings)
    with pytest.raises(ConflictError):
        restore(settings, tmp_path / "backup")
    assert not (settings.root / "registry.db").exists()


def test_nothing_is_overwritten(settings, tmp_path):
    back_up(settings, tmp_path / "backup")
    with pytest.raises(OutputExistsError):
        back_up(settings, tmp_path / "backup")
    with pytest.raises(OutputExistsError):
        restore(settings, tmp_path / "backup")


def test_other_folders_and_databases_are_refused(settings, tmp_path):
    _lost(settings)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError):
        restore(settings, tmp_path / "empty")
    (tmp_path / "empty" / "backup.json").write_text(json.dumps({"version": 9, "files": {}}))
    with pytest.raises(FormatError):
        restore(settings, tmp_path / "empty")
    with pytest.raises(ConfigError):
        back_up(replace(settings, database_url="postgresql+psycopg://x/y"), tmp_path / "b")
