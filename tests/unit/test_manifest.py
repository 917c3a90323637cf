"""Manifests in every documented format: written, read back, confirmed by a second validator."""

from __future__ import annotations

import base64
import errno
import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import c2pa
import encypher_c2pa
import pytest

from provenance.digest import Digest
from provenance.errors import ConfigError, CredentialError, KeyMaterialError, StorageError, UnsupportedError
from provenance.evidence import CredentialState, IngredientState, MediaType, Revocation, SourceType
from provenance.signing import certificates, manifest
from provenance.signing.claims import TrainingPolicy, build_definition
from provenance.signing.jumbf import read_boxes
from tests import signing_media as media

FIXTURES = Path(__file__).parents[3] / "shared" / "data" / "c2pa" / "fixtures"
FORMATS = sorted(manifest.SIGNABLE)


@pytest.fixture
def second(monkeypatch, tmp_path):
    """The independent validator, kept from the network and from the user's own folder."""
    monkeypatch.setenv("ENCYPHER_C2PA_TELEMETRY", "off")
    monkeypatch.delenv("ENCYPHER_C2PA_ONLINE", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))

    def verify(content, kind, root):
        return encypher_c2pa.verify(
            content, mime_type=kind.value, trust_pem=root, no_default_trust=True, telemetry=False
        )

    return verify


def test_documented_formats_are_exactly_these():
    text = (Path(__file__).parents[2] / "docs" / "formats.md").read_text("utf-8")
    section = text.split("## Media formats", 1)[1].split("\n## ", 1)[0]
    rows = dict(re.findall(r"^\| `([^`]+)` \| (signed|read only)", section, re.MULTILINE))
    assert {kind for kind, how in rows.items() if how == "signed"} == {kind.value for kind in FORMATS}
    assert set(rows) == {kind.value for kind in MediaType}


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_signed_and_reads_trusted(kind):
    found = media.read(media.signed(kind), kind)
    assert found.state is CredentialState.TRUSTED
    assert found.issuer == "TEST Newsroom"
    assert found.trust_list == "development"
    assert found.tier == "c2pa"
    assert found.certificate_sha256 == media.ring().signer.certificate_sha256
    assert found.claims.title == "Harbour at dawn"
    assert found.claims.author == "A. Writer"
    assert found.claims.source_types == (SourceType.DIGITAL_CAPTURE,)
    assert len(found.bound_digest) == 32
    assert found.ingredients is IngredientState.NONE


@pytest.mark.parametrize("kind", FORMATS)
def test_second_validator_agrees(kind, second):
    root = media.trust()["lists"][0]["pem"]
    accepted = second(media.signed(kind), kind, root)
    assert accepted["integrity"] == "valid"
    assert accepted["trust"]["status"] == "valid_for_supplied_material"
    stranger = certificates.to_pem(certificates.issue_test_chain("Newsroom", media.NOW).root).decode()
    assert second(media.signed(kind), kind, stranger)["trust"]["status"] != "valid_for_supplied_material"


@pytest.mark.shared
@pytest.mark.skipif(not FIXTURES.exists(), reason="the public sample files are not here")
def test_camera_heic_is_signed_and_reads_trusted(second):
    content = media.sign((FIXTURES / "sample1.heic").read_bytes(), MediaType.HEIC)
    assert media.read(content, MediaType.HEIC).state is CredentialState.TRUSTED
    root = media.trust()["lists"][0]["pem"]
    assert second(content, MediaType.HEIC, root)["integrity"] == "valid"


@pytest.mark.shared
@pytest.mark.skipif(not FIXTURES.exists(), reason="the public sample files are not here")
@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("C.jpg", CredentialState.UNRECOGNIZED),
        ("E-sig-CA.jpg", CredentialState.TAMPERED),
        ("CACAE-uri-CA.jpg", CredentialState.TAMPERED),
        ("CIE-sig-CA.jpg", CredentialState.TAMPERED),
        ("XCA.jpg", CredentialState.UNBOUND),
        ("cloud.jpg", CredentialState.REMOTE),
        ("no_manifest.jpg", CredentialState.ABSENT),
        ("no_alg.jpg", CredentialState.INCONCLUSIVE),
        ("prerelease.jpg", CredentialState.INCONCLUSIVE),
    ],
)
def test_public_samples_stand_as_their_names_say(name, state):
    found = media.read((FIXTURES / name).read_bytes(), plain=media.NOBODY)
    assert found.state is state


