"""Manifests that a dishonest writer signs: what the engine's own writer would refuse to make.

Names of the form ``case_NN`` are the numbers of docs/threat-model.md.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from datetime import UTC, datetime, timedelta

import brotli
import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from provenance.evidence import CredentialState, IngredientState, MediaType, Revocation
from provenance.signing import certificates
from provenance.signing.coverage import left_out
from provenance.signing.describe import MAX_ALIKE
from tests import signing_media as media
from tests.clock import Clock
from tests.forged import Box, Forged, box, superbox

SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
PS256 = -37


def signed_again(forged, **options):
    """The file with a claim that the TEST newsroom signed as it is now."""
    forged.sign(media.ring().signer.sign, **options)
    return forged.jpeg()


def failures(found):
    return {code.code for code in found.codes if code.outcome == "failure"}


# --- the signature


@pytest.mark.parametrize("payload", ["claim", "other"])
def test_case_56_a_payload_beside_the_claim_is_never_believed(payload):
    """The engine checks the claim; a reader that shows what is attached would show what nobody checked."""
    forged = Forged(media.signed())
    claim = next(content for kind, content in forged.claim.parts if kind == b"cbor")
    headers, unprotected, _, signature = forged.manifest.named("c2pa.signature").value.value
    forged.put([headers, unprotected, claim if payload == "claim" else b"\xa0", signature])
    found = media.read(forged.jpeg())
    assert found.state is CredentialState.INCONCLUSIVE
    assert found.issuer is None
    assert any("without a payload" in note for note in found.notes)


@pytest.mark.parametrize("algorithm", [None, 0, -65_535, -7_777])
def test_case_57_no_or_unknown_algorithms_do_not_hold(algorithm):
    def change(headers):
        headers.pop(1)
        headers.update({1: algorithm} if algorithm is not None else {})

    found = media.read(signed_again(Forged(media.signed()), protected=change))
    assert found.state in (CredentialState.TAMPERED, CredentialState.INCONCLUSIVE)


# --- the binding


def leave_out(forged, *ranges):
    """Bind the file without ``ranges``, and say so in the binding."""
    binding = forged.assertions.named("c2pa.hash.data").value
    binding["exclusions"] += [{"start": start, "length": length} for start, length in ranges]
    content, bound, at = forged.jpeg(), hashlib.sha256(), 0
    for each in binding["exclusions"]:
        bound.update(content[at : each["start"]])
        at = each["start"] + each["length"]
    bound.update(content[at:])
    forged.change("c2pa.hash.data", {**binding, "hash": bound.digest(), "pad": b""})
    return signed_again(forged)


def test_case_61_a_picture_that_the_signature_leaves_out_is_not_signed():
    signed = media.signed()
    begin = Forged(signed).jpeg().index(b"\xff\xda")
    made = leave_out(Forged(signed), (begin, len(signed) - begin - 2))
    other = bytearray(made)
    other[begin + 40 : -2] = bytes(len(made) - begin - 42)
    for content in (made, bytes(other)):
        found = media.read(content)
        assert "assertion.dataHash.match" in {code.code for code in found.codes}, "the hashes do hold"
        assert found.state is CredentialState.INCONCLUSIVE
        assert found.bound_digest is None
        assert any("leaves out" in note and "of the file" in note for note in found.notes)


def test_case_61_room_for_metadata_is_said_and_does_not_hurt():
    signed = media.signed()
    found = media.read(leave_out(Forged(signed), (len(signed) - 40, 20)))
    assert found.state is CredentialState.TRUSTED
    assert any("leaves out further bytes" in note for note in found.notes)


@pytest.mark.parametrize(
    ("assertion", "share"),
    [
        (
            {
                "c2pa.hash.bmff.v3": {
                    "exclusions": [{"xpath": "/uuid"}, {"xpath": "/ftyp"}, {"xpath": "/free"}]
                }
            },
            0,
        ),
        ({"c2pa.hash.bmff.v2": {"exclusions": [{"xpath": "/uuid"}, {"xpath": "/mdat"}]}}, 1),
        ({"c2pa.hash.bmff": {"exclusions": [{"xpath": "/moov"}]}}, 1),
        ({"c2pa.hash.boxes": {"boxes": [{"names": ["C2PA"]}, {"names": ["SOF0", "SOS"]}]}}, 0),
        ({"c2pa.hash.boxes": {"boxes": [{"names": ["APP1", "COM"], "excluded": True}]}}, 0),
        ({"c2pa.hash.boxes": {"boxes": [{"names": ["APP1", "SOS"], "excluded": True}]}}, 1),
        ({"c2pa.hash.data": {"exclusions": [{"start": 20, "length": 1_167}]}}, 100 / 9_000),
        ({"c2pa.hash.data": {"exclusions": [{"start": 20, "length": 1 << 60}]}}, (9_980 - 1_067) / 9_000),
        ({"c2pa.hash.data": {"exclusions": [{"start": "a"}, 7, {"start": 1, "length": None}]}}, 0),
        ({"c2pa.hash.data": {"exclusions": None}, "c2pa.hash.bmff": None, "c2pa.actions": {}}, 0),
        ({}, 0),
    ],
)
def test_case_61_share_of_each_kind_of_binding(assertion, share):
    assert left_out(assertion, 1_000, 10_000) == pytest.approx(share)


# --- structure


@pytest.mark.parametrize("place", ["store", "assertions"])
def test_case_63_boxes_nested_without_end_are_inconclusive(place):
    inner = box(b"free", b"x")
    description = superbox(b"c2as", "a").description
    for _ in range(10_000):
        inner = box(b"jumb", box(b"jumd", description) + inner)
    forged = Forged(media.signed())
    getattr(forged, place).parts.append((b"jumb", inner[8:]))
    assert media.read(forged.jpeg()).state is CredentialState.INCONCLUSIVE


def test_case_64_a_hundred_thousand_assertions_are_not_read():
    forged = Forged(media.signed())
    forged.assertions.parts += [superbox(b"cbor", f"x.y__{n}", (b"cbor", b"\xa0")) for n in range(100_001)]
    started = time.process_time()
    assert media.read(forged.jpeg()).state is CredentialState.INCONCLUSIVE
    assert time.process_time() - started < 10


def test_case_64_assertions_that_are_not_there_are_told_some_times_only():
    forged = Forged(media.signed())
    claim = forged.claim.value
    claim["created_assertions"] += [
        {"url": f"self#jumbf=c2pa.assertions/x.y__{n}", "hash": bytes(32)} for n in range(3_000)
    ]
    forged.claim.value = claim
    found = media.read(forged.jpeg())
    assert found.state is CredentialState.TAMPERED
    assert sum(code.code == "assertion.missing" for code in found.codes) == MAX_ALIKE


def test_case_65_a_compressed_manifest_of_a_gibibyte_is_not_unpacked():
    packer, block = brotli.Compressor(quality=1), bytes(1 << 20)
    packed = b"".join(packer.process(block) for _ in range(1 << 10)) + packer.finish()
    forged = Forged(media.signed())
    forged.manifest.parts = [(b"brob", packed)]
    forged.manifest.description = b"c2cm" + forged.manifest.description[4:]
    started = time.process_time()
    found = media.read(forged.jpeg())
    assert found.state is CredentialState.INCONCLUSIVE
    assert any("exceeds maximum size" in note for note in found.notes)
    assert time.process_time() - started < 5


@pytest.mark.parametrize("instance", [0x0211, 0x0212])
@pytest.mark.parametrize("before", [True, False])
def test_case_66_two_manifest_stores_in_one_file_do_not_hold(instance, before):
    own, other = Forged(media.signed()), Forged(media.sign(media.sample(MediaType.JPEG), title="Other"))
    kept = own.jpeg()[len(own.before) : -len(own.after)]
    second = other.jpeg()[len(other.before) : -len(other.after)]
    second = second[:6] + instance.to_bytes(2, "big") + second[8:]
    found = media.read(own.before + (second + kept if before else kept + second) + own.after)
    assert found.state in (CredentialState.UNBOUND, CredentialState.INCONCLUSIVE)


# --- what is claimed


@pytest.mark.parametrize("label", ["c2pa.actions.v2", "c2pa.hash.data"])
def test_case_67_a_manifest_cannot_redact_what_it_must_say(label):
    forged = Forged(media.signed())
    address = f"self#jumbf=/c2pa/{forged.manifest.label}/c2pa.assertions/{label}"
    forged.claim.value = {**forged.claim.value, "redacted_assertions": [address]}
    assert media.read(signed_again(forged)).state is CredentialState.TAMPERED
    forged.assertions.parts.remove(forged.assertions.named(label))
    assert media.read(signed_again(forged)).state in (CredentialState.TAMPERED, CredentialState.INCONCLUSIVE)


def test_case_68_captured_and_generated_at_once_is_remarked_upon():
    forged = Forged(media.signed())
    actions = forged.assertions.named("c2pa.actions.v2").value
    actions["actions"].append(
        {"action": "c2pa.edited", "digitalSourceType": SOURCE + "trainedAlgorithmicMedia"}
    )
    forged.change("c2pa.actions.v2", actions)
    found = media.read(signed_again(forged))
    assert found.state is CredentialState.TRUSTED
    assert "contradictory claims: captured and generated at once" in found.notes
    assert any(kind.synthetic for kind in found.claims.source_types)


def edited():
    """A file signed over a signed one, and the manifest of its source in it."""
    forged = Forged(media.sign(media.signed(), title="Second"))
    return forged, next(part for part in forged.store.parts if isinstance(part, Box))


def test_case_59_a_changed_source_is_not_green():
    forged, source = edited()
    text = source.named("c2pa.assertions").named("cawg.metadata")
    text.value = {**text.value, "dc:title": "Harbour at dusk"}
    found = media.read(forged.jpeg())
    assert (found.state, found.ingredients) == (CredentialState.TAMPERED, IngredientState.FAILED)


def test_case_59_another_source_in_its_place_is_not_green():
    forged, source = edited()
    other = Forged(media.sign(media.sample(MediaType.JPEG), title="Harbour at dusk")).manifest
    forged.store.parts[forged.store.parts.index(source)] = other
    found = media.read(forged.jpeg())
    assert (found.state, found.ingredients) == (CredentialState.TAMPERED, IngredientState.FAILED)


def test_case_59_a_wrong_hash_of_the_source_is_not_green_whoever_signs_it():
    forged, _ = edited()
    said = forged.assertions.named("c2pa.ingredient.v3").value
    forged.change(
        "c2pa.ingredient.v3", {**said, "activeManifest": {**said["activeManifest"], "hash": bytes(32)}}
    )
    found = media.read(signed_again(forged))
    assert (found.state, found.ingredients) == (CredentialState.TAMPERED, IngredientState.FAILED)
    assert "ingredient.manifest.mismatch" in failures(found)


# --- the chain


class Chain:
    """A root, an intermediate and a leaf, each as a test wants it; the certificates are ``TEST`` ones.

    Args:
        keys: Private keys of intermediate and leaf, P-256 by default.
        limits: Name constraints of the intermediate.
        authority: Whether the leaf is an authority itself.
        deeper: A further intermediate below the first, which may have none below it.
        life: Until the leaf expires.
    """

    def __init__(
        self, keys=(None, None), limits=None, life=timedelta(days=30), *, authority=False, deeper=False
    ):
        self._validity = (datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=30))
        root, middle, leaf, lower = (ec.generate_private_key(ec.SECP256R1()) for _ in range(4))
        self.middle_key, self.key = keys[0] or middle, keys[1] or leaf
        self.root = self._made("root", root, None, root, authority=True, path=None)
        self.middle = self._made("middle", self.middle_key, self.root, root, authority=True, limits=limits)
        above = [(self.middle, self.middle_key)]
        if deeper:
            above.insert(0, (self._made("lower", lower, self.middle, self.middle_key, authority=True), lower))
        self._validity = (self._validity[0], datetime.now(UTC) + life)
        self.leaf = self._made("leaf", self.key, *above[0], authority=authority, path=None, uses=True)
        self.certificates = [self.leaf, *(one for one, _ in above)]

    def _made(self, role, key, issuer, issuer_key, *, authority, path=0, limits=None, uses=False):
        name = certificates._name("TEST Newsroom", f"TEST {role}")
        above = issuer.subject if issuer is not None else name
        builder = (
            certificates._certificate(name, key, above, issuer_key, self._validity)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=path), critical=True)
            .add_extension(certificates._usage(authority=authority), critical=True)
        )
        if limits is not None:
            builder = builder.add_extension(limits, critical=True)
        if uses:
            purposes = [ExtendedKeyUsageOID.EMAIL_PROTECTION, certificates.CLAIM_SIGNING]
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        return builder.sign(issuer_key, hashes.SHA256())

    def sign(self, content):
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(content, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        return self.key.sign(content, ec.ECDSA(hashes.SHA256()))

    def forge(self):
        forged = Forged(media.signed())
        algorithm = {1: PS256} if isinstance(self.key, rsa.RSAPrivateKey) else {}
        chain = {33: [one.public_bytes(serialization.Encoding.DER) for one in self.certificates]}
        forged.sign(self.sign, lambda headers: headers.update(chain | algorithm))
        return forged

    def lists(self, *clocks):
        roots = [("own", "manifest", self.root), *(("clocks", kind, root) for kind, root in clocks)]
        return {
            "lists": [
                {"name": name, "kind": kind, "uri": f"urn:provenance:trust:{name}",
                 "pem": certificates.to_pem(root).decode()}
                for name, kind, root in roots
            ]
        }  # fmt: skip

    def read(self):
        return media.read(self.forge().jpeg(), plain=self.lists())


def rsa_key(bits):
    return rsa.generate_private_key(65_537, bits)


def directory(*values):
    return [x509.DirectoryName(certificates._name(*each)) for each in values]


def country(code):
    return [x509.DirectoryName(x509.Name([x509.NameAttribute(x509.NameOID.COUNTRY_NAME, code)]))]


def test_chains_as_they_should_be_are_trusted():
    assert Chain().read().state is CredentialState.TRUSTED
    assert Chain((None, rsa_key(2_048))).read().state is CredentialState.TRUSTED


@pytest.mark.parametrize("fault", [{"authority": True}, {"deeper": True}])
def test_case_53_leaves_that_are_authorities_and_paths_too_long_are_not_trusted(fault):
    assert Chain(**fault).read().state is CredentialState.UNRECOGNIZED


@pytest.mark.parametrize(
    ("limits", "state"),
    [
        (x509.NameConstraints(None, directory(("TEST Newsroom", "TEST leaf"))), CredentialState.UNRECOGNIZED),
        (x509.NameConstraints(None, country("XX")), CredentialState.UNRECOGNIZED),
        (x509.NameConstraints(country("DE"), None), CredentialState.UNRECOGNIZED),
        (x509.NameConstraints(country("XX"), country("DE")), CredentialState.TRUSTED),
        (x509.NameConstraints([x509.DNSName("example.org")], None), CredentialState.TRUSTED),
    ],
)
def test_case_53_an_authority_vouches_for_names_that_it_may_give(limits, state):
    found = Chain(limits=limits).read()
    assert found.state is state
    assert any("may not give" in note for note in found.notes) == (state is CredentialState.UNRECOGNIZED)


@pytest.mark.parametrize("place", [0, 1])
def test_case_54_weak_keys_are_not_trusted_at_either_place(place):
    keys = [None, None]
    keys[place] = rsa_key(1_024)
    found = Chain(keys).read()
    assert found.state is CredentialState.UNRECOGNIZED
    assert any("too weak" in note for note in found.notes)


@pytest.mark.parametrize("place", ["leaf", "middle"])
def test_case_69_a_signer_under_a_notice_is_not_relied_upon(place):
    chain = Chain()
    notice = {
        "name": "camera-2026",
        "kind": "notice",
        "uri": "urn:provenance:trust:camera-2026",
        "pem": certificates.to_pem(getattr(chain, place)).decode(),
        "source": "https://example.org/notice",
        "date": "2026-11-01",
    }
    told = media.read(chain.forge().jpeg(), plain={"lists": [*chain.lists()["lists"], notice]})
    assert told.state is CredentialState.INCONCLUSIVE
    assert any("camera-2026” of 2026-11-01 (https://example.org/notice)" in note for note in told.notes)
    other = media.read(Chain().forge().jpeg(), plain={"lists": [*chain.lists()["lists"], notice]})
    assert other.state is CredentialState.UNRECOGNIZED, "a notice vouches for nobody"
    assert not any("notice" in note for note in other.notes)


# --- revocation and time


def answer(chain, subject, status):
    """An answer (OCSP) of a responder of the chain's intermediate about ``subject``, DER."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    validity = (now - timedelta(days=1), now + timedelta(days=30))
    name = certificates._name("TEST Newsroom", "TEST responder")
    responder = (
        certificates._certificate(name, key, chain.middle.subject, chain.middle_key, validity)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(certificates._usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), critical=False)
        .add_extension(x509.OCSPNoCheck(), critical=False)
        .sign(chain.middle_key, hashes.SHA256())
    )
    revoked = status is ocsp.OCSPCertStatus.REVOKED
    made = ocsp.OCSPResponseBuilder().add_response(
        cert=subject,
        issuer=chain.middle,
        algorithm=hashes.SHA1(),  # names the issuer, as RFC 6960 has it
        cert_status=status,
        this_update=now - timedelta(hours=1),
        next_update=now + timedelta(days=1),
        revocation_time=now - timedelta(days=2) if revoked else None,
        revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
    )
    named = made.responder_id(ocsp.OCSPResponderEncoding.HASH, responder).certificates([responder])
    return named.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def with_headers(forged, added):
    """The file with further unprotected headers in its signature."""
    headers, unprotected, payload, signature = forged.manifest.named("c2pa.signature").value.value
    forged.put([headers, {**unprotected, **added}, payload, signature])
    return forged.jpeg()


