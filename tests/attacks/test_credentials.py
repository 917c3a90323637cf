"""Signed files changed, spliced, re-signed or made to call out: what a reader is told.

Names of the form ``case_NN`` and ``srNN`` are the numbers of docs/threat-model.md.
"""

from __future__ import annotations

import base64
import io
import json
import socket
import struct
import threading
import time
import zipfile
import zlib
from datetime import UTC, datetime, timedelta

import cbor2
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from PIL import Image

from provenance.digest import Digest
from provenance.errors import ConfigError, KeyMaterialError
from provenance.evidence import CredentialState, IngredientState, MediaType
from provenance.settings import Settings
from provenance.signing import certificates, manifest
from provenance.signing.claims import build_definition
from provenance.signing.credential import credential_from
from provenance.signing.keys import FileSigner
from tests import signing_media as media

BMFF = (MediaType.AVIF, MediaType.HEIC, MediaType.MP4, MediaType.MOV, MediaType.M4A)
FORMATS = sorted(manifest.SIGNABLE)


def signer_of(chain, key):
    leaf = chain[0]
    digest = Digest(leaf.fingerprint(hashes.SHA256()))
    return FileSigner(key, certificates.to_pem(*chain), digest, leaf.not_valid_after_utc)


def trusting(root, kind="manifest"):
    pem = certificates.to_pem(root).decode()
    return {"lists": [{"name": "own", "kind": kind, "uri": "urn:provenance:trust:own", "pem": pem}]}


def flip(content, position, bits=1):
    changed = bytearray(content)
    changed[position] ^= bits
    return bytes(changed)


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


# --- content