@pytest.mark.shared
@pytest.mark.skipif(not FIXTURES.exists(), reason="the public sample files are not here")
def test_case_48_time_of_an_unlisted_authority_is_not_shown():
    found = media.read((FIXTURES / "CA.jpg").read_bytes())
    assert any(code.code.startswith("timeStamp.") for code in found.codes)
    assert found.signed_at is None
    assert any("time stamp that no listed authority" in note for note in found.notes)


def test_what_was_signed_is_what_is_reported():
    target = io.BytesIO()
    signer = media.ring().signer
    made = manifest.write_manifest(
        io.BytesIO(media.sample(MediaType.PNG)),
        target,
        MediaType.PNG,
        build_definition(media.request(), media.NOW),
        signer.certificates_pem,
        signer.algorithm,
        signer.sign,
    )
    found = media.read(target.getvalue(), MediaType.PNG)
    assert made.manifest_id == found.manifest_id
    assert made.bound_digest == found.bound_digest
    assert not made.edits
    with c2pa.Reader("image/png", target, context=c2pa.Context()) as reader:
        store = manifest._store(reader, made.manifest_id)
        hard = json.loads(reader.detailed_json())["manifests"][made.manifest_id]["assertion_store"]
    assert Digest.of(store) == made.store_digest
    assert Digest.of(read_boxes(store, made.manifest_id).claim) == made.claim_digest
    assert base64.b64decode(hard["c2pa.hash.data"]["hash"]) == made.bound_digest


def test_claims_of_generated_content_come_back():
    content = media.sign(
        media.sample(MediaType.JPEG),
        source_type=SourceType.TRAINED_ALGORITHMIC,
        model="Painter 3",
        training=TrainingPolicy.NOT_ALLOWED,
        soft_binding=b"ISCC",
    )
    claims = media.read(content).claims
    assert claims.model == "Painter 3"
    assert claims.source_types == (SourceType.TRAINED_ALGORITHMIC,)
    assert dict(claims.training)["cawg.ai_generative_training"] == "notAllowed"
    assert claims.generator.startswith("content-provenance ")
    assert claims.when == media.NOW.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_earlier_credentials_are_kept_as_parent():
    first = media.read(media.signed())
    second = media.read(media.sign(media.signed(), title="Harbour, cropped"))
    assert second.state is CredentialState.TRUSTED
    assert second.ingredients is IngredientState.HELD
    assert second.ingredient_ids == (first.manifest_id,)
    assert second.claims.title == "Harbour, cropped"


def test_error_of_the_signer_passes_through():
    def refuse(data):
        raise RuntimeError("quota used up")

    signer = media.ring().signer
    definition = build_definition(media.request(), media.NOW)
    with pytest.raises(RuntimeError, match="quota used up"):
        manifest.write_manifest(
            io.BytesIO(media.sample(MediaType.JPEG)),
            io.BytesIO(),
            MediaType.JPEG,
            definition,
            signer.certificates_pem,
            signer.algorithm,
            refuse,
        )


@pytest.mark.parametrize("algorithm", ["none", "ES256", "hs256", ""])
def test_case_57_unknown_algorithm_is_refused(algorithm):
    with pytest.raises(KeyMaterialError, match="algorithm"):
        _write(MediaType.JPEG, media.sample(MediaType.JPEG), algorithm=algorithm)


def _write(kind, content, *, algorithm="es256", sign=None, pem=None):
    signer = media.ring().signer
    manifest.write_manifest(
        io.BytesIO(content),
        io.BytesIO(),
        kind,
        build_definition(media.request(), media.NOW),
        pem or signer.certificates_pem,
        algorithm,
        sign or signer.sign,
    )


@pytest.mark.parametrize("signature", [b"\0" * 64, b"x", b"\xff" * 64])
def test_case_55_wrong_signature_is_never_written(signature):
    with pytest.raises(KeyMaterialError):
        _write(MediaType.JPEG, media.sample(MediaType.JPEG), sign=lambda data: signature)


class FullDisk(io.BytesIO):
    """A file on a disk that is full after some bytes."""

    def write(self, content):
        if self.tell() + len(content) > 2000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(content)


