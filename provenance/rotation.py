"""Changing the ledger key without a moment in which somebody cannot check a checkpoint.

In two steps, with as much time between them as readers, witnesses and mirrors need to learn the new key:

1. :func:`begin` makes the next key. From then on every checkpoint is signed by both, and an entry says so.
2. :func:`finish` makes it the current one. The former key signs no more; what it signed stays believed.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

from provenance import files
from provenance.digest import Digest
from provenance.errors import ConflictError
from provenance.ledger.checkpoint import LogKeys
from provenance.ledger.entry import Entry, EntryType, Payload, sign_entry
from provenance.ledger.registration import Registration
from provenance.settings import Settings
from provenance.setup import VERIFIER_KEY_NAME, Installation, write_verifier_keys
from provenance.signing.keys import LEDGER_KEY, LEDGER_NEXT_KEY, create_next_ledger_key


def begin(settings: Settings) -> LogKeys:
    """Make the next ledger key and log the rotation; return all keys of the log, the current one first.

    Raises:
        OutputExistsError: A rotation is under way.
        KeyMaterialError: The keys are missing or unfit.
        StorageError: Disk full or database locked. The next key may be there already: begin nothing anew,
            the next start signs with both.
    """
    create_next_ledger_key(settings.keys_folder)
    with Installation.open(settings) as installation:
        keys, origin = installation.keys, settings.origin
        if keys.ledger_next is None:
            raise ConflictError("expected the next ledger key, found none", hint="look into the keys folder")
        write_verifier_keys(settings, installation.note_signer.verifier)
        raw = [each.public_key().public_bytes_raw() for each in (keys.ledger, keys.ledger_next)]
        payload = Payload(os.urandom(16), publisher=settings.organisation, reason=f"new key of {origin}")
        now = datetime.now(UTC).replace(microsecond=0)
        refs = tuple(Digest.of(each) for each in raw)
        entry = Entry(EntryType.KEY_ROTATION, payload.commitment(), now, refs=refs)
        installation.log.append([Registration(sign_entry(entry, keys.publisher), payload)])
        return installation.note_signer.verifier


def finish(settings: Settings) -> LogKeys:
    """Make the next ledger key the current one; return all keys of the log, the current one first.

    The former private key is moved to ``ledger-key.retired.pem``: nothing needs it any more.

    Raises:
        ConflictError: No rotation was begun.
        KeyMaterialError: The keys are missing or unfit.
    """
    folder = settings.keys_folder
    current, following = folder / LEDGER_KEY, folder / LEDGER_NEXT_KEY
    if not following.exists():
        raise ConflictError(
            f"expected {LEDGER_NEXT_KEY} in {folder}, found none", hint="begin the rotation first"
        )
    listed = LogKeys.parse((folder / VERIFIER_KEY_NAME).read_text("utf-8", errors="replace"))
    if current.exists():  # not so after a crash between the two steps
        files.move_into_place(current, folder / "ledger-key.retired.pem", replace=True)
    files.move_into_place(following, current, replace=True)
    with Installation.open(settings) as installation:
        signing = installation.note_signer.verifier.keys
        keys = LogKeys((*signing, *(each for each in listed.keys if each not in signing)))
    write_verifier_keys(settings, keys)
    return keys