@pytest.mark.parametrize("kind", FORMATS)
def test_case_05_changed_content_is_unbound(kind):
    original, signed = media.sample(kind), media.signed(kind)
    at = signed.find(original[len(original) * 2 // 3 :][:16])
    assert at > 0
    found = media.read(flip(signed, at + 8), kind)
    assert found.state is CredentialState.UNBOUND
    assert found.bound_digest is None


@pytest.mark.parametrize(
    ("kind", "tail"),
    [
        (MediaType.JPEG, b"appended"),
        (MediaType.JPEG, "zip"),
        (MediaType.PNG, b"appended"),
        (MediaType.GIF, b"appended"),
        (MediaType.MP4, struct.pack(">I4s", 16, b"mdat") + b"appended"),
        (MediaType.AVIF, struct.pack(">I4s", 16, b"mdat") + b"appended"),
    ],
)
def test_cases_06_07_11_appended_bytes_are_unbound(kind, tail):
    if tail == "zip":
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w") as archive:
            archive.writestr("run.js", "alert(1)")
        tail = sink.getvalue()
    assert media.read(media.signed(kind) + tail, kind).state is CredentialState.UNBOUND


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("cut", [10, 100])
def test_case_04_shortened_file_never_holds(kind, cut):
    found = media.read(media.signed(kind)[:-cut], kind)
    assert found.state in (CredentialState.UNBOUND, CredentialState.INCONCLUSIVE)


def test_case_04_shortened_jpeg_is_unbound():
    assert media.read(media.signed()[:-10]).state is CredentialState.UNBOUND


def test_case_12_added_exif_segment_is_unbound():
    signed = media.signed()
    segment = b"\xff\xe1" + struct.pack(">H", 2 + 6 + 8) + b"Exif\0\0" + b"II*\0\x08\0\0\0"
    assert media.read(signed[:2] + segment + signed[2:]).state is CredentialState.UNBOUND


def test_case_13_added_png_text_is_unbound():
    signed = media.signed(MediaType.PNG)
    body = b"tEXtComment\0added"
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    at = signed.index(b"IEND") - 4
    assert media.read(signed[:at] + chunk + signed[at:], MediaType.PNG).state is CredentialState.UNBOUND


@pytest.mark.parametrize("kind", [MediaType.WEBP, MediaType.WAV, MediaType.AVI])
def test_case_14_added_riff_chunk_is_unbound(kind):
    signed = media.signed(kind)
    grown = signed + b"LIST" + struct.pack("<I", 4) + b"INFO"
    grown = grown[:4] + struct.pack("<I", len(grown) - 8) + grown[8:]
    assert media.read(grown, kind).state is CredentialState.UNBOUND


def test_case_58_manifest_of_another_picture_is_unbound():
    # Both samples begin with the same bytes up to the manifest, so the splice keeps every offset.
    sink = io.BytesIO()
    Image.fromarray(media._picture(7)).save(sink, "JPEG")
    other, signed = sink.getvalue(), media.signed()
    inserted = len(signed) - len(media.sample(MediaType.JPEG))
    assert other[:20] == signed[:20]
    spliced = signed[: 20 + inserted] + other[20:]
    assert (pixels(spliced) == pixels(other)).all()
    assert media.read(spliced).state is CredentialState.UNBOUND


@pytest.mark.parametrize("kind", FORMATS)
def test_stripped_credentials_are_absent(kind):
    assert media.read(media.sample(kind), kind).state is CredentialState.ABSENT


def test_re_encoded_picture_is_absent():
    sink = io.BytesIO()
    Image.open(io.BytesIO(media.signed())).save(sink, "JPEG", quality=80)
    assert media.read(sink.getvalue()).state is CredentialState.ABSENT


# --- bytes that no signature covers


def test_case_08_html_in_the_padding_leaves_the_bound_content():
    signed = media.signed()
    at = signed.index(b"\0" * 4000) + 500
    html = b"<script>alert(1)</script>"
    changed = signed[:at] + html + signed[at + len(html) :]
    before, after = media.read(signed), media.read(changed)
    assert after.state is CredentialState.TRUSTED
    assert after.bound_digest == before.bound_digest
    assert Digest.of(changed) != Digest.of(signed)
    assert (pixels(changed) == pixels(signed)).all()
    assert "script" not in repr(after)


@pytest.mark.parametrize("kind", BMFF)
def test_case_09_script_in_a_free_box_leaves_the_bound_content(kind):
    signed = media.signed(kind)
    changed = signed + struct.pack(">I4s", 33, b"free") + b"<script>alert(1)</script>"
    after = media.read(changed, kind)
    assert after.state is CredentialState.TRUSTED
    assert after.bound_digest == media.read(signed, kind).bound_digest
    assert "script" not in repr(after)


@pytest.mark.parametrize("kind", BMFF)
def test_case_10_changed_brand_leaves_the_bound_content(kind):
    signed = media.signed(kind)
    after = media.read(flip(signed, 15), kind)  # last byte of the minor version or brand in ftyp
    assert after.state in (CredentialState.TRUSTED, CredentialState.UNBOUND)
    if after.state is CredentialState.TRUSTED:
        assert after.bound_digest == media.read(signed, kind).bound_digest


def test_no_flip_outside_the_picture_changes_what_is_seen():
    signed = media.signed()
    shown = pixels(signed)
    places = np.random.default_rng(5).integers(0, len(signed), 300)
    for at in places:
        changed = flip(signed, int(at), 0x10)
        if media.read(changed).state is CredentialState.TRUSTED:
            assert (pixels(changed) == shown).all()


# --- the manifest itself


@pytest.mark.parametrize("occurrence", [0, 1])
def test_changed_claim_or_assertion_is_tampered(occurrence):
    signed = media.signed()
    places = [at for at in range(len(signed)) if signed.startswith(b"Harbour at dawn", at)]
    assert len(places) == 2
    found = media.read(flip(signed, places[occurrence], 0x20))
    assert found.state is CredentialState.TAMPERED
    assert found.bound_digest is None


@pytest.mark.parametrize("kind", FORMATS)
def test_changed_title_is_tampered_in_every_format(kind):
    signed = media.signed(kind)
    found = media.read(flip(signed, signed.index(b"Harbour at dawn"), 0x20), kind)
    assert found.state is CredentialState.TAMPERED


def test_case_40_unknown_authority_with_the_same_names_is_unrecognized():
    issued = certificates.issue_test_chain("TEST Newsroom", media.NOW)
    found = media.read(
        media.sign(media.sample(MediaType.JPEG), keys=signer_of(issued.chain, issued.leaf_key))
    )
    assert found.issuer == "TEST Newsroom"
    assert found.state is CredentialState.UNRECOGNIZED
    assert found.trust_list is None
    assert any(code.code == "signingCredential.untrusted" for code in found.codes)


def test_case_42_test_authority_is_on_no_other_list():
    assert media.read(media.signed(), plain=media.NOBODY).state is CredentialState.UNRECOGNIZED


def test_sr02_root_listed_for_time_only_vouches_for_no_signer():
    plain = {"lists": [{**media.trust()["lists"][0], "kind": "tsa"}]}
    found = media.read(media.signed(), plain=plain)
    assert any(code.code == "signingCredential.trusted" for code in found.codes)
    assert found.state is CredentialState.UNRECOGNIZED
    assert found.trust_list is None


def test_case_47_expired_certificate_without_trusted_time_is_expired():
    now = datetime.now(UTC)
    issued = certificates.issue_test_chain("Newsroom", now, leaf_life=timedelta(seconds=2))
    content = media.sign(media.sample(MediaType.JPEG), keys=signer_of(issued.chain, issued.leaf_key))
    plain = trusting(issued.root)
    assert media.read(content, plain=plain).state is CredentialState.TRUSTED
    time.sleep(max(0.0, (now + timedelta(seconds=3.2) - datetime.now(UTC)).total_seconds()))
    assert media.read(content, plain=plain).state is CredentialState.EXPIRED


def chain_with(uses, key=None):
    """A chain like the TEST one, whose leaf has other extended uses."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    root, middle, leaf = (certificates._name("TEST Newsroom", f"TEST {role}") for role in "abc")
    validity = (media.NOW, media.NOW + timedelta(days=30))
    top = certificates._authority(root, keys[0], root, keys[0], validity, path_length=None)
    between = certificates._authority(middle, keys[1], root, keys[0], validity, path_length=0)
    builder = (
        certificates._certificate(leaf, keys[2], middle, keys[1], validity)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(certificates._usage(authority=False), critical=True)
    )
    if uses:
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    return top, signer_of((builder.sign(keys[1], hashes.SHA256()), between), keys[2])


def test_case_52_email_protection_alone_is_the_legacy_tier():
    root, signer = chain_with([ExtendedKeyUsageOID.EMAIL_PROTECTION])
    found = media.read(media.sign(media.sample(MediaType.JPEG), keys=signer), plain=trusting(root))
    assert found.state is CredentialState.TRUSTED
    assert found.tier == "legacy"
    assert any("older kind" in note for note in found.notes)


@pytest.mark.parametrize("uses", [[], [ExtendedKeyUsageOID.SERVER_AUTH], [ExtendedKeyUsageOID.CODE_SIGNING]])
def test_case_51_other_uses_cannot_sign(uses):
    _, signer = chain_with(uses)
    with pytest.raises(KeyMaterialError):
        media.sign(media.sample(MediaType.JPEG), keys=signer)


@pytest.mark.parametrize("name", ["verify_trust", "trust_config"])
def test_case_41_trust_cannot_be_switched_off_by_a_setting(name, tmp_path):
    path = tmp_path / "provenance.toml"
    path.write_text(f"{name} = false\n")
    with pytest.raises(ConfigError, match=f"unknown setting '{name}'"):
        Settings.load({}, path)


# --- ingredients


@pytest.mark.parametrize("place", ["content", "claim"])
def test_sr09_tampered_parent_is_not_hidden_by_a_good_manifest(place):
    signed = media.signed()
    at = len(signed) - 200 if place == "content" else signed.index(b"Harbour at dawn")
    found = media.read(media.sign(flip(signed, at, 0x20), title="Second"))
    assert found.state is CredentialState.TAMPERED
    assert found.ingredients is IngredientState.FAILED
    assert any("do not hold" in note for note in found.notes)


def test_sr09_tampered_grandparent_is_not_hidden_either():
    signed = media.signed()
    parent = media.sign(flip(signed, len(signed) - 200), title="Second")
    found = media.read(media.sign(parent, title="Third"))
    assert found.state is CredentialState.TAMPERED
    assert len(found.ingredient_ids) == 2


def test_sr09_parent_of_an_unknown_issuer_is_said():
    issued = certificates.issue_test_chain("Elsewhere", media.NOW)
    parent = media.sign(media.sample(MediaType.JPEG), keys=signer_of(issued.chain, issued.leaf_key))
    found = media.read(media.sign(parent, title="Second"))
    assert found.state is CredentialState.TRUSTED
    assert found.ingredients is IngredientState.UNRECOGNIZED
    assert any("no recognised credentials" in note for note in found.notes)


def test_case_62_chain_beyond_the_depth_limit_is_inconclusive(monkeypatch):
    monkeypatch.setattr("provenance.signing.describe.MAX_DEPTH", 2)
    content = media.signed()
    for number in range(3):
        content = media.sign(content, title=f"Edit {number}")
    found = media.read(content)
    assert found.state is CredentialState.INCONCLUSIVE
    assert any("too long to be followed" in note for note in found.notes)


# --- text


HOSTILE = "<script>alert(1)</script>\r\nSet-Cookie: a=b\u202egpj.exe\0\x1b[2J"


def test_sr18_case_98_hostile_text_in_a_manifest_comes_out_clean():
    definition = build_definition(media.request(), media.NOW)
    definition["title"] = HOSTILE + "x" * 5000
    for assertion in definition["assertions"]:
        if assertion["label"] == "cawg.metadata":
            assertion["data"]["dc:creator"] = [HOSTILE, {"name": HOSTILE}, 7, None]
        if assertion["label"] == "c2pa.actions.v2":
            assertion["data"]["actions"][0]["softwareAgent"] = {"name": HOSTILE}
    signer, target = media.ring().signer, io.BytesIO()
    source = io.BytesIO(media.sample(MediaType.JPEG))
    manifest.write_manifest(
        source, target, MediaType.JPEG, definition, signer.certificates_pem, signer.algorithm, signer.sign
    )
    claims = media.read(target.getvalue()).claims
    assert len(claims.title) == 1024
    for text in (claims.title, claims.author, claims.model):
        assert text.startswith("<script>alert(1)</script>  Set-Cookie: a=bgpj.exe[2J")
        assert not set(text) & set("\r\n\0\x1b\u202e")


def test_sr04_case_60_claimed_names_never_become_the_signer():
    content = media.sign(
        media.sample(MediaType.JPEG), title="Leica Camera AG M11-P", author="Associated Press", model="Leica"
    )
    found = media.read(content)
    assert found.issuer == "TEST Newsroom"
    assert found.common_name == "TEST Newsroom TEST signer"
    assert found.claims.author == "Associated Press"


# --- network


class Canary:
    """A listener that counts who calls."""

    def __enter__(self):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self.port, self.calls, self._open = self._socket.getsockname()[1], 0, True
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()
        return self

    def _listen(self):
        while self._open:
            try:
                self._socket.accept()[0].close()
            except TimeoutError:
                continue
            self.calls += 1

    def __exit__(self, *error):
        time.sleep(0.1)
        self._open = False
        self._thread.join()
        self._socket.close()


def naming(address):
    """A JPEG whose XMP says that its manifest is kept at ``address``."""
    xmp = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dcterms="http://purl.org/dc/terms/" '
        f'dcterms:provenance="{address}"/></rdf:RDF></x:xmpmeta>'
    ).encode()
    payload = b"http://ns.adobe.com/xap/1.0/\0" + xmp
    plain = media.sample(MediaType.JPEG)
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + plain[2:]


def test_the_canary_hears_a_call():
    with Canary() as canary:
        socket.create_connection(("127.0.0.1", canary.port)).close()
    assert canary.calls == 1


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{port}/secret",
        "http://localhost:{port}/secret",
        "http://localhost.:{port}/secret",
        "http://[::ffff:127.0.0.1]:{port}/secret",
        "http://0.0.0.0:{port}/secret",
        "http://2130706433:{port}/secret",
        "http://0177.0.0.1:{port}/secret",
        "http://0x7f.1:{port}/secret",
    ],
)
def test_sr14_cases_70_71_remote_manifest_is_named_never_fetched(address):
    with Canary() as canary:
        started = time.monotonic()
        found = media.read(naming(address.format(port=canary.port)))
        assert time.monotonic() - started < 1
    assert canary.calls == 0
    assert found.state is CredentialState.REMOTE
    assert any("not fetched" in note for note in found.notes)


def test_sr14_signing_a_file_that_names_a_remote_manifest_calls_nobody():
    with Canary() as canary:
        content = media.sign(naming(f"http://127.0.0.1:{canary.port}/secret"))
    assert canary.calls == 0
    assert media.read(content).state is CredentialState.TRUSTED


def identified_by(issuer):
    """A signed JPEG with an identity assertion whose credential ``issuer``, a DID, is said to have issued."""
    referenced = {"url": "self#jumbf=c2pa.assertions/c2pa.hash.data", "hash": list(bytes(32))}
    subject = {
        "verifiedIdentities": [{"type": "cawg.social_media", "username": "AP", "uri": "https://example.com/ap",
                                "verifiedAt": "2026-01-01T00:00:00Z",
                                "provider": {"id": "https://example.com", "name": "AP"}}],
        "c2paAsset": {"referenced_assertions": [{**referenced, "hash": base64.b64encode(bytes(32)).decode()}],
                      "sig_type": "cawg.identity_claims_aggregation"},
    }  # fmt: skip
    credential = {
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://cawg.io/identity/1.1/ica/context/"],
        "type": ["VerifiableCredential", "IdentityClaimsAggregationCredential"],
        "issuer": issuer, "validFrom": "2026-01-01T00:00:00Z", "credentialSubject": subject,
    }  # fmt: skip
    protected = cbor2.dumps({1: -8, 3: "application/vc"})
    cose = cbor2.CBORTag(18, [protected, {}, json.dumps(credential).encode(), bytes(64)])
    payload = {"referenced_assertions": [referenced], "sig_type": "cawg.identity_claims_aggregation"}
    identity = {"signer_payload": payload, "signature": list(cbor2.dumps(cose)), "pad1": [0] * 64}
    definition = build_definition(media.request(), media.NOW)
    definition["assertions"].append({"label": "cawg.identity", "kind": "Cbor", "data": identity})
    target, signer = io.BytesIO(), media.ring().signer
    manifest.write_manifest(
        io.BytesIO(media.sample(MediaType.JPEG)), target, MediaType.JPEG, definition,
        signer.certificates_pem, signer.algorithm, signer.sign,
    )  # fmt: skip
    return target.getvalue()


@pytest.mark.parametrize("name", ["localhost%3A{port}", "127.0.0.1%3A{port}:media", "localhost.%3A{port}"])
def test_sr14_case_76_issuer_of_an_identity_is_named_never_fetched(name):
    with Canary() as canary:
        started = time.monotonic()
        found = media.read(identified_by("did:web:" + name.format(port=canary.port)))
        assert time.monotonic() - started < 1
    assert canary.calls == 0
    codes = {code.code for code in found.codes}
    assert codes & {"cawg.ica.did_unavailable", "cawg.ica.did_unsupported_method"}, "it was to be looked up"
    assert found.state is CredentialState.INCONCLUSIVE
    assert found.issuer == "TEST Newsroom", "who signed, not whom the assertion names"


# --- reports that were meddled with between worker and parent


def _report():
    return manifest.read_manifest(io.BytesIO(media.signed()), MediaType.JPEG, media.trust())


def test_certificate_other_than_the_checked_one_is_not_shown():
    stranger = certificates.issue_test_chain("Stranger", media.NOW).chain[0]
    meddled = {**_report(), "chain": [stranger.public_bytes(certificates.serialization.Encoding.DER)]}
    found = credential_from(meddled, media.trust(), now=media.NOW)
    assert found.state is CredentialState.INCONCLUSIVE
    assert found.issuer is None


def test_case_49_two_time_stamps_show_no_time():
    tsa = {**media.trust()["lists"][0], "kind": "tsa", "name": "clocks", "uri": "urn:provenance:trust:clocks"}
    plain = {"lists": [*media.trust()["lists"], tsa]}
    stamp = [
        "timeStamp.trusted",
        "success",
        "",
        "timestamp cert trusted: TEST, trust list: urn:provenance:trust:clocks",
    ]
    report = {**_report(), "time": "2026-11-23T10:00:00+00:00"}
    one = credential_from({**report, "codes": [*report["codes"], stamp]}, plain, now=media.NOW)
    assert one.signed_at == datetime(2026, 11, 23, 10, tzinfo=UTC)
    two = credential_from({**report, "codes": [*report["codes"], stamp, stamp]}, plain, now=media.NOW)
    assert two.signed_at is None
    assert any("time stamp" in note for note in two.notes)
    unlisted = credential_from({**report, "codes": [*report["codes"], stamp]}, media.trust(), now=media.NOW)
    assert unlisted.signed_at is None