def test_full_disk_is_storage_and_no_finding_about_the_media():
    signer = media.ring().signer
    definition = build_definition(media.request(), media.NOW)
    with pytest.raises(StorageError, match="No space left") as caught:
        manifest.write_manifest(
            io.BytesIO(media.sample(MediaType.JPEG)),
            FullDisk(),
            MediaType.JPEG,
            definition,
            signer.certificates_pem,
            signer.algorithm,
            signer.sign,
        )
    assert "source was not changed" in caught.value.hint


def test_key_of_another_certificate_is_refused():
    other = certificates.issue_test_chain("Newsroom", media.NOW)
    with pytest.raises(KeyMaterialError):
        _write(MediaType.JPEG, media.sample(MediaType.JPEG), pem=certificates.to_pem(*other.chain))


@pytest.mark.parametrize("kind", [MediaType.WEBM, MediaType.MKV, MediaType.OGG])
def test_format_without_a_place_for_manifests_is_refused(kind):
    with pytest.raises(UnsupportedError):
        _write(kind, b"\x1a\x45\xdf\xa3")
    assert media.read(b"\x1a\x45\xdf\xa3" * 100, kind).state is CredentialState.ABSENT


def test_media_that_cannot_be_parsed_is_refused():
    with pytest.raises(CredentialError):
        _write(MediaType.PNG, b"\x89PNG\r\n\x1a\n rubbish")


def test_failure_of_the_system_is_no_finding(monkeypatch):
    def broken(*args, **kwargs):
        raise c2pa.C2paError("Io: No space left on device (os error 28)")

    monkeypatch.setattr(c2pa, "Reader", broken)
    with pytest.raises(StorageError):
        media.read(media.sample(MediaType.JPEG))


@pytest.mark.parametrize("sdk", ["0.91.0", "0.90.17", "0.80.1"])
def test_sr39_engine_below_the_floor_is_refused(monkeypatch, sdk):
    manifest.check_engine()
    monkeypatch.setattr(c2pa, "sdk_version", lambda: sdk)
    with pytest.raises(ConfigError, match=re.escape(sdk)):
        manifest.check_engine()


def test_sr39_other_wrapper_is_refused(monkeypatch):
    monkeypatch.setattr(manifest, "version", lambda name: "0.39.0")
    with pytest.raises(ConfigError, match="0\\.39\\.0"):
        manifest.check_engine()


def test_sr14_every_context_is_kept_from_the_network(monkeypatch):
    seen = []
    real = c2pa.Context.from_dict
    monkeypatch.setattr(c2pa.Context, "from_dict", lambda given: seen.append(given) or real(given))
    media.read(media.sign(media.sample(MediaType.JPEG)))
    assert len(seen) >= 2
    for settings in seen:
        assert settings["verify"]["remote_manifest_fetch"] is False
        assert settings["verify"]["ocsp_fetch"] is False
        assert settings["core"]["allowed_network_hosts"] == []
        assert settings["builder"]["thumbnail"]["enabled"] is False


def test_case_45_missing_revocation_is_said():
    found = media.read(media.signed())
    assert found.revocation is Revocation.UNKNOWN


def test_same_input_gives_the_same_credential():
    assert media.read(media.signed()) == media.read(media.signed())


def test_report_is_plain():
    def check(value):
        if isinstance(value, dict):
            assert all(isinstance(key, str) for key in value)
            value = list(value.values())
        if isinstance(value, (list, tuple)):
            for one in value:
                check(one)
        else:
            assert value is None or isinstance(value, (str, bytes, int, float, bool))

    content = media.sign(media.signed())
    check(manifest.read_manifest(io.BytesIO(content), MediaType.JPEG, media.trust()))


def test_claimed_dates_are_remarked_upon_case_50():
    signer = media.ring().signer
    for year, remark in ((1969, "before the signing certificate"), (2099, "in the future")):
        target = io.BytesIO()
        manifest.write_manifest(
            io.BytesIO(media.sample(MediaType.JPEG)),
            target,
            MediaType.JPEG,
            build_definition(media.request(), datetime(year, 7, 20, tzinfo=UTC)),
            signer.certificates_pem,
            signer.algorithm,
            signer.sign,
        )
        found = media.read(target.getvalue())
        assert found.state is CredentialState.TRUSTED
        assert found.signed_at is None
        assert any(remark in note for note in found.notes)
