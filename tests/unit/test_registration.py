"""What a leaf commits to: every code, time and reference byte, in order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provenance.errors import FormatError
from provenance.ledger.cose import key_bytes, split
from provenance.ledger.entry import MAX_LEAF_BYTES, EntryType
from provenance.ledger.registration import (
    StoredFingerprint,
    StoredReference,
    examine,
    fingerprints_digest,
    references_digest,
)
from tests.ledger_made import NOW, ORGANISATION, PUBLISHER_KEY, registration, statement

CODES = (StoredFingerprint("pdq256-v1", b"one", 0.0, 90), StoredFingerprint("pdq256-v1", b"two", 0.5, 91))
BLOBS = (StoredReference("frames", b"one", 0.0), StoredReference("logmel", b"two"))


def examined(made):
    leaf = split(made.leaf, MAX_LEAF_BYTES)
    return examine(made, leaf, key_bytes(PUBLISHER_KEY.public_key()), ORGANISATION)


@pytest.mark.parametrize(
    "other",
    [
        CODES[::-1],
        CODES[:1],
        (replace(CODES[0], value=b"One"), CODES[1]),
        (replace(CODES[0], algorithm="pdq256-v2"), CODES[1]),
        (replace(CODES[0], time_s=None), CODES[1]),
        (replace(CODES[0], quality=None), CODES[1]),
    ],
)
def test_the_digest_covers_every_part_of_every_code(other):
    assert fingerprints_digest(other) != fingerprints_digest(CODES)


@pytest.mark.parametrize(
    "other",
    [
        BLOBS[::-1],
        BLOBS[1:],
        (replace(BLOBS[0], blob=b"One"), BLOBS[1]),
        (replace(BLOBS[0], kind="picture"), BLOBS[1]),
        (replace(BLOBS[0], time_s=1.0), BLOBS[1]),
    ],
)
def test_the_digest_covers_every_part_of_every_reference(other):
    assert references_digest(other) != references_digest(BLOBS)


def test_whole_seconds_have_one_digest_as_int_and_float():
    assert fingerprints_digest((replace(CODES[0], time_s=3),)) == fingerprints_digest(
        (replace(CODES[0], time_s=3.0),)
    )


def test_nothing_has_no_digest():
    assert fingerprints_digest(()) is references_digest(()) is None


@pytest.mark.parametrize("algorithm", ["", "x" * 33])
def test_codes_and_references_have_short_names(algorithm):
    with pytest.raises(ValueError, match="1 to 32"):
        StoredFingerprint(algorithm, b"one")
    with pytest.raises(ValueError, match="1 to 32"):
        StoredReference(algorithm, b"one")
    with pytest.raises(ValueError, match="value"):
        StoredFingerprint("pdq256-v1", b"")


def test_an_examined_registration_gives_its_record():
    record = examined(registration(1)).record(7, NOW)
    assert (record.index, record.title, record.registered_at) == (7, "picture 1", NOW)


def test_a_statement_has_no_record():
    reference = "sha256:" + "0" * 64
    with pytest.raises(FormatError, match="registers an asset"):
        examined(statement(EntryType.DISPUTE, reference)).record(0, NOW)