@pytest.mark.parametrize(
    ("status", "other", "state", "revocation"),
    [
        (ocsp.OCSPCertStatus.GOOD, False, CredentialState.TRUSTED, Revocation.GOOD),
        (ocsp.OCSPCertStatus.REVOKED, False, CredentialState.REVOKED, Revocation.REVOKED),
        (ocsp.OCSPCertStatus.UNKNOWN, False, CredentialState.TRUSTED, Revocation.UNKNOWN),
        (ocsp.OCSPCertStatus.GOOD, True, CredentialState.TRUSTED, Revocation.UNKNOWN),
    ],
)
def test_cases_43_and_44_answers_about_revocation_count_for_the_leaf_they_name(
    status, other, state, revocation
):
    chain = Chain()
    subject = Chain().leaf if other else chain.leaf
    stapled = {"rVals": {"ocspVals": [answer(chain, subject, status)]}}
    found = media.read(with_headers(chain.forge(), stapled), plain=chain.lists())
    assert (found.state, found.revocation) == (state, revocation)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="OpenSSL's time-stamp authority is not here")
def test_case_46_an_expired_leaf_is_trusted_for_the_time_a_listed_clock_confirms(tmp_path):
    """Measured with c2pa-rs 0.91.3: any root may tell the time, whatever it is listed for; here it may not."""
    clock, chain = Clock(tmp_path), Chain(life=timedelta(seconds=2))
    forged = chain.forge()
    headers, _, _, signature = forged.manifest.named("c2pa.signature").value.value
    # Source: C2PA Technical Specification 2.2, 13.2.6.2 (sigTst2), as c2pa-rs 0.91.3 makes it.
    stamped = cbor2.dumps(["CounterSignature", headers, b"", cbor2.dumps(signature)])
    now = datetime.now(UTC)
    content = with_headers(forged, {"sigTst2": {"tstTokens": [{"val": clock.stamp(stamped)}]}})
    time.sleep(max(0.0, (chain.leaf.not_valid_after_utc - datetime.now(UTC)).total_seconds() + 1.2))
    told = credential_at(content, chain.lists(("tsa", clock.root)))
    assert told.state is CredentialState.TRUSTED
    assert told.signed_at is not None
    assert abs(told.signed_at - now) < timedelta(seconds=3)
    for lists in (chain.lists(), chain.lists(("manifest", clock.root))):
        found = credential_at(content, lists)
        assert found.state is CredentialState.EXPIRED
        assert found.signed_at is None
        assert any("no listed authority" in note for note in found.notes)


def credential_at(content, lists):
    """The credential as it stands at this moment, not at the beginning of the run."""
    report = media.read_manifest(media.io.BytesIO(content), MediaType.JPEG, lists)
    return media.credential_from(report, lists, now=datetime.now(UTC))
