"""The box walk takes what it needs from a store and refuses everything odd."""

from __future__ import annotations

import functools
import io
import struct

import c2pa
import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import CredentialError
from provenance.signing import certificates, jumbf, manifest
from tests import signing_media as media

URN = "urn:c2pa:example"


@functools.cache
def store():
    with c2pa.Reader("image/jpeg", io.BytesIO(media.signed()), context=c2pa.Context()) as reader:
        active = media.read(media.signed()).manifest_id
        return manifest._store(reader, active), active


def box(kind, content):
    return struct.pack(">I4s", 8 + len(content), kind) + content


def superbox(label, *content):
    return box(b"jumb", box(b"jumd", b"\0" * 16 + b"\x03" + label.encode() + b"\0") + b"".join(content))


def signature(protected=None, unprotected=None):
    head = cbor2.dumps(protected) if protected is not None else b""
    return box(b"cbor", cbor2.dumps(cbor2.CBORTag(18, [head, unprotected or {}, None, b"s"])))


def made(*boxes):
    return superbox("c2pa", superbox(URN, *boxes))


CLAIM = superbox("c2pa.claim.v2", box(b"cbor", b"claim"))


def test_real_store_gives_claim_and_leaf():
    content, active = store()
    found = jumbf.read_boxes(content, active)
    assert cbor2.loads(found.claim)["dc:title"] == "Harbour at dawn"
    leaf = certificates.parse_certificates(media.ring().signer.certificates_pem)[0]
    assert certificates.to_pem(leaf) == media.ring().signer.certificates_pem[: len(certificates.to_pem(leaf))]
    assert leaf.public_bytes(certificates.serialization.Encoding.DER) == found.chain[0]


def test_store_mark_is_in_every_embedded_store():
    content, _ = store()
    assert content.count(jumbf.STORE_MARK) == 1
    assert manifest.carries_manifest(io.BytesIO(media.signed()))
    assert not manifest.carries_manifest(io.BytesIO(media.sample(media.MediaType.JPEG)))


def test_mark_across_a_block_boundary_is_found():
    for before in range(manifest._BLOCK - len(jumbf.STORE_MARK), manifest._BLOCK + 1):
        assert manifest.carries_manifest(io.BytesIO(b"\0" * before + jumbf.STORE_MARK))


@pytest.mark.parametrize(
    ("protected", "unprotected"),
    [
        ({33: [b"leaf", b"next"]}, {}),
        ({}, {33: [b"leaf", b"next"]}),
        ({}, {"x5chain": [b"leaf", b"next"]}),
    ],
)
def test_chain_is_found_in_either_header(protected, unprotected):
    signed = superbox("c2pa.signature", signature(protected, unprotected))
    assert jumbf.read_boxes(made(CLAIM, signed), URN) == jumbf.ManifestBoxes(b"claim", (b"leaf", b"next"))


def test_one_certificate_needs_no_list():
    signed = superbox("c2pa.signature", signature({33: b"leaf"}))
    assert jumbf.read_boxes(made(CLAIM, signed), URN).chain == (b"leaf",)


@pytest.mark.parametrize(
    "boxes",
    [
        (CLAIM,),
        (superbox("c2pa.signature", signature({33: b"leaf"})),),
        (CLAIM, CLAIM, superbox("c2pa.signature", signature({33: b"leaf"}))),
        (CLAIM, superbox("c2pa.signature", signature({33: b"a"}, {"x5chain": [b"b"]}))),
        (CLAIM, superbox("c2pa.signature", signature({33: b"a"}, {33: b"b"}))),
        (CLAIM, superbox("c2pa.signature", signature({}, {}))),
        (CLAIM, superbox("c2pa.signature", signature({33: "text"}))),
        (CLAIM, superbox("c2pa.signature", signature({33: []}))),
        (CLAIM, superbox("c2pa.signature", signature({33: [b"leaf", "text"]}))),
        (CLAIM, superbox("c2pa.signature", box(b"cbor", b"\xff"))),
        (CLAIM, superbox("c2pa.signature", box(b"cbor", b"\x01"))),
    ],
)
def test_anything_ambiguous_is_refused(boxes):
    with pytest.raises(CredentialError):
        jumbf.read_boxes(made(*boxes), URN)


def test_two_manifests_of_one_name_are_refused():
    whole = superbox(URN, CLAIM, superbox("c2pa.signature", signature({33: b"leaf"})))
    with pytest.raises(CredentialError):
        jumbf.read_boxes(superbox("c2pa", whole, whole), URN)


def test_every_cut_of_a_real_store_is_refused():
    content, active = store()
    for length in range(0, len(content), 37):
        with pytest.raises(CredentialError):
            jumbf.read_boxes(content[:length], active)


@given(st.integers(0, 10**6), st.integers(0, 255))
def test_changed_bytes_are_read_or_refused_never_worse(position, value):
    content, active = store()
    changed = bytearray(content)
    changed[position % len(changed)] = value
    try:
        jumbf.read_boxes(bytes(changed), active)
    except CredentialError:
        return
