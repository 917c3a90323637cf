"""Entries: one deterministic spelling, signed by their publisher."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from provenance.digest import Digest
from provenance.errors import FormatError, KeyMaterialError, ReceiptError
from provenance.ledger import cose
from provenance.ledger.entry import (
    Entry,
    EntryType,
    Payload,
    open_entry,
    publisher_of,
    read_entry,
    sign_entry,
)
from tests.ledger_made import NOW, PUBLISHER_KEY, RIVAL_KEY, registration, seed

ENTRY = read_entry(registration(1).leaf)
LEAF = registration(1).leaf
P256 = ec.derive_private_key(int.from_bytes(seed("p256")), ec.SECP256R1())
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def changed(key: int, value: object) -> bytes:
    fields = cbor2.loads(ENTRY.to_cbor())
    if value is None:
        del fields[key]
    else:
        fields[key] = value
    return cbor2.dumps(fields, canonical=True)


def test_an_entry_survives_its_cbor():
    assert Entry.from_cbor(ENTRY.to_cbor()) == ENTRY
    bare = Entry(EntryType.POLICY, None, NOW)
    assert Entry.from_cbor(bare.to_cbor()) == bare


def test_the_keys_are_those_of_the_format():
    fields = cbor2.loads(ENTRY.to_cbor())
    assert fields[1] == 1
    assert fields[2] == "register"
    assert fields[3] == ENTRY.asset.value
    assert fields[4] == ENTRY.manifest_store.value
    assert fields[5] == ENTRY.claim.value
    assert fields[6] == "urn:c2pa:00000001"
    assert fields[7] == ENTRY.payload.value
    assert fields[8] == ENTRY.certificate.value
    assert (fields[9], fields[10]) == ("digitalCapture", "image/jpeg")
    assert fields[11] == int(NOW.timestamp())
    assert 12 not in fields
    assert fields[13] == ENTRY.bound


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xa0",
        b"\x80",
        ENTRY.to_cbor() + b"\x00",
        ENTRY.to_cbor()[:-1],
        changed(1, 2),
        changed(1, True),
        changed(2, "invented"),
        changed(3, b"short"),
        changed(3, "text"),
        changed(7, None),
        changed(11, None),
        changed(11, -1),
        changed(11, 1 << 40),
        changed(11, 1.5),
        changed(12, []),
        changed(12, [b"short"]),
        changed(12, ["text"]),
        changed(13, b""),
        changed(14, 1),
        changed(6, "line\nbreak"),
        changed(6, "x" * 1025),
        changed(10, "text/html"),
        b"\xad" + ENTRY.to_cbor()[1:] + b"\xf5\x01",  # true as a key beside 1
        b"\xac" + ENTRY.to_cbor()[3:] + b"\xf5\x01",  # true as a key in place of 1
        b"\xbf" + ENTRY.to_cbor()[1:] + b"\xff",
    ],
)
def test_any_other_spelling_is_refused(content):
    """SR-20."""
    with pytest.raises(FormatError):
        Entry.from_cbor(content)


def test_another_order_of_the_keys_is_refused():
    fields = cbor2.loads(ENTRY.to_cbor())
    with pytest.raises(FormatError, match="deterministic"):
        Entry.from_cbor(cbor2.dumps(dict(reversed(fields.items()))))


def test_deep_and_cyclic_cbor_is_refused():
    for content in (b"\x81" * 64 + b"\x01", b"\xd8\x1c\x81\xd8\x1d\x00"):
        with pytest.raises(FormatError):
            cose.decode(content, 1000)


@pytest.mark.parametrize(
    "change",
    [
        {"declared_at": datetime(2026, 1, 1)},  # noqa: DTZ001 - that is what is refused
        {"declared_at": NOW + timedelta(microseconds=1)},
        {"type": EntryType.WITHDRAW},
        {"type": EntryType.SUPERSEDE},
        {"type": EntryType.REVOKE_KEY, "refs": (Digest(bytes(32)),)},
        {"asset": None},
        {"payload": None},
        {"certificate": None},
        {"bound": b"short"},
    ],
)
def test_entries_that_make_no_sense_cannot_be_made(change):
    with pytest.raises(ValueError, match=r"entry|registration|bound"):
        replace(ENTRY, **change)


def test_declared_times_are_kept_in_utc():
    east = replace(ENTRY, declared_at=NOW.astimezone(timezone(timedelta(hours=9))))
    assert east.to_cbor() == ENTRY.to_cbor()
    assert Entry.from_cbor(east.to_cbor()).declared_at.tzinfo is UTC


@pytest.mark.parametrize("key", [PUBLISHER_KEY, P256])
def test_a_signed_entry_opens_with_its_key_only(key):
    """SR-28."""
    leaf = sign_entry(ENTRY, key)
    assert open_entry(leaf, key.public_key()) == ENTRY
    assert publisher_of(leaf) == cose.key_thumbprint(key.public_key())
    with pytest.raises(ReceiptError, match="signed by key"):
        open_entry(leaf, RIVAL_KEY.public_key())


def test_a_curve_that_no_verifier_knows_is_refused():
    with pytest.raises(KeyMaterialError, match="P-256"):
        sign_entry(ENTRY, ec.generate_private_key(ec.SECP384R1()))


def test_the_second_spelling_of_an_es256_signature_is_refused():
    leaf = sign_entry(ENTRY, P256)
    message = cbor2.loads(leaf)
    r, s = message.value[3][:32], int.from_bytes(message.value[3][32:])
    parts = [*message.value[:3], r + (ORDER - s).to_bytes(32)]
    with pytest.raises(ReceiptError, match="lower"):
        open_entry(cbor2.dumps(cbor2.CBORTag(18, parts), canonical=True), P256.public_key())


def test_signatures_are_raw_numbers_of_fixed_length():
    signature = cbor2.loads(sign_entry(ENTRY, P256)).value[3]
    assert len(signature) == 64
    with pytest.raises(ValueError, match=r"."):
        decode_dss_signature(signature)


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, b""), (1, {1: 1}), (1, []), (2, None), (3, b""), (3, bytes(63)), (0, cbor2.dumps({1: -8}))],
)
def test_another_cose_message_is_refused(place, value):
    parts = list(cbor2.loads(LEAF).value)
    parts[place] = value
    with pytest.raises(FormatError):
        open_entry(cbor2.dumps(cbor2.CBORTag(18, parts), canonical=True), PUBLISHER_KEY.public_key())
    with pytest.raises(FormatError):
        open_entry(cbor2.dumps(parts, canonical=True), PUBLISHER_KEY.public_key())


def test_the_signature_covers_the_algorithm():
    parts = list(cbor2.loads(LEAF).value)
    parts[0] = cbor2.dumps({1: -7, 4: publisher_of(LEAF).value}, canonical=True)
    with pytest.raises(ReceiptError):
        open_entry(cbor2.dumps(cbor2.CBORTag(18, parts), canonical=True), PUBLISHER_KEY.public_key())


def test_a_leaf_of_64_kib_is_refused():
    many = tuple(Digest(seed(n)) for n in range(64))
    assert len(sign_entry(replace(ENTRY, refs=many), PUBLISHER_KEY)) < 1 << 16
    with pytest.raises(ValueError, match="0 to 64 references"):
        replace(ENTRY, refs=(*many, many[0]))
    with pytest.raises(FormatError, match="at most"):
        read_entry(bytes(1 << 16))


def test_keys_survive_their_bytes():
    for key in (PUBLISHER_KEY.public_key(), P256.public_key()):
        assert cose.key_bytes(cose.key_from_bytes(cose.key_bytes(key))) == cose.key_bytes(key)
    for content in (b"", bytes(33), b"\x04" + bytes(64)):
        with pytest.raises(FormatError):
            cose.key_from_bytes(content)


# --- payload ---

PAYLOAD = Payload(bytes(16), "title", "TEST Gazette", "model", "reason", 12.5, 640, 480)


def test_a_payload_survives_its_cbor():
    assert Payload.from_cbor(PAYLOAD.salt, PAYLOAD.to_cbor()) == PAYLOAD
    assert Payload.from_cbor(bytes(16), Payload(bytes(16)).to_cbor()) == Payload(bytes(16))


def test_the_salt_hides_what_is_committed_to():
    """SR-30: the same words under another salt give an unrelated commitment."""
    assert PAYLOAD.commitment() != replace(PAYLOAD, salt=bytes(15) + b"\x01").commitment()
    assert PAYLOAD.commitment() == Digest.of(PAYLOAD.salt + PAYLOAD.to_cbor())


@pytest.mark.parametrize(
    "change",
    [
        {"salt": bytes(15)},
        {"title": "a\x00b"},
        {"title": "x" * 1025},
        {"duration_s": float("nan")},
        {"duration_s": -1.0},
        {"width": 0},
    ],
)
def test_payloads_that_make_no_sense_cannot_be_made(change):
    with pytest.raises(ValueError, match=r"salt|title|duration|side"):
        replace(PAYLOAD, **change)
    if "salt" not in change:
        fields = cbor2.loads(PAYLOAD.to_cbor())
        fields[{"title": 1, "duration_s": 5, "width": 6}[next(iter(change))]] = next(iter(change.values()))
        with pytest.raises(FormatError):
            Payload.from_cbor(bytes(16), cbor2.dumps(fields, canonical=True))
