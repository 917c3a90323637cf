"""SR-38 for the ledger: before, during and after a change of its key, everything signed can be checked."""

from __future__ import annotations

import pytest

from provenance.errors import CheckpointError, ConflictError, OutputExistsError
from provenance.ledger.audit import audit
from provenance.ledger.checkpoint import NoteVerifier, open_checkpoint
from provenance.ledger.entry import EntryType, read_entry
from provenance.rotation import begin, finish
from provenance.setup import Installation, initialise
from tests.ledger_made import registration


def sign_one(settings, number):
    with Installation.open(settings) as installation:
        key = installation.keys.publisher
        made = registration(number, key=key, organisation="TEST News")
        return installation.log.append([made])[0].checkpoint


def test_the_three_eras_of_a_rotation(tmp_path):
    settings = initialise(tmp_path, "TEST News")
    public = settings.keys_folder / "ledger-key.vkey"
    old = NoteVerifier.parse(public.read_text().split()[0])
    with pytest.raises(ConflictError):
        finish(settings)
    before = sign_one(settings, 1)

    keys = begin(settings)
    new = keys.keys[1]
    assert public.read_text().split() == [each.vkey for each in keys.keys]
    with pytest.raises(OutputExistsError):
        begin(settings)
    during = sign_one(settings, 2)
    assert open_checkpoint(during, old) == open_checkpoint(during, new)

    keys = finish(settings)
    assert (keys.keys[0], keys.keys[-1]) == (new, old)
    after = sign_one(settings, 3)
    assert open_checkpoint(after, new).size == 4
    with pytest.raises(CheckpointError):
        open_checkpoint(after, old)
    for note in (before, during, after):
        open_checkpoint(note, keys)
    with Installation.open(settings) as installation:
        assert audit(installation.store, installation.log.verifier).checkpoints == 4
        [(_, _, leaf)] = installation.store.leaves(1, 2)
        assert read_entry(leaf).type is EntryType.KEY_ROTATION
        assert len(read_entry(leaf).refs) == 2
    assert (settings.keys_folder / "ledger-key.retired.pem").stat().st_mode & 0o777 == 0o600


def test_a_finish_that_was_interrupted_is_finished(tmp_path):
    settings = initialise(tmp_path, "TEST News")
    new = begin(settings).keys[1]
    (settings.keys_folder / "ledger-key.pem").rename(settings.keys_folder / "ledger-key.retired.pem")
    assert finish(settings).keys[0] == new
    assert open_checkpoint(sign_one(settings, 1), new).size == 2
